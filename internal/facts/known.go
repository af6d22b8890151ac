package facts

import "sync/atomic"

// cached is how many decoded combinations are kept at hand.
const cached = 4096

// cache keeps combinations that were decoded. A number always stands for the same one, so nothing in it is ever wrong.
type cache [cached]atomic.Pointer[decoded]

type decoded struct {
	id          uint32
	combination Combination
	// moments are those of the times that belong to it.
	moments []moment
}

var nobody = &decoded{}

// decoded gives a plain combination; nil if it is gone.
func (t *Table) decoded(id uint32) *decoded {
	if id == 0 {
		return nobody
	}
	slot := &t.cache[id%cached]
	if d := slot.Load(); d != nil && d.id == id {
		return d
	}
	content := t.combos.content(id)
	if content == nil {
		return nil
	}
	r := &reader{rest: string(content), apart: true}
	combination, err := r.combination()
	if err != nil {
		return nil // never: what is kept was decoded once before
	}
	d := &decoded{id, combination, r.moments}
	slot.Store(d)
	return d
}

// Facts gives the facts that a state of this table stands for, see Borrow. They are shared and must not be changed.
func (t *Table) Facts(s State) (Combination, bool) {
	f := &Facts{}
	if !t.fill(s, f) {
		return nil, false
	}
	return f.known, true
}
