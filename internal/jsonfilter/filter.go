package jsonfilter

import (
	"time"

	"github.com/optup/optup/internal/consent"
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

// change says what becomes of a node that is not kept as it is.
type change int

const (
	gone change = iota + 1
	partly
)

// filter collects what is to be taken out of one document.
type filter struct {
	doc     *Document
	changes map[*node]change
	outcome Outcome
}

func (f *filter) remove(chain []*node) {
	f.changes[chain[len(chain)-1]] = gone
	for _, n := range chain[:len(chain)-1] {
		if f.changes[n] != gone {
			f.changes[n] = partly
		}
	}
}

func (f *filter) finish() ([]byte, Outcome) {
	if len(f.changes) == 0 {
		return f.doc.body, f.outcome
	}
	f.outcome.Changed = true
	if f.changes[&f.doc.root] == gone {
		return []byte("null"), f.outcome
	}
	return f.append(make([]byte, 0, len(f.doc.body)), &f.doc.root), f.outcome
}

// append writes a node: verbatim if nothing in it changes, else its kept parts.
func (f *filter) append(out []byte, n *node) []byte {
	if f.changes[n] != partly {
		return append(out, f.doc.body[n.start:n.end]...)
	}
	out = append(out, f.doc.body[n.start])
	first := true
	for i := range n.children {
		c := &n.children[i]
		if f.changes[c] == gone {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		if n.kind == '{' {
			out = append(out, f.doc.body[c.nameStart:c.start]...) // the name, the colon and the space between
		}
		out = f.append(out, c)
	}
	return append(out, f.doc.body[n.end-1])
}

func (f *filter) person(at *node, pointer string, who ir.Identifies) Person {
	p := Person{Identifier: consent.Identifier{Type: who.Type, Form: who.Form}}
	value, ok := f.doc.text(at.at(split(pointer)))
	p.Identifier.Value, p.Unresolved = value, !ok
	return p
}

// Request filters a request body: people who are not kept go, and with the last of a unit the unit. Values that nobody declared, or
// whose category is not covered, are counted and left: the caller denies such a request, because an application is not to be
// misled about what it sent.
func (d *Document) Request(m *ir.Message, covered func(category string) bool, judge Judge) ([]byte, Outcome) {
	f := &filter{doc: d, changes: map[*node]change{}}
	tree := &declared{}
	declare(tree, m.Fields, m.NotPersonal, m.Totals)
	f.check([]*node{&d.root}, tree, false, covered, false)
	f.addressees(m, judge)
	return f.finish()
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
			c := &n.children[i]
			f.check(append(chain, c), tree.step(n, c), inherited, covered, out)
		}
		return
	}
	if inherited && !counts {
		return
	}
	if !counts {
		f.outcome.NotCovered++
	}
	if out {
		f.remove(chain)
	}
}

// addressees judges everybody in the declared lists.
func (f *filter) addressees(m *ir.Message, judge Judge) {
	type unit struct {
		chain []*node
		left  int
	}
	units := map[*node]*unit{}
	var order []*unit
	for i := range m.Addressees {
		a := &m.Addressees[i]
		depth := len(split(a.Unit))
		f.doc.root.each(split(a.Each), nil, func(chain []*node) {
			var u *unit
			if depth > 0 {
				at := chain[depth]
				if u = units[at]; u == nil {
					u = &unit{chain: clone(chain[:depth+1])}
					units[at], order = u, append(order, u)
				}
			}
			f.outcome.People++
			if judge(f.person(chain[len(chain)-1], a.Identifier, a.Identifies)) == Keep {
				f.outcome.Kept++
				if u != nil {
					u.left++
				}
				return
			}
			f.remove(chain)
		})
	}
	for _, u := range order {
		if u.left == 0 {
			f.remove(u.chain)
		}
	}
}

func clone(chain []*node) []*node { return append([]*node(nil), chain...) }

// Response filters a response body: records of people who are not kept go, and with them every value that nobody declared, that is
// of a category that is not covered, or that counts people.
func (d *Document) Response(m *ir.Message, covered func(category string) bool, judge Judge) ([]byte, Outcome) {
	f := &filter{doc: d, changes: map[*node]change{}}
	outer := &declared{}
	declare(outer, m.Fields, m.NotPersonal, m.Totals)
	if m.Records == nil {
		f.check([]*node{&d.root}, outer, false, covered, true)
		return f.finish()
	}
	// What stands outside records follows the outer declarations; the records' own place is theirs.
	if m.Records.Each != "" {
		outer.add(m.Records.Each).whole = true
		f.check([]*node{&d.root}, outer, false, covered, true)
	}
	inner := &declared{}
	declare(inner, m.Records.Fields, m.Records.NotPersonal, nil)
	f.records(m.Records, inner, covered, judge)
	return f.finish()
}

func (f *filter) records(r *ir.Records, inner *declared, covered func(string) bool, judge Judge) {
	none := func(string) bool { return false }
	f.doc.root.each(split(r.Each), nil, func(chain []*node) {
		record := chain[len(chain)-1]
		p := f.person(record, r.Identifier, r.Identifies)
		if p.Timed = r.Time != ""; p.Timed {
			if text, ok := f.doc.text(record.at(split(r.Time))); ok {
				p.Time, _ = time.Parse(time.RFC3339, text)
			}
		}
		f.outcome.People++
		switch judge(p) {
		case Keep:
			f.outcome.Kept++
			f.check(chain, inner, false, covered, true)
		case Redact:
			f.outcome.Kept++
			f.check(chain, inner, false, none, true)
		default:
			f.remove(chain)
		}
	})
}
