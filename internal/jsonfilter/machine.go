package jsonfilter

import (
	"fmt"
	"io"
)

// machine goes through the part of a body outside of records, one token after the other, and can wait for more bytes between any two. It
// keeps the open objects and arrays as levels, leaves whole values to its scanner, and notes what is to be written as pieces.
type machine struct {
	emitter
	scanner
	program *Program
	options *Options

	// buf holds the body from base on; what is before end was read, and zeros follow it. What is before hold is not needed any more.
	buf       []byte
	base      int64
	end, hold int
	// limit is where the bytes that belong to the document end, complete tells that no more of it will come.
	limit         int
	complete, eof bool
	// at is the next byte, seg the first one of the current part between two separators.
	at, seg int
	state   state
	skim    skim
	levels  [MaxDepth + 2]level
	depth   int
	outside seen
	// name is the member name that was read last, and child what is declared about the value after it.
	name  memberName
	child *spot
	// readable tells whether the names of columns were read and can be.
	columnsRead, readable bool
	// line is where the current line begins, looked up to where its end was sought.
	line, looked int
	event        eventState
	// filled counts the reads that filled the buffer; of those that did not, each counts for two.
	filled int
	// work counts the bytes that were looked at or moved.
	work int
}

// memberName is a name outside of records.
type memberName struct {
	from  int
	plain bool
}

// state is what may come next.
type state uint8

const (
	atValue state = iota
	atFirst
	atName
	atColon
	afterValue
	afterAll
)

// level is an object or an array that is open; the lowest is the document, which has one element.
type level struct {
	place     *spot
	array     bool
	inherited bool
	mode      mode
	// names and kept are how many names, and how many bytes of them, were noted before.
	names, kept int
	// undecided tells that the level goes with its brackets if there is nothing in it; seg and from are then where its part and it begin.
	undecided bool
	seg, from int
	// tail is what becomes of the white space behind the last element.
	tail tail
}

// mode is what becomes of the parts of a level.
type mode uint8

const (
	looked mode = iota
	kept
	dropped
)

// tail is what becomes of the white space behind an element.
type tail uint8

const (
	tailGoes tail = iota
	tailStays
	// tailFollows does as the record before it.
	tailFollows
)

func (m *machine) begin(p *Program, dst io.Writer, judge BatchJudge, o *Options) {
	m.program, m.options = p, o
	m.learned = p.learned.Get().(*learned)
	m.emitter.begin(dst, judge)
	m.deepest, m.redaction, m.mode, m.cuts = o.Depth, p.redaction, 0, m.cuts[:0]
	m.base, m.end, m.hold, m.eof, m.filled, m.work = 0, 0, 0, false, 0, 0
	m.line, m.looked, m.event = 0, 0, eventState{}
	m.document(0)
}

func (m *machine) release() {
	m.program.learned.Put(m.learned)
	m.program, m.options, m.learned = nil, nil, nil
	m.emitter.end()
	if len(m.buf) > largestKept || cap(m.out) > largestKept || cap(m.cuts) > largestKept/16 || cap(m.scanner.names.list) > largestKept/16 {
		return
	}
	machines.Put(m)
}

// document starts to read a document at a place.
func (m *machine) document(at int) {
	m.at, m.seg, m.state, m.depth, m.child = at, at, atValue, 0, m.program.outer
	m.levels[0] = level{}
	m.skim.on, m.columnsRead, m.readable = false, false, false
	m.outside.reset()
}

func (m *machine) unreadable(at int) error {
	return fmt.Errorf("%w: at byte %d", ErrUnreadable, m.base+int64(at))
}

// run reads as far as it can. It stops without an error where more bytes are needed, or behind the document.
func (m *machine) run() error {
	for {
		from := m.at
		m.at = min(space(m.buf, m.at), m.limit)
		m.work += m.at - from
		if m.at-m.seg > m.options.Record && m.state != afterValue && m.state != afterAll {
			return ErrTooLarge
		}
		if m.at == m.limit {
			m.pause()
			if m.complete && m.state != afterAll {
				return m.unreadable(m.at)
			}
			return nil
		}
		if err := m.settleMany(); err != nil {
			return err
		}
		more, err := m.step(m.buf[m.at])
		if err != nil {
			return err
		}
		if more {
			if m.complete {
				return m.unreadable(m.at)
			}
			m.pause()
			return nil
		}
	}
}

// pause lets what is behind the last element go, and keeps what is not decided.
func (m *machine) pause() {
	if m.state == afterValue || m.state == afterAll {
		m.behind(m.at)
	}
	m.hold = m.seg
}

// step reads a token.
func (m *machine) step(c byte) (more bool, err error) {
	switch m.state {
	case atValue:
		return m.value(c)
	case atFirst:
		return m.first(c)
	case atName:
		return m.member(c)
	case atColon:
		if c != ':' {
			return false, m.unreadable(m.at)
		}
		m.at++
		m.state = atValue
		return false, nil
	case afterValue:
		return false, m.next(c)
	default:
		return false, m.unreadable(m.at)
	}
}

// first reads what comes behind an opening bracket.
func (m *machine) first(c byte) (bool, error) {
	lv := &m.levels[m.depth]
	if lv.undecided {
		lv.undecided = false
		if closes(lv, c) {
			m.at++
			m.depth--
			m.takeOut(redacted, lv.seg, lv.from, m.buf[lv.from], true)
			m.ended()
			return false, nil
		}
		m.piece(piece{kind: element, level: m.depth - 1, from: lv.seg, to: lv.from + 1, opens: true})
		m.levels[m.depth-1].tail = tailStays
		m.seg = lv.from + 1
	}
	if closes(lv, c) {
		m.raw(m.seg, m.at)
		m.closed()
		return false, nil
	}
	if lv.array {
		m.state, m.child = atValue, lv.place.element()
		return false, nil
	}
	m.state = atName
	return false, nil
}

// element is what is declared about the elements of a list.
func (s *spot) element() *spot {
	if s == nil {
		return nil
	}
	return s.every
}

func closes(lv *level, c byte) bool { return c == ']' && lv.array || c == '}' && !lv.array }

// next reads what comes behind an element.
func (m *machine) next(c byte) error {
	lv := &m.levels[m.depth]
	if !closes(lv, c) && c != ',' {
		return m.unreadable(m.at)
	}
	m.behind(m.at)
	if c != ',' {
		m.closed()
		return nil
	}
	m.at++
	m.seg = m.at
	if lv.array {
		m.state, m.child = atValue, lv.place.element()
	} else {
		m.state = atName
	}
	return nil
}

// behind notes the white space behind the last element up to a place.
func (m *machine) behind(to int) {
	if to > m.seg {
		switch m.levels[m.depth].tail {
		case tailStays:
			m.raw(m.seg, to)
		case tailGoes:
		case tailFollows:
			m.piece(piece{kind: behind, level: m.depth, from: m.seg, to: to})
		}
	}
	m.seg = to
}

// closed reads the bracket that closes a level.
func (m *machine) closed() {
	lv := &m.levels[m.depth]
	if lv.mode != dropped {
		m.raw(m.at, m.at+1)
	}
	m.outside.close(lv.names)
	m.outside.kept = m.outside.kept[:lv.kept]
	m.depth--
	m.at++
	m.ended()
}

// ended goes on behind an element that ends here.
func (m *machine) ended() {
	m.seg, m.state = m.at, afterValue
	if m.depth == 0 {
		m.state = afterAll
	}
}

// raw notes bytes that stay where the level is kept.
func (m *machine) raw(from, to int) {
	if to > from && m.levels[m.depth].mode != dropped {
		m.piece(piece{kind: raw, from: from, to: to})
	}
}
