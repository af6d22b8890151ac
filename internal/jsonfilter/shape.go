package jsonfilter

import (
	"encoding/binary"
	"slices"
)

// shape is what was learned about the objects at one place: which names they have, in which order. Records of a list are alike, so a name
// is mostly the one that came next before, and then one comparison tells what it is, where it ends, and whether the object has it already.
// Nothing rests on what was learned: a name that is another is read like any name.
type shape struct {
	names []shapeName
	// steps are the names as members are walked by them.
	steps []step
	// walks counts how often they were.
	walks uint32
	// out has a bit for each name whose value does not stay if it has no parts, by situation; sought those whose values are noted.
	out    [situations]uint64
	sought uint64
	// slots finds names by the hash of their key: the place of the name plus one, zero for none.
	slots [2 * mostNames]uint8
	// place is what is declared about the objects.
	place *spot
	// element is the shape of the elements, where the place holds a list.
	element *shape
}

// shapeName is a name that was learned.
type shapeName struct {
	key key
	// low and high are the first bytes of the name with its quotes and a colon, of which the masks are a part.
	low, lowMask, high, highMask uint64
	// text is all of them where they are more than that, and width how many there are.
	text  string
	width int
	// plain tells that the name is a plain word.
	plain bool
	spot  *spot
	// sought is that of the spot, and verdicts are those on values that have no parts, by situation.
	sought   bool
	verdicts [situations]verdict
	// inner is the shape of the value.
	inner *shape
}

// situations is how many situations there are in which something is read: in a record that is kept or in one that is redacted, where a
// declaration around covers it or not, and where nothing is cut out.
const situations = 5

func situationOf(mode int, inherited, decided bool) int {
	switch {
	case decided:
		return 4
	case inherited:
		return mode + 2
	default:
		return mode
	}
}

const (
	// mostNames is how many names of a shape are learned: as many as a word has bits. longestName is how long they may be.
	mostNames   = 64
	longestName = 64
	// mostShapes is how many shapes are learned of the records of a program.
	mostShapes = 128
)

// learned are the shapes of the records of a program. One copy at a time uses them.
type learned struct {
	record shape
	// count is how many other shapes there are.
	count int
}

// is tells whether the name stands at a place, with its quotes and the colon right behind it.
func (n *shapeName) is(b []byte, i int) bool {
	first := b[i : i+keyBytes]
	return (binary.LittleEndian.Uint64(first)^n.low)&n.lowMask|(binary.LittleEndian.Uint64(first[8:])^n.high)&n.highMask == 0 &&
		(n.text == "" || n.fits(b, i))
}

func (n *shapeName) fits(b []byte, i int) bool {
	return i+len(n.text) <= len(b) && string(b[i:i+len(n.text)]) == n.text
}

// standing gives what stands for a value that is taken out of the member (see scanner.standFor). A name that nobody declared and that is no
// plain word may say something itself: nothing stands for its value.
func (n *shapeName) standing(s *scanner, v verdict, first byte) stand {
	if (n.spot == nil || !n.spot.declared) && !n.plain {
		return nothing
	}
	return s.standFor(v, first)
}

// find gives the place of a name, -1 if it was not learned.
func (s *shape) find(k key, name []byte) int {
	for at := k.slot(); ; at++ {
		i := int(s.slots[at&(len(s.slots)-1)]) - 1
		if i < 0 {
			return -1
		}
		if n := &s.names[i]; n.key == k && (k.n <= keyBytes || n.text[1:1+k.n] == string(name)) {
			return i
		}
	}
}

// learn notes a name that was not found; it gives -1 if it cannot. Names with what a string has to escape are not learned, for they are
// never written as they are.
func (s *shape) learn(k key, name []byte, place *spot) int {
	if len(s.names) == mostNames || len(name) > longestName || slices.ContainsFunc(name, func(c byte) bool { return c < ' ' || c == '"' || c == '\\' }) {
		return -1
	}
	quoted := slices.Concat([]byte{'"'}, name, []byte{'"', ':'})
	n := shapeName{key: k, spot: place, width: len(quoted), plain: plainWord(name)}
	first, ones := keyOf(quoted), keyOf(slices.Repeat([]byte{0xff}, len(quoted)))
	n.low, n.high, n.lowMask, n.highMask = first.low, first.high, ones.low, ones.high
	if len(quoted) > keyBytes {
		n.text = string(quoted)
	}
	n.sought = place != nil && place.sought
	for mode := range 2 {
		n.verdicts[situationOf(mode, false, false)], _ = place.judge(mode, false, 0, false)
		n.verdicts[situationOf(mode, true, false)], _ = place.judge(mode, true, 0, false)
	}
	bit := uint64(1) << len(s.names)
	for i, v := range n.verdicts {
		if v == redacted || v == removed {
			s.out[i] |= bit
		}
	}
	if n.sought {
		s.sought |= bit
	}
	s.names, s.steps = append(s.names, n), append(s.steps, stepOf(quoted))
	at := k.slot() & (len(s.slots) - 1)
	for s.slots[at] != 0 {
		at = (at + 1) & (len(s.slots) - 1)
	}
	s.slots[at] = uint8(len(s.names))
	return len(s.names) - 1
}

// inside gives the shape at a place of a shape, nil if it is not to be learned.
func (s *scanner) inside(at **shape) *shape {
	if *at == nil && s.learned.count < mostShapes {
		*at = &shape{}
		s.learned.count++
	}
	return *at
}

// elements gives the shape of the elements of a list.
func (s *scanner) elements(of *shape) *shape {
	if of == nil {
		return nil
	}
	return s.inside(&of.element)
}

// object is an object that is being read.
type object struct {
	shape *shape
	place *spot
	// names are those of the shape, have those that were read of them, next the one that is expected.
	names []shapeName
	have  uint64
	next  int
	// base is where the other names begin.
	base int

	// learned is the name that was read last, where it is one of the shape; spot is what is declared about it, plain tells whether it is
	// a plain word.
	learned *shapeName
	spot    *spot
	plain   bool
}

// opened begins to read an object. A shape is that of one place only.
func (s *scanner) opened(o *object, place *spot, sh *shape) {
	o.place, o.base = place, len(s.names.list)
	if sh == nil {
		return
	}
	if sh.names == nil {
		sh.place = place
	}
	if sh.place == place {
		o.shape, o.names = sh, sh.names
	}
}

// member reads a name and the colon. It gives the place behind them, or a negative number.
func (s *scanner) member(b []byte, i int, o *object) int {
	if b[i] != '"' {
		return s.fail(i)
	}
	i++
	after, k, at := s.name(b, i)
	if after < 0 {
		return after
	}
	n, name := -1, s.names.bytes(b, at, k.n)
	if o.shape != nil {
		if n = o.shape.find(k, name); n < 0 {
			n = o.shape.learn(k, name, o.place.member(k, name))
			o.names = o.shape.names
		}
	}
	if n >= 0 {
		if !o.know(n) {
			return s.fail(i)
		}
	} else {
		o.learned, o.spot, o.plain = nil, o.place.member(k, name), plainWord(name)
		if !s.names.add(o.base, b, k, at) {
			return s.fail(i)
		}
	}
	if after = space(b, after); b[after] != ':' {
		return s.fail(after)
	}
	return after + 1
}

// know notes that a name of the shape was read, and tells whether it is the first time.
func (o *object) know(n int) bool {
	o.learned = &o.names[n]
	o.spot, o.plain = o.learned.spot, o.learned.plain
	first := o.have&(1<<n) == 0
	o.have |= 1 << n
	o.next = n + 1
	return first
}

// inner gives the shape of the value of the member that was read last.
func (s *scanner) inner(o *object) *shape {
	if o.learned == nil {
		return nil
	}
	return s.inside(&o.learned.inner)
}

// member gives what is declared about a member.
func (s *spot) member(k key, name []byte) *spot {
	if s == nil {
		return nil
	}
	if n := s.find(k, name); n >= 0 {
		return s.branches[n].spot
	}
	return nil
}
