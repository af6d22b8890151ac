package jsonfilter

// skim looks for the end of a value that is not complete yet, and can go on at any byte. It counts brackets and knows strings, and nothing
// else: whether the value is sound is told when it is read.
type skim struct {
	on bool
	// at is the next byte.
	at, depth       int
	begun           bool
	quoted, escaped bool
}

// run goes on, and tells whether the value ends.
func (s *skim) run(m *machine) bool {
	from := s.at
	done := s.find(m.buf[:m.limit])
	m.work += s.at - from
	return done
}

func (s *skim) find(b []byte) bool {
	for ; s.at < len(b); s.at++ {
		c := b[s.at]
		switch {
		case s.escaped:
			s.escaped = false
		case s.quoted:
			switch c {
			case '\\':
				s.escaped = true
			case '"':
				s.quoted = false
				if s.depth == 0 {
					s.at++
					return true
				}
			}
		case c == '"':
			s.quoted = true
		case c == '{' || c == '[':
			s.depth++
		case c == '}' || c == ']':
			s.depth--
			if s.depth <= 0 {
				s.at++
				return true
			}
		case s.depth == 0 && s.begun && (c <= ' ' || c == ',' || c == ':'):
			return true
		}
		s.begun = true
	}
	return false
}
