package jsonfilter

// object reads an object whose members are looked at.
func (s *scanner) object(b []byte, i, depth int, place *spot, sh *shape, inherited, decided bool) int {
	part := part{from: i + 1}
	i = space(b, i+1)
	if b[i] == '}' {
		return i + 1
	}
	if depth >= s.deepest {
		return s.fail(i)
	}
	usual := 0
	if sh != nil && sh.place == place {
		var done bool
		if i, usual, done = s.usual(b, i, depth, sh, &part, inherited, decided); done {
			return i
		}
	}
	var o object
	s.opened(&o, place, sh)
	o.have, o.next = 1<<usual-1, usual
	for {
		if n := o.next; n < len(o.names) && o.names[n].is(b, i) && o.know(n) {
			i += o.names[n].width
		} else if i = s.member(b, i, &o); i < 0 {
			return i
		}
		i = space(b, i)
		child, c := o.spot, b[i]
		v, covers := stay, inherited
		if !decided {
			v, covers = child.judge(s.mode, inherited, c, child.peek(b, i))
		}
		from, plainName := i, o.plain
		switch c {
		case '"':
			if i = s.text(b, i+1); i < 0 {
				return s.fail(^i)
			}
			if child != nil && child.sought {
				s.note(child, from, i)
			}
		case '{', '[':
			i = s.value(b, i, depth+1, child, s.inner(&o), covers, decided || v != enter)
		default:
			i = s.value(b, i, depth+1, child, nil, covers, true)
		}
		if i < 0 {
			return i
		}
		to := i
		i = space(b, i)
		if v == redacted || v == removed {
			with := s.standFor(v, c)
			if (child == nil || !child.declared) && !plainName {
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
			s.names.close(o.base)
			return i + 1
		default:
			return s.fail(i)
		}
	}
}

// usual reads the members of an object whose names are those that were learned, in the same order: none of them can stand there twice, and
// what becomes of a value that has no parts is known before. It gives the place of the first other name, and how many it read; or, if the
// object ends here or cannot be read, the place behind it or a negative number.
func (s *scanner) usual(b []byte, i, depth int, sh *shape, p *part, inherited, decided bool) (after, read int, done bool) {
	situation := situationOf(s.mode, inherited, decided)
	for n := 0; ; n++ {
		walked, ended := n, false
		if i, n, ended = s.walk(b, i, sh, n, false); n > walked {
			s.walked(b, p, sh, situation, walked, n, i, ended)
		}
		if ended {
			return i, 0, true
		}
		i = space(b, i)
		if n == len(sh.names) || !sh.names[n].is(b, i) {
			return i, n, false
		}
		name := &sh.names[n]
		i = space(b, i+name.width)
		from, first, v := i, b[i], name.verdicts[situation]
		switch first {
		case '"':
			if i = s.text(b, i+1); i < 0 {
				return s.fail(^i), 0, true
			}
		case '{', '[':
			covers := inherited
			if v = stay; !decided {
				v, covers = name.spot.judge(s.mode, inherited, first, name.spot.peek(b, i))
			}
			if i = s.value(b, i, depth+1, name.spot, s.inside(&name.inner), covers, decided || v != enter); i < 0 {
				return i, 0, true
			}
		default:
			if i = plain(b, i); i < 0 {
				return s.fail(^i), 0, true
			}
		}
		to := i
		if name.sought && first != '{' && first != '[' {
			s.note(name.spot, from, to)
		}
		i = space(b, i)
		if v == redacted || v == removed {
			s.cut(p, v, from, to, i, name.standing(s, v, first), b[i] == ',')
		} else {
			p.kept = true
		}
		switch b[i] {
		case ',':
			i++
			p.from = i
		case '}':
			return i + 1, 0, true
		default:
			return s.fail(i), 0, true
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
func (s *scanner) list(b []byte, i, depth int, place *spot, sh *shape, inherited, decided bool) int {
	i++
	part := part{from: i}
	i = space(b, i)
	if b[i] == ']' {
		return i + 1
	}
	child := place.every
	if b[i] == '{' || b[i] == '[' {
		sh = s.elements(sh)
	} else {
		sh = nil
	}
	for {
		v, covers := stay, inherited
		if !decided {
			v, covers = child.judge(s.mode, inherited, b[i], child.peek(b, i))
		}
		from := i
		if i = s.value(b, i, depth+1, child, sh, covers, decided || v != enter); i < 0 {
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
		return s.value(b, i, depth, nil, nil, true, true), false
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
		if i = s.value(b, i, depth+1, child, nil, covers, decided || v != enter); i < 0 {
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
