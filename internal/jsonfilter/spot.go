package jsonfilter

import "slices"

// spot is one place of a compiled message: what is declared there, and which places are below it. It never changes once it is finished.
type spot struct {
	// declared tells that a declaration is at or below the place; a place that is not leads to an identifier or a time only.
	declared bool
	// whole tells that a declaration ends here, fine that what it names may be seen: in a record that is kept, and in one that is redacted.
	whole bool
	fine  [2]bool
	total bool
	// deeper tells that declarations are below.
	deeper bool

	// record and columns mark a record and the names of columns, subject and when the identifier and the time in a record.
	record, columns, subject, when bool
	// marked tells that a record or the names of columns are at or below the place, sought that an identifier or a time is.
	marked, sought bool

	every    *spot
	branches []branch
	// slots finds branches by the hash of their name: the place of the branch plus one, zero for none.
	slots []uint16
}

// branch is a member that leads on.
type branch struct {
	key  key
	name string
	spot *spot
}

func newSpot(d *declared, covered func(string) bool) *spot {
	s := &spot{declared: true, whole: d.whole, total: d.total, deeper: d.next != nil || d.every != nil}
	if d.whole {
		s.fine = [2]bool{!d.personal || covered(d.category), !d.personal}
	}
	if d.every != nil {
		s.every = newSpot(d.every, covered)
	}
	for name, n := range d.next {
		s.branches = append(s.branches, branch{name: name, spot: newSpot(n, covered)})
	}
	return s
}

// reach gives the place that a pointer names, and makes the way to it.
func (s *spot) reach(segments []string) *spot {
	for _, name := range segments {
		if name == "*" {
			if s.every == nil {
				s.every = &spot{}
			}
			s = s.every
			continue
		}
		i := slices.IndexFunc(s.branches, func(b branch) bool { return b.name == name })
		if i < 0 {
			i = len(s.branches)
			s.branches = append(s.branches, branch{name: name, spot: &spot{}})
		}
		s = s.branches[i].spot
	}
	return s
}

// finish computes what is looked up while reading.
func (s *spot) finish() {
	s.marked, s.sought = s.record || s.columns, s.subject || s.when
	if s.every != nil {
		s.every.finish()
		s.marked, s.sought = s.marked || s.every.marked, s.sought || s.every.sought
	}
	slices.SortFunc(s.branches, func(a, b branch) int { return cmpString(a.name, b.name) })
	size := 1
	for size < 2*len(s.branches)+1 {
		size *= 2
	}
	s.slots = make([]uint16, size)
	for i := range s.branches {
		b := &s.branches[i]
		b.spot.finish()
		s.marked, s.sought = s.marked || b.spot.marked, s.sought || b.spot.sought
		b.key = keyOf([]byte(b.name))
		at := b.key.slot() & (size - 1)
		for s.slots[at] != 0 {
			at = (at + 1) & (size - 1)
		}
		s.slots[at] = uint16(i + 1)
	}
}

func cmpString(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// find gives the place of a branch by its name, -1 if there is none. rest is the name itself, which is read only where the key does not
// hold all of it.
func (s *spot) find(k key, rest []byte) int {
	for at := k.slot(); ; at++ {
		i := int(s.slots[at&(len(s.slots)-1)]) - 1
		if i < 0 {
			return -1
		}
		b := &s.branches[i]
		if b.key == k && (k.n <= keyBytes || b.name == string(rest)) {
			return i
		}
	}
}

// verdict is what becomes of a value as a whole.
type verdict uint8

const (
	// stay keeps a value as it is.
	stay verdict = iota
	// enter looks at the parts of a value.
	enter
	// redacted takes a value out as the redaction says, removed takes it out.
	redacted
	removed
)

// judge gives the verdict on a value by its first byte, and whether a declaration further up or here covers what is below and not declared.
// empty tells, for an object or a list, that there is nothing in it.
func (s *spot) judge(mode int, inherited bool, first byte, empty bool) (verdict, bool) {
	if s != nil && s.declared {
		if s.whole {
			inherited = s.fine[mode]
		}
		if s.total {
			return removed, inherited
		}
		if s.deeper && (first == '{' || first == '[') && (!empty || !s.whole) {
			return enter, inherited
		}
	}
	if inherited {
		return stay, inherited
	}
	return redacted, inherited
}
