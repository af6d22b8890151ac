package jsonfilter

// record reads a record, if all of it is there.
func (m *machine) record() (more bool, err error) {
	if m.program.rows && !m.columnsRead {
		return false, ErrOrder
	}
	if len(m.people) == Batch {
		if err := m.settle(); err != nil {
			return false, err
		}
	}
	if m.skim.on && !m.skim.run(m) && !m.complete {
		return true, nil
	}
	all := m.skim.on || m.complete
	m.skim.on = false
	cuts := len(m.cuts)
	m.scanner.end, m.notCovered = m.limit, 0
	r := m.scanner.record(m.program, m.buf, m.at, m.depth, m.readable)
	after, more, err := m.scanned(r.after, all)
	if more || err != nil {
		m.cuts = m.cuts[:cuts]
		return more, err
	}
	if r.unreadable {
		m.outcome.NotCovered++
	}
	// Both are written where they stay: to copy what was just written costs more than to write it.
	m.people = append(m.people, Subject{})
	m.scanner.person(m.program, m.buf, &m.values, &m.people[len(m.people)-1])
	m.pieces = append(m.pieces, piece{})
	one := &m.pieces[len(m.pieces)-1]
	one.kind, one.level, one.from, one.value, one.to = person, m.depth, m.seg, m.at, after
	one.cuts, one.cutsTo = cuts, len(m.cuts)
	one.whole, one.notCovered, one.unreadable = r.whole, m.notCovered, r.unreadable
	if one.level == 0 {
		one.head = m.event.head
	}
	m.levels[m.depth].tail = tailFollows
	m.at = after
	m.ended()
	return false, nil
}

// columns reads the names of columns.
func (m *machine) columns(place *spot) (more bool, err error) {
	after, more, err := m.token(nil, true)
	if more || err != nil {
		return more, err
	}
	m.columnsRead, m.readable = true, m.namesOfColumns(m.program.inner, m.buf, span{m.at, after})
	v, _ := place.judge(0, m.levels[m.depth].inherited, m.buf[m.at], false)
	if m.readable && !place.whole {
		v = stay
	}
	m.whole(v, after, len(m.cuts))
	return false, nil
}

// redact reads a record again, as one of somebody who may not be seen.
func (m *machine) redact(p *piece) {
	m.mode, m.notCovered = 1, 0
	p.cuts = len(m.cuts)
	r := m.scanner.record(m.program, m.buf, p.value, p.level, m.readable)
	m.mode = 0
	p.cutsTo = len(m.cuts)
	p.whole, p.notCovered = r.whole, m.notCovered
}
