package jsonfilter

import "bytes"

// record is one record that was read.
type record struct {
	after int
	// whole is what becomes of the record as a whole, whoever it is about.
	whole verdict
	// unreadable tells that it is a row whose cells have no names.
	unreadable bool
}

// absent is the place of what was not found.
var absent = span{from: -1}

// record reads a record, whose cuts it adds. readable tells, for rows, that the names of the columns could be read.
func (s *scanner) record(p *Program, b []byte, i, depth int, readable bool) record {
	s.names.reset()
	s.subject, s.when = absent, absent
	base, count := len(s.cuts), s.notCovered
	v, covers := p.inner.judge(s.mode, false, b[i], p.inner.peek(b, i))
	if !p.rows {
		r := record{whole: v, after: s.value(b, i, depth, p.inner, &s.learned.record, covers, v != enter)}
		if v == redacted {
			s.notCovered++
		}
		return r
	}
	after, ok := s.row(b, i, depth, covers, v != enter)
	r := record{whole: v, after: after}
	if after >= 0 && (!ok || !readable) {
		s.subject, s.when = absent, absent
		s.cuts, s.notCovered = s.cuts[:base], count
		r.whole, r.unreadable = redacted, true
	} else if v == redacted {
		s.notCovered++
	}
	if p.inner.subject {
		s.subject = span{i, after}
	}
	return r
}

// person says who a record is about.
func (s *scanner) person(p *Program, b []byte, kept *[]byte, one *Subject) {
	one.Unresolved, one.Timed = true, p.timed
	if value, ok := s.content(b, s.subject, kept); ok {
		one.Value, one.Unresolved = value, false
	}
	if p.timed && s.when != absent {
		value, ok := s.content(b, s.when, kept)
		if first := b[s.when.from]; !ok && (first == '-' || (first >= '0' && first <= '9')) {
			one.Time = timeOfNumber(b[s.when.from:s.when.to], p.format)
		} else if ok {
			one.Time = timeOfText(value, p.format)
		}
	}
}

// content gives what a string says. Where it is escaped it is written to kept.
func (s *scanner) content(b []byte, at span, kept *[]byte) ([]byte, bool) {
	if at.from < 0 || b[at.from] != '"' {
		return nil, false
	}
	raw := b[at.from+1 : at.to-1]
	if s.marks.next(at.from+1) == at.to-1 || bytes.IndexByte(raw, '\\') < 0 {
		return raw, true
	}
	n := len(*kept)
	*kept = unescape(*kept, raw)
	return (*kept)[n:], true
}

// namesOfColumns reads a list of distinct strings, and finds what is declared about each.
func (s *scanner) namesOfColumns(inner *spot, b []byte, at span) bool {
	s.columns = s.columns[:0]
	s.names.reset()
	if b[at.from] != '[' {
		return false
	}
	for i := space(b, at.from+1); b[i] != ']'; {
		if b[i] != '"' {
			return false
		}
		after, k, place := s.name(b, i+1)
		if after < 0 || !s.names.add(0, b, k, place) {
			return false
		}
		var column *spot
		if n := inner.find(k, s.names.bytes(b, place, k.n)); n >= 0 {
			column = inner.branches[n].spot
		}
		s.columns = append(s.columns, column)
		if i = space(b, after); b[i] == ',' {
			i = space(b, i+1)
		}
	}
	return true
}
