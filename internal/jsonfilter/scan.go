package jsonfilter

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/optup/optup/internal/ir"
)

// scanner reads complete values strictly, and notes what is to be cut out of them. It goes over each byte once and calls nobody.
type scanner struct {
	// end is where the bytes end; zeros follow.
	end       int
	marks     marks
	deepest   int
	redaction ir.Redaction
	// mode is 0 for what may be seen of a record that is kept, 1 for one that is redacted.
	mode    int
	names   seen
	learned *learned
	cuts    []cut
	// subject and when are where the identifier and the time of the record are.
	subject, when span
	notCovered    int
	// places are where the values of members stand that were walked.
	places [mostNames]span
	// columns are what is declared about the cells of a row.
	columns []*spot
	// failed is where reading stopped.
	failed int
}

type span struct{ from, to int }

// cut is a part that does not stay, and what stands in its place.
type cut struct {
	from, to int
	with     stand
}

// stand is what stands in the place of a value.
type stand uint8

const (
	nothing stand = iota
	null
	stars
	zero
	falseValue
	emptyList
	emptyObject
)

var stands = [...]string{"", "null", `"***"`, "0", "false", "[]", "{}"}

// masked is the mask of a value by its first byte.
func masked(first byte) stand {
	switch first {
	case '"':
		return stars
	case 't', 'f':
		return falseValue
	case 'n':
		return null
	case '[':
		return emptyList
	case '{':
		return emptyObject
	default:
		return zero
	}
}

// standFor gives what stands for a value that is taken out. An element is one of a list, a cell one of a row.
func (s *scanner) standFor(v verdict, first byte) stand {
	switch {
	case v == removed:
		return nothing
	case s.redaction == ir.RedactionNullify:
		return null
	case s.redaction == ir.RedactionMask:
		return masked(first)
	default:
		return nothing
	}
}

// fail notes where reading stopped.
func (s *scanner) fail(at int) int {
	s.failed = at
	return -1
}

// short tells that reading stopped because the bytes end, or that it cannot be told yet.
func (s *scanner) short() bool { return s.failed+window > s.end }

// value reads a value. place is what is declared about it, inherited tells whether a declaration around covers it, and decided that nothing
// is to be cut out of it. It gives the place after the value, or a negative number.
func (s *scanner) value(b []byte, i, depth int, place *spot, sh *shape, inherited, decided bool) int {
	if depth > s.deepest {
		return s.fail(i)
	}
	from := i
	switch b[i] {
	case '"':
		i = s.text(b, i+1)
	case '{':
		if place == nil || (decided && !place.sought) {
			return s.skipObject(b, i, depth, sh)
		}
		return s.object(b, i, depth, place, sh, inherited, decided)
	case '[':
		if place == nil || (decided && !place.sought) {
			return s.skipList(b, i, depth, sh)
		}
		return s.list(b, i, depth, place, sh, inherited, decided)
	default:
		i = plain(b, i)
	}
	if i < 0 {
		return s.fail(^i)
	}
	if place != nil && place.sought {
		s.note(place, from, i)
	}
	return i
}

// note keeps where the identifier and the time are.
func (s *scanner) note(place *spot, from, to int) {
	if place.subject {
		s.subject = span{from, to}
	}
	if place.when {
		s.when = span{from, to}
	}
}

// name reads a name from behind its first quote. It gives its key, and where its bytes stand.
func (s *scanner) name(b []byte, i int) (after int, k key, at int) {
	w := binary.LittleEndian.Uint64(b[i:])
	if m := special(w); m != 0 {
		n := bits.TrailingZeros64(m) >> 3
		if b[i+n] == '"' {
			return i + n + 1, key{low: w & (1<<(8*n) - 1), n: n}, i
		}
		return s.longName(b, i)
	}
	v := binary.LittleEndian.Uint64(b[i+8:])
	if m := special(v); m != 0 {
		n := bits.TrailingZeros64(m) >> 3
		if b[i+8+n] == '"' {
			return i + n + 9, key{low: w, high: v & (1<<(8*n) - 1), n: n + 8}, i
		}
	}
	return s.longName(b, i)
}

// longName reads a name that is long, escaped or not ASCII.
func (s *scanner) longName(b []byte, i int) (int, key, int) {
	after := s.text(b, i)
	if after < 0 {
		return s.fail(^after), key{}, 0
	}
	name := b[i : after-1]
	if bytes.IndexByte(name, '\\') < 0 {
		return after, keyOf(name), i
	}
	at := len(s.names.kept)
	s.names.kept = unescape(s.names.kept, name)
	return after, keyOf(s.names.kept[at:]), ^at
}

// skipObject reads an object that stays or goes as it is.
func (s *scanner) skipObject(b []byte, i, depth int, sh *shape) int {
	i = space(b, i+1)
	if b[i] == '}' {
		return i + 1
	}
	if depth >= s.deepest {
		return s.fail(i)
	}
	if sh == nil || sh.place != nil {
		return s.skipMembers(b, i, depth, sh, 0)
	}
	return s.skipKnown(b, i, depth, sh, 0)
}

// skipKnown reads an object from a name on, as long as the names are those that were learned, in the same order: no name can stand there
// twice.
func (s *scanner) skipKnown(b []byte, i, depth int, sh *shape, n int) int {
	for ; ; n++ {
		var ended bool
		if i, n, ended = s.walk(b, i, sh, n, false); ended {
			return i
		}
		i = space(b, i)
		if n == len(sh.names) || !sh.names[n].is(b, i) {
			return s.skipMembers(b, i, depth, sh, n)
		}
		name := &sh.names[n]
		i = space(b, i+name.width)
		switch c := b[i]; {
		case c == '"':
			if i = s.text(b, i+1); i < 0 {
				return s.fail(^i)
			}
		case c >= '0' && c <= '9' || c == '-':
			if i = number(b, i); i < 0 {
				return s.fail(^i)
			}
		case c == '{':
			i = s.skipObject(b, i, depth+1, s.inside(&name.inner))
		case c == '[':
			i = s.skipList(b, i, depth+1, s.inside(&name.inner))
		default:
			if i = plain(b, i); i < 0 {
				return s.fail(^i)
			}
		}
		if i < 0 {
			return i
		}
		switch i = space(b, i); b[i] {
		case ',':
			i++
		case '}':
			return i + 1
		default:
			return s.fail(i)
		}
	}
}

// skipMembers reads the rest of an object of which the first names of its shape were read.
func (s *scanner) skipMembers(b []byte, i, depth int, sh *shape, first int) int {
	var o object
	s.opened(&o, nil, sh)
	o.have, o.next = 1<<first-1, first
	for {
		if n := o.next; n < len(o.names) && o.names[n].is(b, i) && o.know(n) {
			i += o.names[n].width
		} else if i = s.member(b, i, &o); i < 0 {
			return i
		}
		var inner *shape
		i = space(b, i)
		if b[i] == '{' || b[i] == '[' {
			inner = s.inner(&o)
		}
		if i = s.element(b, i, depth+1, inner); i < 0 {
			return i
		}
		switch i = space(b, i); b[i] {
		case ',':
			i = space(b, i+1)
		case '}':
			s.names.close(o.base)
			return i + 1
		default:
			return s.fail(i)
		}
	}
}

// skipList reads a list that stays or goes as it is.
func (s *scanner) skipList(b []byte, i, depth int, sh *shape) int {
	i = space(b, i+1)
	if b[i] == ']' {
		return i + 1
	}
	if depth >= s.deepest {
		return s.fail(i)
	}
	if b[i] == '{' || b[i] == '[' {
		sh = s.elements(sh)
	} else {
		sh = nil
	}
	for {
		if b[i] == '{' {
			i = s.skipObjects(b, i, depth+1, sh)
		} else {
			i = s.element(b, i, depth+1, sh)
		}
		if i < 0 {
			return i
		}
		switch i = space(b, i); b[i] {
		case ',':
			i = space(b, i+1)
		case ']':
			return i + 1
		default:
			return s.fail(i)
		}
	}
}

// skipObjects reads the object that begins here, and maybe some that follow in its list.
func (s *scanner) skipObjects(b []byte, i, depth int, sh *shape) int {
	if sh == nil || sh.place != nil || depth >= s.deepest {
		return s.skipObject(b, i, depth, sh)
	}
	after, n, ended := s.walk(b, i+1, sh, 0, true)
	switch {
	case ended:
		return after
	case n == 0:
		return s.skipObject(b, after-1, depth, sh)
	default:
		return s.skipKnown(b, after, depth, sh, n)
	}
}

// element reads a value that stays or goes as it is, and whose depth was checked.
func (s *scanner) element(b []byte, i, depth int, sh *shape) int {
	switch b[i] {
	case '"':
		i = s.text(b, i+1)
	case '{':
		return s.skipObject(b, i, depth, sh)
	case '[':
		return s.skipList(b, i, depth, sh)
	default:
		i = plain(b, i)
	}
	if i < 0 {
		return s.fail(^i)
	}
	return i
}
