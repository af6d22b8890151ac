package jsonfilter

import "bytes"

// lines goes through documents that stand one a line. A line whose document is gone goes with its end.
func (m *machine) lines() error {
	for {
		if err := m.settleMany(); err != nil {
			return err
		}
		n := bytes.IndexByte(m.buf[m.looked:m.end], '\n')
		end, next := m.looked+n, m.looked+n+1
		if n < 0 {
			end, next = m.end, m.end
		}
		m.work += end - m.looked
		if end-m.line > m.options.Record {
			return ErrTooLarge
		}
		if n < 0 && !m.eof {
			m.looked, m.hold = m.end, m.line
			return nil
		}
		if err := m.oneLine(end, next); err != nil {
			return err
		}
		m.line, m.looked = next, next
		if n < 0 {
			m.hold = m.end
			return nil
		}
	}
}

func (m *machine) oneLine(end, next int) error {
	if space(m.buf, m.line) >= end {
		m.pieces = append(m.pieces, piece{kind: raw, from: m.line, to: next})
		return nil
	}
	if err := m.oneDocument(m.line, end); err != nil {
		return err
	}
	m.pieces = append(m.pieces, piece{kind: ending, from: end, to: next})
	return nil
}

// oneDocument goes through a document that is there as a whole.
func (m *machine) oneDocument(from, to int) error {
	if m.program.rows {
		if err := m.settle(); err != nil { // rows of another document have other columns
			return err
		}
	}
	m.document(from)
	m.limit, m.complete = to, true
	return m.run()
}

// emitEnding ends a line or an event, if something of it was written.
func (m *machine) emitEnding(p *piece) {
	switch {
	case !m.begun:
	case m.options.Framing == Events:
		m.text("\n\n")
	default:
		m.copyPart(p.from, p.to)
	}
	m.begun = false
}
