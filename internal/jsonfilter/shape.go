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
	// slots finds names by the hash of their key: the place of the name plus one, zero for none.
	slots [2 * mostNames]uint8
	// element is the shape of the elements, where the place holds a list.
	element *shape
}

// shapeName is a name that was learned.
type shapeName struct {
	key key
	// low and high are the first bytes of the name with its closing quote, of which the masks are a part.
	low, lowMask, high, highMask uint64
	// text is the name with its closing quote where it is longer than that.
	text string
	spot *spot
	// inner is the shape of the value.
	inner *shape
}

const (
	// mostNames is how many names of a shape are learned: as many as a word has bits. longestName is how long they may be.
	mostNames   = 64
	longestName = 64
	// mostShapes is how many shapes a scanner learns.
	mostShapes = 128
)

// is tells whether the name stands at a place behind its first quote.
func (n *shapeName) is(b []byte, i int) bool {
	return binary.LittleEndian.Uint64(b[i:])&n.lowMask == n.low && binary.LittleEndian.Uint64(b[i+8:])&n.highMask == n.high &&
		(n.text == "" || i+len(n.text) <= len(b) && string(b[i:i+len(n.text)]) == n.text)
}

// find gives the place of a name, -1 if it was not learned.
func (s *shape) find(k key, name []byte) int {
	for at := k.slot(); ; at++ {
		i := int(s.slots[at&(len(s.slots)-1)]) - 1
		if i < 0 {
			return -1
		}
		if n := &s.names[i]; n.key == k && (k.n <= keyBytes || n.text[:k.n] == string(name)) {
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
	n := shapeName{key: k, spot: place}
	closed := append(slices.Clone(name), '"')
	quoted, ones := keyOf(closed), keyOf(slices.Repeat([]byte{0xff}, len(closed)))
	n.low, n.high, n.lowMask, n.highMask = quoted.low, quoted.high, ones.low, ones.high
	if len(closed) > keyBytes {
		n.text = string(closed)
	}
	s.names = append(s.names, n)
	at := k.slot() & (len(s.slots) - 1)
	for s.slots[at] != 0 {
		at = (at + 1) & (len(s.slots) - 1)
	}
	s.slots[at] = uint8(len(s.names))
	return len(s.names) - 1
}

// inside gives the shape at a place of a shape, nil if it is not to be learned.
func (s *scanner) inside(at **shape) *shape {
	if *at == nil && s.shapes < mostShapes {
		*at = &shape{}
		s.shapes++
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
	// have are the names that were read of those that were learned, next the place of the one that is expected.
	have uint64
	next int
	// base is where the other names begin.
	base int
}

// member is a name that was read.
type member struct {
	// after is the place behind the name.
	after int
	key   key
	// at is where the name stands.
	at   int
	spot *spot
	// inner is where the shape of the value is.
	inner *shape
}

// member reads a name from behind its first quote, and tells whether the object did not have it yet.
func (s *scanner) member(b []byte, i int, o *object, m *member) bool {
	n := -1
	if o.shape != nil && o.next < len(o.shape.names) && o.shape.names[o.next].is(b, i) {
		n = o.next
		m.after, m.at, m.key = i+o.shape.names[n].key.n+1, i, o.shape.names[n].key
	} else {
		m.after, m.key, m.at = s.name(b, i)
		if m.after < 0 {
			return false
		}
		if o.shape != nil {
			name := s.names.bytes(b, m.at, m.key.n)
			if n = o.shape.find(m.key, name); n < 0 {
				n = o.shape.learn(m.key, name, o.place.member(m.key, name))
			}
		}
	}
	if n >= 0 {
		learned := &o.shape.names[n]
		m.spot, m.inner, o.next = learned.spot, learned.inner, n+1
		if m.inner == nil && (b[m.after] == ':' && (b[m.after+1] == '{' || b[m.after+1] == '[')) {
			m.inner = s.inside(&learned.inner)
		}
		if o.have&(1<<n) != 0 {
			s.fail(i)
			return false
		}
		o.have |= 1 << n
		return true
	}
	m.inner, m.spot = nil, o.place.member(m.key, s.names.bytes(b, m.at, m.key.n))
	if !s.names.add(o.base, b, m.key, m.at) {
		s.fail(i)
		return false
	}
	return true
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
