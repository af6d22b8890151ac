package jsonfilter

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Framing is how documents stand in a body.
type Framing int

// Framings.
const (
	// Whole is one JSON document.
	Whole Framing = iota
	// Lines is one JSON document a line (NDJSON).
	Lines
	// Events is a stream of server-sent events (WHATWG), each with one JSON document as its data.
	Events
)

// Options of a copy. Their zero value reads one JSON document.
type Options struct {
	Framing Framing
	// Record is the most bytes of a record, a line, an event, or of a name or a single value outside of them, with the white space
	// around; 0 means DefaultRecord.
	Record int
	// Depth is how deep objects and arrays may be nested; 0 means MaxDepth.
	Depth int
	// EventIDs tells that the ids of events are positions in the stream and say nothing about anybody. Ids are removed without it.
	EventIDs bool
	// Flush is called when the source pauses, after everything that is decided was written.
	Flush func()
}

// DefaultRecord is the most bytes of a record.
const DefaultRecord = 1 << 20

// Errors of a copy beside those of its reader and its writer, and ErrUnreadable.
var (
	// ErrTooLarge reports a record that is larger than may be held.
	ErrTooLarge = errors.New("a record is too large")
	// ErrOrder reports rows before the names of their columns.
	ErrOrder = errors.New("rows stand before the names of their columns")
	// ErrStopped reports that the judge ended the copy.
	ErrStopped = errors.New("the copy was stopped")
)

// Subject is the person that a record is about; type and form of the identifier are those that the message declares.
type Subject struct {
	// Value of the identifier. It is valid during the call only.
	Value []byte
	// Unresolved tells that there is no identifier where one is declared, or that it is no string.
	Unresolved bool
	// Timed tells that a time is declared; Time is when the data was collected, zero where it is absent or cannot be read.
	Timed bool
	Time  time.Time
}

// Batch is the most people that a judge is asked about at once.
const Batch = 64

// BatchJudge says what happens to the people of some records, in the order of the body: out[i] is for people[i] and is Drop at first. It is
// called for up to Batch records, and for whatever is complete when the source pauses.
type BatchJudge func(people []Subject, out []Handling)

// Copy filters an answer from src to dst while it arrives. It writes what Document.Response gives, whatever the pieces in which src gives
// the body; of a record nothing is written before it was read as a whole and judged. It holds no more than one record and the last piece
// read.
//
// After an error nothing of the record in which it was found was written, but maybe what was before: the caller has to break the answer
// off, so that nobody takes it for a whole one. Errors wrap ErrUnreadable, ErrTooLarge, ErrOrder, ErrStopped, or what dst and src report;
// their texts hold no part of the body.
func (p *Program) Copy(dst io.Writer, src io.Reader, judge BatchJudge, o Options) (Outcome, error) {
	if o.Record <= 0 {
		o.Record = DefaultRecord
	}
	if o.Depth <= 0 || o.Depth > MaxDepth {
		o.Depth = MaxDepth
	}
	m := machines.Get().(*machine)
	defer m.release()
	return m.filter(p, dst, src, judge, &o)
}

// machines are kept for the next copies, with their buffers.
var machines = sync.Pool{New: func() any { return newMachine(firstBuffer) }}

func newMachine(buffer int) *machine {
	m := &machine{buf: make([]byte, buffer+padding)}
	m.out = make([]byte, 0, buffer)
	m.marks.fit(len(m.buf))
	return m
}

const (
	// firstBuffer is the size of the buffers of a copy to begin with; largestKept is up to where they are kept.
	firstBuffer = 64 << 10
	largestKept = 256 << 10
	// quickBuffer is the size where the source mostly fills the buffer, quickReads times more often than not: it has more to give than is
	// taken, and each read costs, however little it gives.
	quickBuffer = largestKept - padding
	quickReads  = 4
	// leastRead is the least part of the buffer that is worth a read.
	leastRead = 16
	// idleReads is how often a reader may give nothing without an error.
	idleReads = 100
)

func (m *machine) filter(p *Program, dst io.Writer, src io.Reader, judge BatchJudge, o *Options) (Outcome, error) {
	m.begin(p, dst, judge, o)
	err := m.copy(src)
	return m.outcome, err
}

func (m *machine) copy(src io.Reader) error {
	idle := 0
	for {
		room, err := m.room()
		if err != nil {
			return err
		}
		n, err := src.Read(room)
		m.end += n
		clear(m.buf[m.end : m.end+padding])
		m.marks.set(m.buf, m.end-n, m.end)
		switch {
		case err == io.EOF: //nolint:errorlint // a reader gives io.EOF itself
			m.eof = true
		case err != nil:
			return fmt.Errorf("reading the answer: %w", err)
		case n > 0:
			idle = 0
			if m.filled++; n < len(room) {
				m.filled = max(0, m.filled-3)
			}
		default:
			if idle++; idle == idleReads {
				return io.ErrNoProgress
			}
			continue
		}
		if err := m.take(); err != nil {
			return err
		}
		if err := m.settle(); err != nil {
			return err
		}
		if err := m.write(); err != nil || m.eof {
			return err
		}
		if m.options.Flush != nil && m.unflushed && n < len(room) {
			m.options.Flush()
			m.unflushed = false
		}
	}
}

// take goes through what was read.
func (m *machine) take() error {
	switch m.options.Framing {
	case Lines:
		return m.lines()
	case Events:
		return m.events()
	default:
		m.limit, m.complete = m.end, m.eof
		if err := m.run(); err != nil {
			return err
		}
		if m.eof && m.state != afterAll {
			return m.unreadable(m.end)
		}
		return nil
	}
}

// room gives the space to read into. It moves what is still needed to the front where that is cheap, and makes the buffer larger where it
// is full of one record.
func (m *machine) room() ([]byte, error) {
	held := m.end - m.hold
	if held > m.options.Record {
		return nil, ErrTooLarge
	}
	free := len(m.buf) - padding - m.end
	switch {
	case m.filled > quickReads && len(m.buf) >= firstBuffer && len(m.buf) < quickBuffer:
		m.enlarge(quickBuffer)
	case m.hold > 0 && (held <= m.hold || held == 0):
		copy(m.buf, m.buf[m.hold:m.end])
		m.work += held
		m.move(m.hold)
		m.marks.set(m.buf, 0, m.end)
	case free < len(m.buf)/leastRead:
		m.enlarge(min(2*len(m.buf), m.options.Record+firstBuffer))
	}
	return m.buf[m.end : len(m.buf)-padding], nil
}

// enlarge takes a larger buffer.
func (m *machine) enlarge(size int) {
	larger := make([]byte, size+padding)
	copy(larger, m.buf[m.hold:m.end])
	m.work += m.end - m.hold
	m.buf = larger
	m.move(m.hold)
	m.marks.fit(len(m.buf))
	m.marks.set(m.buf, 0, m.end)
}

// move follows the bytes that were moved to the front.
func (m *machine) move(by int) {
	m.base += int64(by)
	for _, at := range []*int{&m.hold, &m.at, &m.end, &m.seg, &m.looked, &m.line, &m.event.from, &m.skim.at, &m.name.from} {
		*at -= by
	}
	for i := range m.depth + 1 {
		m.levels[i].seg -= by
		m.levels[i].from -= by
	}
}
