package jsonfilter

import "bytes"

// member reads a name.
func (m *machine) member(c byte) (more bool, err error) {
	if c != '"' {
		return false, m.unreadable(m.at)
	}
	after, more, err := m.token(nil, true)
	if more || err != nil {
		return more, err
	}
	lv := &m.levels[m.depth]
	name, at := m.buf[m.at+1:after-1], len(m.outside.kept)
	if bytes.IndexByte(name, '\\') < 0 {
		m.outside.kept = append(m.outside.kept, name...)
	} else {
		m.outside.kept = unescape(m.outside.kept, name)
	}
	if len(m.outside.kept) > m.options.Record {
		return false, ErrTooLarge
	}
	name = m.outside.kept[at:]
	k := keyOf(name)
	if !m.outside.add(lv.names, nil, k, ^at) {
		return false, m.unreadable(m.at)
	}
	m.child = nil
	if lv.place != nil {
		if n := lv.place.find(k, name); n >= 0 {
			m.child = lv.place.branches[n].spot
		}
	}
	m.name = memberName{from: m.at, plain: plainWord(name)}
	m.at, m.state = after, atColon
	return false, nil
}

// token reads the value that begins here, if all of it is there. Where it is not, a skim looks for its end as bytes arrive, so that each
// byte is looked at a bounded number of times however small the pieces are.
func (m *machine) token(place *spot, decided bool) (after int, more bool, err error) {
	if m.skim.on && !m.skim.run(m) && !m.complete {
		return 0, true, nil
	}
	all := m.skim.on || m.complete
	m.skim.on = false
	m.scanner.names.reset()
	m.scanner.end = m.limit
	after = m.scanner.value(m.buf, m.at, m.depth, place, nil, m.levels[m.depth].inherited, decided)
	return m.scanned(after, all)
}

// scanned tells what a scan from here found.
func (m *machine) scanned(after int, all bool) (int, bool, error) {
	switch {
	case after >= 0 && after-m.seg > m.options.Record && after <= m.limit:
		return 0, false, ErrTooLarge
	case after >= 0 && (after < m.limit || after == m.limit && (all || !isNumber(m.buf[m.at]))):
		m.work += after - m.at
		return after, false, nil
	case all || after < 0 && !m.short():
		return 0, false, m.unreadable(m.at)
	}
	m.work += m.limit - m.at
	m.skim = skim{on: true, at: m.at}
	if m.skim.run(m) {
		return 0, false, m.unreadable(m.at)
	}
	return 0, true, nil
}

func isNumber(first byte) bool { return first == '-' || first >= '0' && first <= '9' }

// attempted is how far a value outside of records is read at once. A longer one is gone through token by token, so that no more than a
// record has to be held.
const attempted = 4 << 10

// value reads a value outside of records, or goes into it.
func (m *machine) value(c byte) (more bool, err error) {
	lv, place := &m.levels[m.depth], m.child
	if m.depth > m.deepest {
		return false, m.unreadable(m.at)
	}
	if lv.mode != looked {
		place = nil
	} else if place != nil && place.record {
		return m.record()
	} else if place != nil && place.columns {
		return m.columns(place)
	}
	v, covers := stay, lv.inherited
	if lv.mode == looked {
		v, covers = place.judge(0, lv.inherited, c, place.peek(m.buf, m.at))
	}
	if c != '{' && c != '[' {
		after, more, err := m.token(nil, true)
		if more || err != nil {
			return more, err
		}
		m.whole(v, after, len(m.cuts))
		return false, nil
	}
	if v != enter || !place.marked {
		cuts := len(m.cuts)
		after, err := m.attempt(place, covers, v != enter)
		if err != nil {
			return false, err
		}
		if after > 0 {
			m.whole(v, after, cuts)
			return false, nil
		}
	}
	m.open(place, v, covers, c)
	return false, nil
}

// attempt reads an object or a list if it is short and complete; it gives zero if it is not.
func (m *machine) attempt(place *spot, covers, decided bool) (int, error) {
	end := min(m.limit, m.at+min(attempted, m.options.Record))
	saved, marked, cuts := m.buf[end], m.marks[end>>3], len(m.cuts)
	m.buf[end], m.marks[end>>3] = 0, marked|1<<(end&7)
	m.scanner.names.reset()
	m.scanner.end, m.notCovered = end, 0
	after := m.scanner.value(m.buf, m.at, m.depth, place, nil, covers, decided)
	m.buf[end], m.marks[end>>3] = saved, marked
	if after >= 0 {
		m.work += after - m.at
	} else {
		m.work += end - m.at
	}
	switch {
	case after >= 0 && after-m.seg > m.options.Record:
		return 0, ErrTooLarge
	case after >= 0 && after-m.at+len(m.outside.kept) <= m.options.Record:
		m.outcome.NotCovered += m.notCovered
		return after, nil
	case after < 0 && !m.short():
		return 0, m.unreadable(m.scanner.failed)
	}
	m.cuts = m.cuts[:cuts]
	return 0, nil
}

// open goes into an object or a list.
func (m *machine) open(place *spot, v verdict, covers bool, c byte) {
	lv := &m.levels[m.depth]
	inner := level{
		place: place, array: c == '[', inherited: covers, mode: lv.mode,
		names: len(m.outside.list), kept: len(m.outside.kept), seg: m.seg, from: m.at,
	}
	switch {
	case lv.mode != looked:
		inner.place = nil
	case v == stay:
		inner.mode = kept
	case v == redacted && place != nil && place.deeper && place.whole, v == enter && place.whole && !place.fine[0]:
		inner.undecided = true
	case v != enter:
		inner.mode = dropped
		m.takeOut(v, m.seg, m.at, c, place != nil && place.declared)
	}
	if lv.mode != dropped && inner.mode != dropped && !inner.undecided {
		m.piece(piece{kind: element, level: m.depth, from: m.seg, to: m.at + 1, opens: true})
		lv.tail = tailStays
	}
	m.depth++
	m.levels[m.depth] = inner
	m.at++
	m.state = atFirst
	if !inner.undecided {
		m.seg = m.at
	}
}

// whole ends a value that was read at once.
func (m *machine) whole(v verdict, after, cuts int) {
	lv := &m.levels[m.depth]
	switch {
	case v == redacted || v == removed:
		m.takeOut(v, m.seg, m.at, m.buf[m.at], m.child != nil && m.child.declared)
	case lv.mode != dropped:
		m.piece(piece{kind: element, level: m.depth, from: m.seg, to: after, cuts: cuts, cutsTo: len(m.cuts)})
		lv.tail = tailStays
	}
	m.at = after
	m.ended()
}

// takeOut notes what stands for a value that does not stay.
func (m *machine) takeOut(v verdict, seg, from int, first byte, declared bool) {
	lv := &m.levels[m.depth]
	if v == redacted {
		m.outcome.NotCovered++
	}
	m.outcome.Changed = true
	with := m.standFor(v, first)
	if m.depth > 0 && !lv.array && !declared && !m.name.plain {
		with = nothing
	}
	lv.tail = tailGoes
	if with == nothing && m.depth > 0 {
		return
	}
	if m.depth > 0 {
		lv.tail = tailStays
	}
	m.piece(piece{kind: stood, level: m.depth, from: seg, to: from, with: with})
}
