package share

import (
	"encoding/binary"
	"time"

	"github.com/optup/optup/internal/consent"
)

// people are all whom a ledger knows: how each identity stands, which identities are one person, and how many people stand in which way.
// Nothing in the rows is a pointer. One goroutine changes them.
//
// An identity costs 32 bytes in rows, 5 to 11 in the index of tags, and as much in that of groups where the store has any; a grant that
// ends by itself costs 24 for each instant at which something changes.
type people struct {
	ways    *ways
	counter *counter

	rows           []row
	free           []uint32
	byTag, byGroup index

	timers timers
	stale  int
	// counts are of people, by the way in which they stand.
	counts []int64
	total  int64
	// now is the ledger's time up to which everything is taken into account, position that of the newest event.
	now        time.Time
	position   consent.Position
	generation int64
	// noted are the places of people who changed since the edition before; many tells that they are too many to note.
	noted []uint32
	many  bool
	// fetched is of no use: see ahead.
	fetched uint64
}

// row is one identity. Two of them fill a line of the processor's cache.
type row struct {
	// tag is the first 8 bytes of one.
	tag, group uint64
	// standing is the way in which the identity stands, next the next identity of the same person (in a ring), version a number that
	// changes with the identity.
	standing, next, version uint32
	// before is how the person stood at the edition before, where that was noted, and else unnoted.
	before uint32
}

// unnoted stands for people who did not change since the edition before.
const unnoted = noWay - 1

// maxNoted bounds the people who are noted.
const maxNoted = 1 << 16

func newPeople(w *ways, now time.Time) *people {
	return &people{ways: w, counter: newCounter(w), now: now, byGroup: index{of: ofGroup}}
}

func keyOf(t consent.Tag) uint64 { return binary.LittleEndian.Uint64(t[:8]) }

// person gives the way in which the person of an identity stands, and the lowest place of the person's identities.
func (p *people) person(at uint32) (way, lowest uint32) {
	way, lowest = p.rows[at].standing, at
	for n := p.rows[at].next; n != at; n = p.rows[n].next {
		way, lowest = p.ways.join(way, p.rows[n].standing), min(lowest, n)
	}
	return way, lowest
}

// uncount takes the person of an identity out of the counts, before something changes.
func (p *people) uncount(at uint32) {
	way, lowest := p.person(at)
	p.counts[way]--
	p.total--
	p.note(lowest, way)
}

func (p *people) note(lowest, way uint32) {
	if p.many || p.rows[lowest].before != unnoted {
		return
	}
	if len(p.noted) == maxNoted {
		p.settle()
		p.many = true
		return
	}
	p.rows[lowest].before = way
	p.noted = append(p.noted, lowest)
}

func (p *people) count(at uint32) {
	way, _ := p.person(at)
	for int(way) >= len(p.counts) {
		p.counts = append(p.counts, 0)
	}
	p.counts[way]++
	p.total++
}

// changed tells whether at least so many people stand otherwise than at the edition before.
func (p *people) changed(atLeast int) bool {
	if p.many {
		return true
	}
	seen := map[uint32]bool{}
	for _, at := range p.noted {
		if way, lowest := p.person(at); way != p.rows[at].before {
			seen[lowest] = true
		}
		if len(seen) >= atLeast {
			return true
		}
	}
	return false
}

// settle begins a new edition.
func (p *people) settle() {
	p.many = false
	for _, at := range p.noted {
		p.rows[at].before = unnoted
	}
	p.noted = p.noted[:0]
}

// add enters an identity that is not there yet.
func (p *people) add(tag, group uint64, s stand) {
	at := uint32(len(p.rows))
	if n := len(p.free); n > 0 {
		at, p.free = p.free[n-1], p.free[:n-1]
		r := &p.rows[at]
		r.tag, r.standing, r.next = tag, s.way, at
	} else {
		p.rows = append(p.rows, row{tag: tag, standing: s.way, next: at, before: unnoted})
	}
	p.byTag.put(p.rows, at)
	p.enter(at, group)
	p.set(at, s)
	p.count(at)
	_, lowest := p.person(at)
	p.note(lowest, noWay)
}

// enter puts an identity that is alone into a group. Whoever else is in it is taken out of the counts.
func (p *people) enter(at uint32, group uint64) {
	p.rows[at].group = group
	if group == 0 {
		return
	}
	if other, ok := p.byGroup.find(p.rows, group); ok {
		p.uncount(other)
		p.rows[at].next, p.rows[other].next = p.rows[other].next, at
		return
	}
	p.byGroup.put(p.rows, at)
}

// leave takes an identity, whose person is out of the counts, out of its group. The others are counted again.
func (p *people) leave(at uint32) {
	group, rest := p.rows[at].group, p.rows[at].next
	if rest == at {
		if group != 0 {
			p.byGroup.drop(p.rows, group)
		}
		return
	}
	last := rest
	for p.rows[last].next != at {
		last = p.rows[last].next
	}
	p.rows[last].next, p.rows[at].next = rest, at
	p.byGroup.put(p.rows, rest)
	p.count(rest)
	p.note(rest, noWay)
}

// set notes how an identity stands. Timers that were set before count no more.
func (p *people) set(at uint32, s stand) {
	r := &p.rows[at]
	r.version++
	r.standing = s.way
	for _, t := range s.later {
		t.place, t.version = at, r.version
		p.timers.push(t)
	}
}

// remove forgets an identity that turned out to be another one.
func (p *people) remove(at uint32) {
	p.uncount(at)
	p.leave(at)
	p.byTag.drop(p.rows, p.rows[at].tag)
	p.rows[at].group = 0
	p.rows[at].version++
	p.free = append(p.free, at)
}

// apply takes one change into account.
func (p *people) apply(c Change) {
	p.advance(c.At)
	for i := range c.Identities {
		p.identity(&c.Identities[i])
	}
	p.position = max(p.position, c.Position)
}

// identity takes into account how one identity is from now on. It is known by whichever of its tags it had before.
func (p *people) identity(one *Identity) {
	if len(one.Tags) == 0 {
		return
	}
	s := p.counter.count(one.Record, one.Type, p.now)
	at, known := uint32(0), false
	for _, tag := range one.Tags {
		found, ok := p.byTag.find(p.rows, keyOf(tag))
		switch {
		case !ok:
		case !known:
			at, known = found, true
		case found != at:
			p.remove(found)
		}
	}
	tag, group := keyOf(one.Tags[0]), one.Group
	if !known {
		p.add(tag, group, s)
		return
	}
	if p.rows[at].tag != tag {
		p.byTag.drop(p.rows, p.rows[at].tag)
		p.rows[at].tag = tag
		p.byTag.put(p.rows, at)
	}
	p.uncount(at)
	if p.rows[at].group != group {
		p.leave(at)
		p.enter(at, group)
	}
	p.stale += max(1, len(s.later))
	p.set(at, s)
	p.count(at)
	p.sweep()
}

// sweep drops timers that count no more, once they may be as many as the others.
func (p *people) sweep() {
	if p.stale < 1024 || p.stale < len(p.timers)/2 {
		return
	}
	p.timers.keep(func(t timer) bool { return p.rows[t.place].version == t.version })
	p.stale = 0
}

// advance lets time pass. It never goes back.
func (p *people) advance(now time.Time) {
	if !now.After(p.now) {
		return
	}
	p.now = now
	for len(p.timers) > 0 && p.timers[0].at <= now.UnixNano() {
		t := p.timers.pop()
		if p.rows[t.place].version != t.version {
			continue
		}
		p.uncount(t.place)
		p.rows[t.place].standing = t.standing
		p.count(t.place)
	}
}
