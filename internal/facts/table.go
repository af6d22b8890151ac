package facts

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/optup/optup/internal/consent"
)

const (
	shardsOf = 1 << 9
)

// ErrFull reports a table that has used up its numbers for combinations: a new table has to be filled.
var ErrFull = errors.New("the table of facts has used up its numbers; it has to be filled anew")

// ErrAlike reports tags that no key makes: so many of them begin alike that they cannot all have a place.
var ErrAlike = errors.New("more than ten tags agree in their first eight bytes, which tags made with a key never do; the ledger's tags are broken")

// State stands for the combination of facts about a person. States of one table are equal if and only if the facts are, also if they
// were found at different times, and no two tables have one in common: what is worked out for a state stays right for ever.
type State uint64

// Known tells whether there are facts at all.
func (s State) Known() bool { return uint32(s) != 0 }

// Dated tells that times belong to the facts (see Table.Plain).
func (s State) Dated() bool { return s&dated != 0 }

func (s State) id() uint32 { return uint32(s) }

// Change replaces everything that is known about one person. No facts at all removes the person.
type Change struct {
	// Tags are all tags under which the person is found.
	Tags []consent.Tag
	// Facts has an entry for each purpose about which something is known, reduced (see decide.Reduce).
	Facts map[consent.PurposeID]consent.Fact
}

// Table maps tags to states, and states to facts. It is safe for concurrent use: readers take no lock and never wait, changes are made
// one after the other.
//
// A look-up reads two lines of memory, at the same time. It is exact but for this: of the 128 bits of a tag, 79 count (9 choose the
// shard, 64 are compared and choose the lines, 6 more are compared). With 10 million tags in the table, one that is not there is taken
// for one that is with a probability of 2 in 10^17, and any two that are there agree with one of 10^-10. Tags are made with a key, so
// nobody can look for such pairs.
//
// Each tag changes by itself and at once, from one state to the next. A person with several tags is for a moment found by one as before
// and by another as after; whoever needs to know that a change is complete asks for the position of the facts.
type Table struct {
	base   uint64
	shards [shardsOf]atomic.Pointer[shard]
	combos combinations
	// records are the dated ones.
	records combinations
	cache   cache

	mu    sync.Mutex
	live  [shardsOf]uint32
	len   atomic.Int64
	lines atomic.Int64
}

// tables counts tables, so that each has states of its own.
var tables atomic.Uint32

var nothing shard

// New returns an empty table.
func New() *Table {
	t := &Table{base: uint64(tables.Add(1)) << 32}
	for i := range t.shards {
		t.shards[i].Store(&nothing)
	}
	t.combos.init(dated)
	t.records.init(dated)
	t.records.dated = true
	return t
}

// Lookup gives the state of a tag. It does not allocate.
func (t *Table) Lookup(tag consent.Tag) State { return lookup(t, &tag) }

// LookupAt is Lookup for a tag that is not to be copied.
func (t *Table) LookupAt(tag *consent.Tag) State { return lookup(t, tag) }

// lookupWords is lookup for every processor.
func lookupWords(t *Table, tag *consent.Tag) State {
	p := placeOf(tag)
	return State(t.base | uint64(t.shards[p.shard%shardsOf].Load().find(p)))
}

// Unknown is the state of a tag without facts.
func (t *Table) Unknown() State { return State(t.base) }

// window is how many tags a batch has on their way at the same time: enough to keep the memory busy, few enough to stay close by.
const window = 128

// LookupBatch gives the states of tags; out is at least as long. It is faster than one look-up after the other, because the lines of
// many tags are on their way from memory at the same time. It does not allocate.
func (t *Table) LookupBatch(tags []consent.Tag, out []State) {
	for len(tags) > 0 {
		n := min(window, len(tags))
		t.touch(tags[:n])
		for i := range tags[:n] {
			out[i] = lookup(t, &tags[i])
		}
		tags, out = tags[n:], out[n:]
	}
}

// touch has the lines of tags fetched. Nothing in the loop waits for what is fetched, so the processor runs ahead.
func (t *Table) touch(tags []consent.Tag) (sum uint32) {
	for i := range tags {
		p := placeOf(&tags[i])
		s := t.shards[p.shard%shardsOf].Load()
		if len(s.lines) != 0 {
			first, second := s.homes(p.key)
			sum += s.lines[first].more.Load() + s.lines[second].more.Load()
		}
	}
	return sum
}

// Apply applies changes in their order. After an error some may have been applied.
func (t *Table) Apply(changes ...Change) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range changes {
		var id uint32
		if len(c.Facts) > 0 {
			var err error
			if id, err = t.intern(Encode(nil, c.Facts)); err != nil {
				return err
			}
			t.hold(id)
		}
		var err error
		for i := range c.Tags {
			if err = t.set(placeOf(&c.Tags[i]), id); err != nil {
				break
			}
		}
		if id != 0 {
			t.release(id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// set gives a tag another combination; 0 removes it.
func (t *Table) set(p place, id uint32) error {
	s := t.shards[p.shard%shardsOf].Load()
	at := s.spot(p)
	var old uint32
	if at.line != nil {
		old = at.state()
	}
	if old == id {
		return nil
	}
	if old == 0 {
		return t.add(s, p, id)
	}
	if id != 0 {
		t.hold(id)
	}
	at.line.states[at.slot].Store(id)
	t.release(old)
	if id == 0 {
		t.live[p.shard]--
		t.len.Add(-1)
		if lonely(int(t.live[p.shard]), len(s.lines)) {
			t.resize(p.shard, s, ladder(p.shard, int(t.live[p.shard])))
		}
	}
	return nil
}

// add adds a tag that is in no slot.
func (t *Table) add(s *shard, p place, id uint32) error {
	used := int(t.live[p.shard]) + 1
	if crowded(used, len(s.lines)) {
		s = t.resize(p.shard, s, ladder(p.shard, used))
	}
	at, ok := s.room(p.key)
	for !ok { // although few of the slots are in use
		if hopeless(used, len(s.lines)) {
			return ErrAlike
		}
		s = t.resize(p.shard, s, len(s.lines)+1+len(s.lines)/8)
		at, ok = s.room(p.key)
	}
	t.hold(id)
	t.live[p.shard]++
	t.len.Add(1)
	s.put(p, at, id)
	return nil
}
