package jsonfilter

import (
	"fmt"
	"io"
)

// piece is a part of the body with what is to be done about it. Pieces are written in their order, once the people in them were judged.
type piece struct {
	kind  kind
	level int
	// from begins with the white space and the name before a value; value is where the value of a record begins.
	from, value, to int
	// cuts to cutsTo are what is cut out.
	cuts, cutsTo int
	with         stand
	// opens tells that the piece ends with an opening bracket.
	opens bool
	// whole, unreadable and notCovered are what was found about a record.
	whole      verdict
	unreadable bool
	notCovered int
	// head is what stands before a document in an event.
	head span
}

// kind says what a piece is.
type kind uint8

const (
	// raw bytes are written as they are.
	raw kind = iota
	// element is a part of an object or a list that stays.
	element
	// stood is a part whose value is replaced.
	stood
	// person is a record.
	person
	// behind is white space behind a record, which does as the record does.
	behind
	// ending ends a line or an event.
	ending
	// fields is an event without data, comment a line that says nothing.
	fields
	comment
)

// mostPieces is how many pieces are noted before they are written.
const mostPieces = 512

// emitter writes what stays. It has judged everybody in what it writes.
type emitter struct {
	dst     io.Writer
	judge   BatchJudge
	outcome Outcome
	pieces  []piece
	people  []Subject
	answers [Batch]Handling
	// values holds identifiers that were escaped, heads what stands before the documents of events.
	values, heads []byte
	out           []byte
	// joined is the part of the body that is written next.
	joined span
	// has tells for each level whether a part of it was written, last whether the last one was.
	has, last [MaxDepth + 2]bool
	// begun tells that something of the document was written.
	begun     bool
	unflushed bool
	failed    error
}

func (e *emitter) begin(dst io.Writer, judge BatchJudge) {
	e.dst, e.judge = dst, judge
	e.outcome, e.failed, e.unflushed = Outcome{}, nil, false
	e.clear()
	e.out, e.heads, e.begun = e.out[:0], e.heads[:0], false
}

// end lets go of what the next copy must not see.
func (e *emitter) end() {
	e.dst, e.judge, e.failed = nil, nil, nil
	e.clear()
}

func (e *emitter) clear() {
	clear(e.people)
	e.pieces, e.people, e.values, e.joined = e.pieces[:0], e.people[:0], e.values[:0], span{}
}

// settle judges the people in the pieces, and writes the pieces.
func (m *machine) settle() error {
	if n := len(m.people); n > 0 {
		clear(m.answers[:n])
		m.judge(m.people, m.answers[:n])
		for _, h := range m.answers[:n] {
			if h == Stop {
				return ErrStopped
			}
		}
	}
	nobody := 0
	for i := range m.pieces {
		p := &m.pieces[i]
		if p.kind == person {
			m.emitRecord(p, m.answers[nobody])
			nobody++
			continue
		}
		m.emit(p)
	}
	m.copyOut()
	m.emitter.clear()
	m.cuts = m.cuts[:0]
	return m.emitter.failed
}

// settleMany settles where there are many pieces.
func (m *machine) settleMany() error {
	if len(m.pieces) < mostPieces {
		return nil
	}
	return m.settle()
}

// piece notes a piece.
func (m *machine) piece(p piece) {
	if p.level == 0 {
		p.head = m.event.head
	}
	m.pieces = append(m.pieces, p)
}

func (m *machine) emit(p *piece) {
	switch p.kind {
	case raw:
		m.copyPart(p.from, p.to)
	case person: // emitRecord does
	case element:
		m.outcome.Changed = m.outcome.Changed || p.cutsTo > p.cuts
		m.separate(p)
		m.copyCut(p.from, p.to, m.cuts[p.cuts:p.cutsTo])
		if p.opens {
			m.has[p.level+1] = false
		}
	case stood:
		m.emitStood(p)
	case behind:
		if m.last[p.level] {
			m.copyPart(p.from, p.to)
		}
	case ending:
		m.emitEnding(p)
	case fields:
		m.heading(p)
		m.text("\n")
	case comment:
		m.text(":\n")
	}
}

// emitStood writes what stands in the place of a value. A document that is no more is null; it stands alone, without white space.
func (m *machine) emitStood(p *piece) {
	switch {
	case p.level > 0:
		m.separate(p)
		m.copyPart(p.from, p.to)
		m.text(stands[p.with])
	case p.with != nothing:
		m.separate(p)
		m.text(stands[p.with])
	case m.options.Framing == Whole:
		m.text("null")
	}
	m.last[p.level] = p.level > 0
}

// emitRecord writes a record for the handling of its person.
func (m *machine) emitRecord(p *piece, h Handling) {
	m.outcome.People++
	if h == Redact && !p.unreadable {
		m.redact(p)
	}
	if h != Keep && h != Redact {
		m.outcome.Changed = true
		m.last[p.level] = false
		if p.level == 0 && m.options.Framing == Whole {
			m.text("null")
		}
		return
	}
	m.outcome.Kept++
	m.outcome.NotCovered += p.notCovered
	switch p.whole {
	case redacted, removed:
		m.outcome.Changed = true
		p.with = m.standFor(p.whole, m.buf[p.value])
		if p.with == nothing && p.level > 0 {
			m.last[p.level] = false
			return
		}
		p.to = p.value
		m.emitStood(p)
	default:
		m.outcome.Changed = m.outcome.Changed || p.cutsTo > p.cuts
		m.separate(p)
		m.copyCut(p.from, p.to, m.cuts[p.cuts:p.cutsTo])
	}
}

// separate writes what has to stand between a part and the one before it.
func (m *machine) separate(p *piece) {
	switch {
	case p.level == 0:
		m.begun = true
		m.heading(p)
	case m.has[p.level] && m.joined.to == p.from-1 && m.buf[m.joined.to] == ',':
		m.joined.to++
	case m.has[p.level]:
		m.text(",")
	}
	m.has[p.level], m.last[p.level] = true, true
}

// copyCut writes a part of the body without what is cut out of it.
func (m *machine) copyCut(from, to int, cuts []cut) {
	for i := range cuts {
		c := &cuts[i]
		m.copyPart(from, c.from)
		if c.with != nothing {
			m.text(stands[c.with])
		}
		from = c.to
	}
	m.copyPart(from, to)
}

// copyPart writes a part of the body, together with the parts before it where they are adjacent.
func (m *machine) copyPart(from, to int) {
	if from == m.joined.to {
		m.joined.to = to
		return
	}
	m.copyOut()
	m.joined = span{from, to}
}

func (m *machine) copyOut() {
	part := m.buf[m.joined.from:m.joined.to]
	if len(m.out)+len(part) > cap(m.out) {
		m.flush()
	}
	if len(part) > cap(m.out) {
		m.send(part)
	} else {
		m.out = append(m.out, part...)
	}
	m.joined.from = m.joined.to
}

func (m *machine) text(s string) {
	m.fit(len(s))
	m.out = append(m.out, s...)
}

// heading writes what stands before a document in an event.
func (m *machine) heading(p *piece) {
	head := m.heads[p.head.from:p.head.to]
	m.fit(len(head))
	m.out = append(m.out, head...)
}

// fit makes room for what is no part of the body.
func (m *machine) fit(n int) {
	m.copyOut()
	if len(m.out)+n > cap(m.out) {
		m.flush()
	}
}

// write sends what is left.
func (m *machine) write() error {
	m.flush()
	return m.emitter.failed
}

func (e *emitter) flush() {
	e.send(e.out)
	e.out = e.out[:0]
}

func (e *emitter) send(part []byte) {
	if len(part) == 0 || e.failed != nil {
		return
	}
	e.unflushed = true
	if _, err := e.dst.Write(part); err != nil {
		e.failed = fmt.Errorf("writing the answer: %w", err)
	}
}
