package facts

import (
	"encoding/binary"
	"sync"

	"github.com/optup/optup/internal/consent"
)

// Times make people differ who otherwise stand alike. So where facts have times, they are kept apart: a dated state stands for a plain
// one, which many share, and the times that belong to it.

// dated marks the number of a combination with times.
const dated = 1 << 31

// split takes the times out of a combination.
func split(content []byte) (plain, times []byte, err error) {
	r := &reader{rest: string(content)}
	from, inTime := 0, false
	r.each = func(left int) {
		at := len(content) - left
		if inTime {
			times = append(times, content[from:at]...)
		} else {
			plain = append(plain, content[from:at]...)
		}
		from, inTime = at, !inTime
	}
	if _, err := r.combination(); err != nil {
		return nil, nil, err
	}
	return append(plain, content[from:]...), times, nil
}

// intern gives the number of a combination. Whoever gets it has to hold it.
func (t *Table) intern(content []byte) (uint32, error) {
	plain, times, err := split(content)
	if err != nil {
		return 0, err
	}
	id, err := t.combos.intern(plain)
	if err != nil || len(times) == 0 {
		return id, err
	}
	t.combos.hold(id)
	record := append(binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(times)), id), times...)
	before := t.records.live
	number, err := t.records.intern(record)
	if err != nil || t.records.live == before {
		t.combos.release(id) // the record that is there holds it already
	} else {
		t.records.setPlain(number, id)
	}
	return number | dated, err
}

func (t *Table) hold(id uint32) {
	if id&dated != 0 {
		t.records.hold(id &^ dated)
	} else {
		t.combos.hold(id)
	}
}

func (t *Table) release(id uint32) {
	if id&dated == 0 {
		t.combos.release(id)
		return
	}
	plain := binary.LittleEndian.Uint32(t.records.content(id &^ dated))
	if t.records.release(id &^ dated) {
		t.combos.release(plain)
	}
}

// Plain gives the state of those who stand like a state but for the times. It reports false for a state that nobody has any more, or that
// is another table's.
func (t *Table) Plain(s State) (State, bool) {
	if !t.owns(s) {
		return 0, false
	}
	if !s.Dated() {
		return s, true
	}
	plain := t.records.plain(s.id() &^ dated)
	return State(t.base | uint64(plain)), plain != 0
}

// Moment says what a time of a plain state is about.
type Moment struct {
	Purpose consent.PurposeID
	// Grant is the number of the grant that began then, or was renewed; -1 for when data was last used.
	Grant   int
	Renewed bool
}

// Moments gives what the times are about that belong to a plain state, in their order.
func (t *Table) Moments(plain State) ([]Moment, bool) {
	if !t.owns(plain) || plain.Dated() {
		return nil, false
	}
	d := t.decoded(plain.id())
	if d == nil {
		return nil, false
	}
	out := make([]Moment, len(d.moments))
	for i, m := range d.moments {
		out[i] = Moment{Purpose: d.combination[m.about].Purpose, Grant: m.grant, Renewed: m.renewed}
	}
	return out, true
}

// Seconds splits a dated state: it gives the plain one, and appends the times in the order of its Moments, in whole seconds since 1970,
// rounded down. It reports false for a state that nobody has any more, or that is another table's.
func (t *Table) Seconds(s State, out []int64) (State, []int64, bool) {
	if !t.owns(s) {
		return 0, out, false
	}
	record := t.records.content(s.id() &^ dated)
	if record == nil {
		return 0, out, false
	}
	// Seconds are followed by nanoseconds, both as encoding/binary writes them.
	value, shift, nanos := uint64(0), 0, false
	for _, b := range record[4:] {
		value |= uint64(b&0x7f) << shift
		if shift += 7; b >= 0x80 {
			continue
		}
		if !nanos {
			out = append(out, int64(value>>1)^-int64(value&1)) //nolint:gosec // as binary.Varint has it
		}
		value, shift, nanos = 0, 0, !nanos
	}
	return State(t.base | uint64(binary.LittleEndian.Uint32(record))), out, true
}

// Facts are those of one person. They can be used again and again, by one goroutine at a time, without allocating.
type Facts struct {
	// Fact gives what is known for a purpose, the zero Fact where nothing is. It is shared and must not be changed.
	Fact func(consent.PurposeID) consent.Fact

	known Combination
	room  Combination
	// grants is room for those that have times.
	grants []consent.Grant
}

var pool = sync.Pool{New: func() any {
	f := &Facts{}
	f.Fact = func(purpose consent.PurposeID) consent.Fact { fact, _ := f.known.Fact(purpose); return fact }
	return f
}}

// Borrow gives the facts that a state of this table stands for; Return takes them back. It reports false for a state that nobody has any
// more, or that is another table's: whoever found it looks the tag up again. A plain state of people who have times says that times are
// missing.
func (t *Table) Borrow(s State) (*Facts, bool) {
	f := pool.Get().(*Facts)
	if !t.fill(s, f) {
		pool.Put(f)
		return nil, false
	}
	return f, true
}

// Return gives back what was borrowed; it must not be used any more, nor what it gave.
func (t *Table) Return(f *Facts) {
	f.known = nil
	pool.Put(f)
}

// owns tells whether a state is one of this table.
func (t *Table) owns(s State) bool { return uint64(s)&^0xffffffff == t.base }

func (t *Table) fill(s State, f *Facts) bool {
	if !t.owns(s) {
		return false
	}
	if !s.Dated() {
		d := t.decoded(s.id())
		if d != nil {
			f.known = d.combination
		}
		return d != nil
	}
	record := t.records.content(s.id() &^ dated)
	if record == nil {
		return false
	}
	d := t.decoded(binary.LittleEndian.Uint32(record))
	if d == nil {
		return false
	}
	f.room = append(f.room[:0], d.combination...)
	f.known, f.grants = f.room, f.grants[:0]
	times := record[4:]
	last := -1
	for _, m := range d.moments {
		seconds, n := binary.Varint(times)
		nanos, k := binary.Uvarint(times[n:])
		times = times[n+k:]
		at := unix(seconds, nanos)
		fact := &f.room[m.about].Fact
		fact.Untimed = m.untimed
		if m.grant < 0 {
			fact.Used = at
			continue
		}
		if m.about != last {
			from := len(f.grants)
			f.grants = append(f.grants, fact.Grants...)
			fact.Grants = f.grants[from:len(f.grants):len(f.grants)]
			last = m.about
		}
		if g := &fact.Grants[m.grant]; m.renewed {
			g.Renewed = at
		} else {
			g.Since = at
		}
	}
	return true
}
