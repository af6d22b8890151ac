package arbitrary

import "strconv"

// Source gives choices out of bytes. Where they are used up, every choice is the first one.
type Source struct {
	bytes []byte
	// Wild gives values now and then that nothing knows.
	Wild bool
}

// From gives a source of choices.
func From(bytes []byte) *Source { return &Source{bytes: bytes} }

func (s *Source) byte() int {
	if len(s.bytes) == 0 {
		return 0
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return int(b)
}

// Number gives a number below n.
func (s *Source) Number(n int) int { return s.byte() % n }

// Often is true in most cases, Seldom in few. Without bytes both are false.
func (s *Source) Often() bool { return s.byte()%4 > 0 }

// Seldom is the contrary of Often.
func (s *Source) Seldom() bool { return s.byte()%8 == 7 }

// Pick gives one of some values.
func Pick[T any](s *Source, from ...T) T { return from[s.Number(len(from))] }

// word gives one of some words, and a strange one now and then to a wild source.
func word[T ~string](s *Source, from ...T) T {
	if s.Wild && s.Seldom() {
		return T(Pick(s, "", "*", "/", "/*", "~", "\x00", "ä\u2028<&", "{x}", "Perhaps", "/a/*/b"))
	}
	return Pick(s, from...)
}

// some gives a few of some values, each once, in their order.
func some[T any](s *Source, from ...T) []T {
	var out []T
	mask := s.byte()
	for i, x := range from {
		if mask>>(i%8)&1 == 1 {
			out = append(out, x)
		}
	}
	return out
}

// several gives up to n values.
func several[T any](s *Source, n int, one func(i int) T) []T {
	var out []T
	for i := range s.Number(n + 1) {
		out = append(out, one(i))
	}
	return out
}

// most gives n values, or seldom fewer.
func most[T any](s *Source, n int, one func(i int) T) []T {
	if s.Seldom() {
		return several(s, n, one)
	}
	var out []T
	for i := range n {
		out = append(out, one(i))
	}
	return out
}

// mostly gives all values, or seldom some of them.
func mostly[T any](s *Source, from ...T) []T {
	if s.Often() {
		return append([]T(nil), from...)
	}
	return some(s, from...)
}

func name[T ~string](prefix string, i int) T { return T(prefix + strconv.Itoa(i)) }
