package jsonfilter

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

// Len is how many members an object has, or elements a list; 0 for everything else.
func (v Value) Len() int { return len(v.at.children) }

// Child is a member or an element, by its place. The name is empty in a list.
func (v Value) Child(i int) (name string, child Value) {
	n := &v.at.children[i]
	return n.name, Value{v.doc, n}
}
