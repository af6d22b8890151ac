package jsonfilter

// object reads an object whose members are looked at.
func (s *scanner) object(b []byte, i, depth int, place *spot, inherited, decided bool) int {
	i++
	part := part{from: i}
	i = space(b, i)
	if b[i] == '}' {
		return i + 1
	}
	base := len(s.names.list)
	var have uint64
	for {
		if b[i] != '"' {
			return s.fail(i)
		}
		after, k, at := s.name(b, i+1)
		if after < 0 {
			return after
		}
		var child *spot
		var rest []byte
		if k.n > keyBytes {
			rest = s.names.bytes(b, at, k.n)
		}
		branch := place.find(k, rest)
		if branch >= 0 {
			child = place.branches[branch].spot
		}
		if branch >= 0 && branch < 64 {
			if have&(1<<branch) != 0 {
				return s.fail(i)
			}
			have |= 1 << branch
		} else if !s.names.add(base, b, k, at) {
			return s.fail(i)
		}
		if b[after] != ':' {
			if after = space(b, after); b[after] != ':' {
				return s.fail(after)
			}
		}
		i = space(b, after+1)
		v, covers := stay, inherited
		if !decided {
			v, covers = child.judge(s.mode, inherited, b[i], child.peek(b, i))
		}
		from := i
		if i = s.value(b, i, depth+1, child, covers, decided || v != enter); i < 0 {
			return i
		}
		to := i
		i = space(b, i)
		if v == redacted || v == removed {
			with := s.standFor(v, b[from])
			if (child == nil || !child.declared) && !plainWord(s.names.bytes(b, at, k.n)) {
				with = nothing
			}
			s.cut(&part, v, from, to, i, with, b[i] == ',')
		} else {
			part.kept = true
		}
		switch b[i] {
		case ',':
			part.from = i + 1
			i = space(b, i+1)
		case '}':
			s.names.close(base)
			return i + 1
		default:
			return s.fail(i)
		}
	}
}

// peek tells whether an object or a list is empty, where that makes a difference.
func (s *spot) peek(b []byte, i int) bool {
	if s == nil || !s.deeper || !s.whole || (b[i] != '{' && b[i] != '[') {
		return false
	}
	i = space(b, i+1)
	return b[i] == '}' || b[i] == ']'
}

// part is the part of an object or a list between two separators.
type part struct {
	from int
	// kept tells that a part before stays.
	kept bool
}

// cut takes a value out of an object or a list. The white space and the separator beside it go with it.
func (s *scanner) cut(p *part, v verdict, from, to, end int, with stand, more bool) {
	if v == redacted {
		s.notCovered++
	}
	if with != nothing {
		p.kept = true
		s.cuts = append(s.cuts, cut{from, to, with})
		return
	}
	from, to = p.from, end
	if p.kept {
		from--
	} else if more {
		to++
	}
	if n := len(s.cuts); n > 0 && s.cuts[n-1].with == nothing && s.cuts[n-1].to == from {
		s.cuts[n-1].to = to
		return
	}
	s.cuts = append(s.cuts, cut{from, to, nothing})
}

// list reads a list whose elements are looked at.
func (s *scanner) list(b []byte, i, depth int, place *spot, inherited, decided bool) int {
	i++
	part := part{from: i}
	i = space(b, i)
	if b[i] == ']' {
		return i + 1
	}
	child := place.every
	for {
		v, covers := stay, inherited
		if !decided {
			v, covers = child.judge(s.mode, inherited, b[i], child.peek(b, i))
		}
		from := i
		if i = s.value(b, i, depth+1, child, covers, decided || v != enter); i < 0 {
			return i
		}
		to := i
		i = space(b, i)
		if v == redacted || v == removed {
			s.cut(&part, v, from, to, i, s.standFor(v, b[from]), b[i] == ',')
		} else {
			part.kept = true
		}
		switch b[i] {
		case ',':
			part.from = i + 1
			i = space(b, i+1)
		case ']':
			return i + 1
		default:
			return s.fail(i)
		}
	}
}

// row reads a row of a positional table, whose cells are looked at. It reports false if the cells have no names that everybody reads alike.
func (s *scanner) row(b []byte, i, depth int, inherited, decided bool) (after int, readable bool) {
	if b[i] != '[' {
		return s.value(b, i, depth, nil, true, true), false
	}
	if depth > s.deepest {
		return s.fail(i), false
	}
	i = space(b, i+1)
	if b[i] == ']' {
		return i + 1, true
	}
	for cell := 0; ; cell++ {
		var child *spot
		if cell < len(s.columns) {
			child = s.columns[cell]
		}
		v, covers := stay, inherited
		if !decided {
			v, covers = child.judge(s.mode, inherited, b[i], child.peek(b, i))
		}
		from := i
		if i = s.value(b, i, depth+1, child, covers, decided || v != enter); i < 0 {
			return i, false
		}
		if v == redacted || v == removed {
			with := s.standFor(v, b[from])
			if with == nothing {
				with = null // the place of a cell tells what those after it are
			}
			s.cut(&part{}, v, from, i, i, with, false)
		}
		switch i = space(b, i); b[i] {
		case ',':
			i = space(b, i+1)
		case ']':
			return i + 1, cell < len(s.columns)
		default:
			return s.fail(i), false
		}
	}
}
