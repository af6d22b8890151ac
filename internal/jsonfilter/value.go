package jsonfilter

import "iter"

// Value is a value of a document.
type Value struct {
	doc *Document
	at  *node
}

// Value is the whole document.
func (d *Document) Value() Value { return Value{d, &d.root} }

// Kind is the first byte of an object, a list, a string, true, false or null, and '0' for a number.
func (v Value) Kind() byte { return v.at.kind }

// Text is what a string says; false for everything else.
func (v Value) Text() (string, bool) { return v.doc.text(v.at) }

// Members gives the members of an object in their order, with their names; nothing for everything else.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.at.kind != '{' {
			return
		}
		for i := range v.at.children {
			if n := &v.at.children[i]; !yield(n.name, Value{v.doc, n}) {
				return
			}
		}
	}
}

// Elements gives the elements of a list in their order; nothing for everything else.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.at.kind != '[' {
			return
		}
		for i := range v.at.children {
			if !yield(Value{v.doc, &v.at.children[i]}) {
				return
			}
		}
	}
}
