package facts

import "sync/atomic"

// cached is how many decoded combinations are kept at hand.
const cached = 1024

// cache keeps combinations that were decoded. A number always stands for the same one, so nothing in it is ever wrong.
type cache [cached]atomic.Pointer[decoded]

type decoded struct {
	id          uint32
	combination Combination
}

// Facts gives the facts that a state of this table stands for. It reports false for a state that nobody has any more, or that is another
// table's: whoever found it looks the tag up again. A state without facts gives none, and true.
func (t *Table) Facts(s State) (Combination, bool) {
	switch {
	case s == t.Unknown():
		return nil, true
	case uint64(s)&^0xffffffff != t.base:
		return nil, false
	}
	slot := &t.cache[s.id()%cached]
	if d := slot.Load(); d != nil && d.id == s.id() {
		return d.combination, true
	}
	content := t.combos.content(s.id())
	if content == nil {
		return nil, false
	}
	combination, err := Decode(content)
	if err != nil {
		return nil, false // never: what is kept was encoded here, or decoded once before
	}
	slot.Store(&decoded{s.id(), combination})
	return combination, true
}
