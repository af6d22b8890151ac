package share

import (
	"context"
	"encoding/binary"
	"runtime"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// people are all whom a ledger knows: how each identity stands, which identities are one person, and how many people stand in which way.
// Nothing in the columns is a pointer. One goroutine changes them.
//
// An identity costs 28 bytes in columns, 5 to 11 in the index of tags, and as much in that of groups where the store has any; a grant that
// ends by itself costs 24 for each instant at which something changes.
type people struct {
	ways    *ways
	counter *counter

	// Columns, by place: the first 8 bytes of a tag, the group, the way in which the identity stands, the next identity of the same
	// person (in a ring), and a number that changes with the identity.
	tags, groups                  []uint64
	standing, next, version, free []uint32
	byTag, byGroup                index

	timers timers
	stale  int
	// counts are of people, by the way in which they stand.
	counts []int64
	total  int64
	// now is the ledger's time up to which everything is taken into account, position that of the newest event.
	now        time.Time
	position   consent.Position
	generation int64
	// before holds how people stood at the edition before, for those who changed since; many tells that they are too many to note.
	before map[uint32]uint32
	many   bool
}

func newPeople(w *ways, now time.Time) *people {
	return &people{ways: w, counter: newCounter(w), now: now, before: map[uint32]uint32{}}
}

func keyOf(t consent.Tag) uint64 { return binary.LittleEndian.Uint64(t[:8]) }

// person gives the way in which the person of an identity stands, and the lowest place of the person's identities.
func (p *people) person(at uint32) (way, lowest uint32) {
	way, lowest = p.standing[at], at
	for n := p.next[at]; n != at; n = p.next[n] {
		way, lowest = p.ways.join(way, p.standing[n]), min(lowest, n)
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
	if p.many {
		return
	}
	if _, noted := p.before[lowest]; !noted {
		p.before[lowest] = way
	}
	if len(p.before) > 1<<16 {
		p.many, p.before = true, map[uint32]uint32{}
	}
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
	for at, was := range p.before {
		if way, lowest := p.person(at); way != was {
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
	clear(p.before)
}

// add enters an identity that is not there yet.
func (p *people) add(tag, group uint64, s stand) {
	at := uint32(len(p.tags))
	if n := len(p.free); n > 0 {
		at, p.free = p.free[n-1], p.free[:n-1]
		p.tags[at], p.standing[at], p.next[at] = tag, s.way, at
	} else {
		p.tags, p.groups = append(p.tags, tag), append(p.groups, 0)
		p.standing, p.next, p.version = append(p.standing, s.way), append(p.next, at), append(p.version, 0)
	}
	p.byTag.put(p.tags, at)
	p.enter(at, group)
	p.set(at, s)
	p.count(at)
	_, lowest := p.person(at)
	p.note(lowest, noWay)
}

// enter puts an identity that is alone into a group. Whoever else is in it is taken out of the counts.
func (p *people) enter(at uint32, group uint64) {
	p.groups[at] = group
	if group == 0 {
		return
	}
	if other, ok := p.byGroup.find(p.groups, group); ok {
		p.uncount(other)
		p.next[at], p.next[other] = p.next[other], at
		return
	}
	p.byGroup.put(p.groups, at)
}

// leave takes an identity, whose person is out of the counts, out of its group. The others are counted again.
func (p *people) leave(at uint32) {
	group, rest := p.groups[at], p.next[at]
	if rest == at {
		if group != 0 {
			p.byGroup.drop(p.groups, group)
		}
		return
	}
	last := rest
	for p.next[last] != at {
		last = p.next[last]
	}
	p.next[last], p.next[at] = rest, at
	p.byGroup.put(p.groups, rest)
	p.count(rest)
	p.note(rest, noWay)
}

// set notes how an identity stands. Timers that were set before count no more.
func (p *people) set(at uint32, s stand) {
	p.version[at]++
	p.standing[at] = s.way
	for _, t := range s.later {
		t.place, t.version = at, p.version[at]
		p.timers.push(t)
	}
}

// remove forgets an identity that turned out to be another one.
func (p *people) remove(at uint32) {
	p.uncount(at)
	p.leave(at)
	p.byTag.drop(p.tags, p.tags[at])
	p.groups[at] = 0
	p.version[at]++
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
		found, ok := p.byTag.find(p.tags, keyOf(tag))
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
	if p.tags[at] != tag {
		p.byTag.drop(p.tags, p.tags[at])
		p.tags[at] = tag
		p.byTag.put(p.tags, at)
	}
	p.uncount(at)
	if p.groups[at] != group {
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
	p.timers.keep(func(t timer) bool { return p.version[t.place] == t.version })
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
		if p.version[t.place] != t.version {
			continue
		}
		p.uncount(t.place)
		p.standing[t.place] = t.standing
		p.count(t.place)
	}
}

// batch is how many people are handed on at once.
const batch = 2048

type counted struct {
	tag, group uint64
	stand      stand
}

// tellers count people and hand them on to whoever enters them, batch by batch.
type tellers struct {
	ways *ways
	now  time.Time
	out  chan *[]counted
	mu   sync.Mutex
	all  []*teller
}

// teller is one of them, for one goroutine.
type teller struct {
	*tellers
	counter *counter
	some    *[]counted
}

// batches are used again.
var batches = sync.Pool{New: func() any { s := make([]counted, 0, batch); return &s }}

func (t *tellers) begin() *teller {
	one := &teller{tellers: t, counter: newCounter(t.ways), some: batches.Get().(*[]counted)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, one)
	return one
}

// tell counts one identity, of which it keeps nothing.
func (t *teller) tell(one *Identity) {
	if len(one.Tags) == 0 {
		return
	}
	*t.some = append(*t.some, counted{tag: keyOf(one.Tags[0]), group: one.Group, stand: t.counter.count(one.Record, one.Type, t.now)})
	if len(*t.some) == batch {
		t.out <- t.some
		t.some = batches.Get().(*[]counted)
	}
}

// end hands on what is left, once nobody tells any more.
func (t *tellers) end() {
	for _, one := range t.all {
		t.out <- one.some
	}
	close(t.out)
}

// read counts everybody anew, on all processors.
func read(ctx context.Context, s Source, w *ways, now time.Time) (*people, store.Head, error) {
	p := newPeople(w, now)
	p.many = true // nobody has seen an edition yet
	t := &tellers{ways: w, now: now, out: make(chan *[]counted, 4)}
	entered := make(chan struct{})
	go func() {
		defer close(entered)
		for some := range t.out {
			for i := range *some {
				p.add((*some)[i].tag, (*some)[i].group, (*some)[i].stand)
			}
			clear(*some)
			*some = (*some)[:0]
			batches.Put(some)
		}
	}()
	head, err := t.everybody(ctx, s)
	t.end()
	<-entered
	p.position = head.Position
	p.settle()
	p.advance(head.At)
	return p, head, err
}

// everybody tells of everybody, where they are read if the source can do that, and else on all processors.
func (t *tellers) everybody(ctx context.Context, s Source) (store.Head, error) {
	if scans, ok := s.(Scanner); ok {
		return scans.Scan(ctx, func() func(Identity) error {
			one := t.begin()
			return func(i Identity) error {
				one.tell(&i)
				return nil
			}
		})
	}
	in := make(chan []Identity, 4)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		one := t.begin()
		workers.Go(func() {
			for some := range in {
				for i := range some {
					one.tell(&some[i])
				}
			}
		})
	}
	some := make([]Identity, 0, batch)
	head, err := s.Snapshot(ctx, func(one Identity) error {
		if some = append(some, one); len(some) == batch {
			in <- some
			some = make([]Identity, 0, batch)
		}
		return ctx.Err()
	})
	in <- some
	close(in)
	workers.Wait()
	return head, err
}
