package jsonfilter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/optup/optup/internal/ir"
)

// ErrNotStreamed reports a message whose answers cannot be filtered while they are read. They have to be read as a whole: see
// Document.Response.
var ErrNotStreamed = errors.New("the message cannot be filtered as a stream")

// Program is what is done to the answers of one endpoint for one purpose. What it does never changes, and any number of copies may use it at
// once.
type Program struct {
	outer *spot
	// inner is what is declared about a record; nil if the answers have none.
	inner     *spot
	redaction ir.Redaction
	format    ir.TimeFormat
	timed     bool
	// rows tells that the records are rows of a positional table.
	rows bool
	// learned are what copies learned about the records. They make the next ones faster and change nothing in what they do.
	learned sync.Pool
}

// Compile resolves what a message declares. covered tells which categories the purpose covers; it is not asked again. The program does
// the same as Document.Response. Errors wrap ErrNotStreamed.
func Compile(m *ir.Message, covered func(category string) bool, r ir.Redaction) (*Program, error) {
	if err := streamed(m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotStreamed, err)
	}
	p := &Program{redaction: r, learned: sync.Pool{New: func() any { return &learned{} }}}
	outer := &declared{}
	declare(outer, m.Fields, m.NotPersonal, m.Totals)
	if m.Records == nil {
		p.outer = newSpot(outer, covered)
		p.outer.finish()
		return p, nil
	}
	p.records(m.Records, covered)
	if m.Records.Each == "" {
		p.outer = &spot{record: true}
		p.outer.finish()
		return p, nil
	}
	outer.add(m.Records.Each).whole = true
	if p.rows {
		outer.add(m.Records.Columns)
	}
	p.outer = newSpot(outer, covered)
	p.outer.reach(split(m.Records.Each)).record = true
	if p.rows {
		p.outer.reach(split(m.Records.Columns)).columns = true
	}
	p.outer.finish()
	return p, nil
}

func (p *Program) records(r *ir.Records, covered func(string) bool) {
	inner := &declared{}
	declare(inner, r.Fields, r.NotPersonal, nil)
	p.inner = newSpot(inner, covered)
	p.inner.reach(split(r.Identifier)).subject = true
	p.timed, p.format, p.rows = r.Time != "", r.TimeFormat, r.Columns != ""
	if p.timed {
		p.inner.reach(split(r.Time)).when = true
	}
	p.inner.finish()
}

// streamed finds what would have to be known before it is read.
func streamed(m *ir.Message) error {
	r := m.Records
	if r == nil {
		return nil
	}
	if slices.Contains(split(r.Identifier), "*") || slices.Contains(split(r.Time), "*") {
		return errors.New("an identifier or a time in a list")
	}
	if r.Each == "" {
		if r.Columns != "" {
			return errors.New("a body that is one row")
		}
		return nil
	}
	if r.Columns != "" && (slices.Contains(split(r.Columns), "*") || within(r.Columns, r.Each) || within(r.Each, r.Columns)) {
		return errors.New("names of columns in a list, or in the rows")
	}
	for _, f := range m.Fields {
		if within(f.Pointer, r.Each) || below(f.Pointer, r.Columns) {
			return errors.New("a field of the body in a record or in the names of columns")
		}
	}
	for _, p := range m.NotPersonal {
		if below(p, r.Each) || below(p, r.Columns) {
			return errors.New("a value of the body in a record or in the names of columns")
		}
	}
	for _, p := range m.Totals {
		if within(p, r.Each) || within(r.Each, p) || (r.Columns != "" && (within(p, r.Columns) || within(r.Columns, p))) {
			return errors.New("a total that holds records or is in one")
		}
	}
	return nil
}

// below tells whether a pointer names a part of what another names; nothing is below an empty one, which declares nothing here.
func below(pointer, of string) bool { return of != "" && strings.HasPrefix(pointer, of+"/") }

// within tells whether a pointer names what another names, or a part of it.
func within(pointer, of string) bool { return pointer == of || strings.HasPrefix(pointer, of+"/") }
