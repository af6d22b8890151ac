package jsonfilter

import (
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/defence"
	"github.com/optup/optup/internal/ir"
)

// Person is one person that a body names.
type Person struct {
	Identifier consent.Identifier
	// Unresolved tells that there is no identifier where one is declared, or that it is no string.
	Unresolved bool
	// Timed tells that a time is declared; Time is when the data was collected, zero where it is absent or cannot be read.
	Timed bool
	Time  time.Time
}

// Handling is what happens to one person's part of a body.
type Handling int

// Handlings. The zero value takes the part out.
const (
	Drop Handling = iota
	Keep
	// Redact keeps a record without its personal fields.
	Redact
	// Stop ends a copy with ErrStopped before anything of the batch is written. A Judge does not give it.
	Stop
)

// Judge says what happens to a person. It is called once for each, in the order of the body.
type Judge func(Person) Handling

// Outcome says what a filter found.
type Outcome struct {
	// People are those that were judged, Kept those of them whose part stayed.
	People, Kept int
	// NotCovered counts values that nobody declared or whose category is not covered; each pointer that a value starts at counts once.
	NotCovered int
	// Changed tells that the result differs from the body.
	Changed bool
}

// filter reads one document by what is declared about it, and collects what is to be taken out.
type filter struct {
	doc *Document
	// rows are the rows of positional tables.
	rows      map[*node]*table
	redaction ir.Redaction
	changes   changes
	outcome   Outcome
}

func newFilter(d *Document) *filter {
	return &filter{doc: d, rows: map[*node]*table{}, changes: changes{}}
}

func (f *filter) finish() ([]byte, Outcome) {
	f.outcome.Changed = len(f.changes) > 0
	return f.changes.write(f.doc), f.outcome
}

// person reads who stands at a node, and when the data about them was collected.
func (f *filter) person(at *node, pointer string, who ir.Identifies, when string, format ir.TimeFormat) Person {
	p := Person{Identifier: consent.Identifier{Type: who.Type, Form: who.Form}, Timed: when != ""}
	value, ok := f.doc.text(f.at(at, split(pointer)))
	p.Identifier.Value, p.Unresolved = value, !ok
	if p.Timed {
		p.Time = f.doc.time(f.at(at, split(when)), format)
	}
	return p
}

func declare(tree *declared, fields []ir.Field, plain, totals []string) {
	for _, p := range plain {
		tree.plain(p)
	}
	for _, x := range fields {
		tree.field(x.Pointer, x.Category)
	}
	for _, p := range totals {
		tree.add(p).total = true
	}
}

// check finds what is not covered below the last node of a chain, and takes it out if told to. Inherited tells whether the
// declaration of a whole value further up covers this one; a declaration of the part itself counts before it.
func (f *filter) check(chain []*node, tree *declared, inherited bool, covered func(string) bool, out bool) {
	n := chain[len(chain)-1]
	if t := f.rows[n]; t != nil && t.unreadable {
		if out {
			f.redact(chain, tree)
		}
		return // counted when the table was read
	}
	deeper := false
	if tree != nil {
		if tree.whole {
			inherited = !tree.personal || covered(tree.category)
		}
		deeper = tree.next != nil || tree.every != nil
	}
	counts := tree != nil && tree.total
	if !counts && deeper && (n.kind == '{' || n.kind == '[') && (len(n.children) > 0 || !tree.whole) {
		for i := range n.children {
			f.check(append(chain, &n.children[i]), f.step(tree, n, i), inherited, covered, out)
		}
		return
	}
	switch {
	case counts:
		if out {
			f.remove(chain)
		}
	case !inherited:
		f.outcome.NotCovered++
		if out && defence.Fields {
			f.redact(chain, tree)
		}
	}
}

// step goes to a child of a node: a cell of a row by its column, an element of an array, or a member of an object. It gives nil for
// what nobody declared.
func (f *filter) step(d *declared, parent *node, child int) *declared {
	switch t := f.rows[parent]; {
	case d == nil:
		return nil
	case t != nil:
		return d.next[t.names[child]]
	case parent.kind == '[':
		return d.every
	default:
		return d.next[parent.children[child].name]
	}
}
