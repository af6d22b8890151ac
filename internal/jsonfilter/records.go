package jsonfilter

import "github.com/optup/optup/internal/ir"

// Record is one record of a body, to be looked at before Response judges it.
type Record struct {
	doc *Document
	at  *node
}

// Records gives the records of a body in the order in which Response judges them.
func (d *Document) Records(r *ir.Records) []Record {
	var out []Record
	d.root.each(split(r.Each), nil, func(chain []*node) { out = append(out, Record{d, chain[len(chain)-1]}) })
	return out
}

// Constant gives a value of the record as Document.Constant does.
func (r Record) Constant(pointer string) (string, bool) {
	one := Document{body: r.doc.body, content: r.doc.content, root: *r.at}
	return one.Constant(pointer)
}

// Person is whom the record is about.
func (r Record) Person(m *ir.Records) Person {
	return newFilter(r.doc).person(r.at, m.Identifier, m.Identifies, m.Time, m.TimeFormat)
}

// Bytes is the record as it is written.
func (r Record) Bytes() []byte { return r.doc.body[r.at.start:r.at.end] }

// EmptyList tells whether the body is a list without elements, or a sequence without documents.
func (d *Document) EmptyList() bool { return d.root.kind == '[' && len(d.root.children) == 0 }
