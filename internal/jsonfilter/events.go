package jsonfilter

import "bytes"

// eventState is what is known of the event that is read (WHATWG HTML, section 9.2: server-sent events).
type eventState struct {
	// begun tells that a field of it was read; from is where it begins.
	begun bool
	from  int
	// halfEnd tells that the last line ended with a carriage return at the end of what was read: a line feed would belong to it.
	halfEnd bool
	// head is what stands before the document, in heads.
	head span
}

// byteOrderMark may stand before the first line of an event stream.
const byteOrderMark = "\ufeff"

// events goes through a stream of events. The lines of one event's data are one document, which is written as one line. An event whose
// document is gone goes as a whole, and so does what might say something about somebody without being declared: ids, the text of comments,
// names of events that are no plain words, and fields that nobody knows.
func (m *machine) events() error {
	for {
		if err := m.settleMany(); err != nil {
			return err
		}
		if m.event.halfEnd && m.line < m.end {
			if m.event.halfEnd = false; m.buf[m.line] == '\n' {
				m.line++
				m.looked = m.line
			}
		}
		end := m.looked + lineEnd(m.buf[m.looked:m.end])
		m.work += end - m.looked
		m.hold = m.line
		if m.event.begun {
			m.hold = m.event.from
		}
		if end-m.hold > m.options.Record {
			return ErrTooLarge
		}
		if end == m.end {
			if m.looked = end; m.eof {
				m.hold = end // an event that does not end is none
			}
			return nil
		}
		next := end + 1
		if m.buf[end] == '\r' {
			m.event.halfEnd = next == m.end
			if m.buf[next] == '\n' && next < m.end {
				next++
			}
		}
		if err := m.eventLine(m.line, end); err != nil {
			return err
		}
		m.line, m.looked = next, next
	}
}

// lineEnd gives the place of the first byte that ends a line. It looks for both in short stretches, so that the one that a stream does not
// use is not looked for to the end again and again.
func lineEnd(b []byte) int {
	const stretch = 256
	for from := 0; from < len(b); from += stretch {
		part := b[from:min(from+stretch, len(b))]
		n := bytes.IndexByte(part, '\n')
		if n >= 0 {
			part = part[:n]
		}
		if r := bytes.IndexByte(part, '\r'); r >= 0 {
			n = r
		}
		if n >= 0 {
			return from + n
		}
	}
	return len(b)
}

func (m *machine) eventLine(from, end int) error {
	if m.base == 0 && from == 0 && bytes.HasPrefix(m.buf[:end], []byte(byteOrderMark)) {
		from += len(byteOrderMark)
	}
	switch {
	case from == end && m.event.begun:
		m.event.begun = false
		return m.oneEvent(m.event.from, end)
	case from == end:
	case m.buf[from] == ':':
		// What is left of a comment keeps the connection open.
		m.pieces = append(m.pieces, piece{kind: comment})
	case !m.event.begun:
		m.event.begun, m.event.from = true, from
	}
	return nil
}

// oneEvent goes through the lines of an event. The lines of its data are joined where the first of them is. They are joined by tabs, which
// JSON allows and forbids in the same places as the line feeds that a reader of the service's own event would join them by.
func (m *machine) oneEvent(from, to int) error {
	if len(m.pieces) == 0 {
		m.heads = m.heads[:0]
	}
	head, data, alone := len(m.heads), absent, false
	for at := from; at < to; {
		end := at + lineEnd(m.buf[at:to])
		name, value := field(m.buf[at:end])
		switch {
		case string(name) == "data" && data == absent:
			data = span{end - len(value), end}
		case string(name) == "data":
			joint := data.to
			m.buf[joint] = '\t'
			data.to += 1 + copy(m.buf[joint+1:], value)
			m.buf[data.to] = '\n'
			m.marks.set(m.buf, joint, data.to)
		case string(name) == "event" && plainWord(value):
			m.addHead("event: ", value)
		case string(name) == "event":
			m.addHead("event:", nil)
		case string(name) == "id" && m.options.EventIDs:
			m.addHead("id: ", value)
			alone = true
		case string(name) == "retry" && len(value) > 0 && len(bytes.Trim(value, "0123456789")) == 0:
			m.addHead("retry: ", value)
			alone = true
		}
		at = end + 1
	}
	m.event.head = span{head, len(m.heads)}
	if data == absent {
		if alone {
			m.pieces = append(m.pieces, piece{kind: fields, head: m.event.head})
		}
		return nil
	}
	m.heads = append(m.heads, "data: "...)
	m.event.head.to = len(m.heads)
	if err := m.oneDocument(data.from, data.to); err != nil {
		return err
	}
	m.pieces = append(m.pieces, piece{kind: ending})
	return nil
}

// field gives the name and the value of a line.
func field(line []byte) (name, value []byte) {
	name, value, _ = bytes.Cut(line, []byte(":"))
	return name, bytes.TrimPrefix(value, []byte(" "))
}

func (m *machine) addHead(name string, value []byte) {
	m.heads = append(append(append(m.heads, name...), value...), '\n')
}
