package csvfilter

import (
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// Document is a table that was read strictly. It keeps the bytes that it was read from, which must not change.
type Document struct {
	body  []byte
	names []string
	// head is the header row, rows are those below it, each with the end of its line; the text of a row ends before that.
	head int
	rows []row
}

type row struct{ start, text, end int }

// Parse reads a body. Errors wrap ErrUnreadable.
func Parse(body []byte) (*Document, error) {
	d, s := &Document{body: body}, syntax{}
	whole, text, err := s.row(body, true)
	if err != nil {
		return nil, err
	}
	if d.names, err = s.header(body[:text]); err != nil {
		return nil, err
	}
	d.head = whole
	for at := whole; at < len(body); at += whole {
		if whole, text, err = s.row(body[at:], true); err == nil {
			err = s.fits(len(d.names))
		}
		if err != nil {
			return nil, err
		}
		d.rows = append(d.rows, row{at, at + text, at + whole})
	}
	return d, nil
}

// Request is a table whose addressees were judged.
type Request struct {
	jsonfilter.Outcome
	doc *Document
	// kept has a row for each person; nil if rows are no people.
	kept []bool
}

// Request reads a table whose rows are addressees. Columns that nobody declared, or whose category is not covered, are counted and left:
// the caller denies such a request.
func (d *Document) Request(m *ir.Message, covered func(category string) bool, judge jsonfilter.Judge) *Request {
	r := &Request{doc: d}
	declared := columns(m.Fields, slices.Concat(m.NotPersonal, m.Totals), "/*")
	for _, name := range d.names {
		if !declared.covers(name, covered) {
			r.NotCovered++
		}
	}
	if len(m.Addressees) == 0 {
		return r
	}
	a := &m.Addressees[0]
	who := who{identifies: a.Identifies, identifier: d.column(a.Identifier), time: d.column(a.Time), timed: a.Time != "", format: a.TimeFormat}
	var s syntax
	r.kept = make([]bool, 0, len(d.rows))
	for _, x := range d.rows {
		text := d.body[x.start:x.text]
		_, _, _ = s.row(text, true) // it was read before
		r.kept = append(r.kept, judge(who.read(text, s.cells)) == jsonfilter.Keep)
		if r.kept[len(r.kept)-1] {
			r.Kept++
		}
	}
	r.People = len(r.kept)
	r.Changed = r.Kept < r.People
	return r
}

// column finds a column by its pointer; -1 if there is none.
func (d *Document) column(pointer string) int { return place(d.names, pointer) }

func place(names []string, pointer string) int {
	return slices.IndexFunc(names, func(n string) bool { return "/"+escape(n) == pointer })
}

// escape gives a name as a segment of a pointer (RFC 6901).
func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

// who tells where people stand in a row.
type who struct {
	identifies       ir.Identifies
	identifier, time int
	timed            bool
	format           ir.TimeFormat
}

func (w *who) read(text []byte, cells []span) jsonfilter.Person {
	at := func(column int) string { return value(text[cells[column].start:cells[column].end]) }
	p := jsonfilter.Person{Identifier: consent.Identifier{Type: w.identifies.Type, Form: w.identifies.Form}, Timed: w.timed}
	if w.identifier < 0 {
		p.Unresolved = true
	} else {
		p.Identifier.Value = at(w.identifier)
	}
	if w.time >= 0 {
		p.Time = jsonfilter.Time(at(w.time), w.format)
	}
	return p
}

// Stays tells whether a person, by their place in the order of judging, is left.
func (r *Request) Stays(person int) bool { return r.kept[person] }

// Units numbers what cannot be sent apart; every row can.
func (r *Request) Units() []int {
	out := make([]int, len(r.kept))
	for i := range out {
		out[i] = i
	}
	return out
}

// Body writes the table for those of the kept people that only names by their place in the order of judging; nil means all of them. The
// rows of the others go.
func (r *Request) Body(only func(person int) bool) []byte {
	d := r.doc
	if r.kept == nil {
		return d.body
	}
	out := append(make([]byte, 0, len(d.body)), d.body[:d.head]...)
	for i, x := range d.rows {
		if r.kept[i] && (only == nil || only(i)) {
			out = append(out, d.body[x.start:x.end]...)
		}
	}
	return out
}
