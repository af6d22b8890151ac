package jsonfilter

import "github.com/optup/optup/internal/ir"

// change is what becomes of a node that is not kept as it is.
type change struct {
	kind  changeKind
	value string
}

type changeKind int

const (
	gone changeKind = iota + 1
	// partly tells that something below the node changes.
	partly
	replaced
)

type changes map[*node]change

// set notes what becomes of the last node of a chain.
func (c changes) set(chain []*node, what change) {
	c[chain[len(chain)-1]] = what
	for _, n := range chain[:len(chain)-1] {
		if c[n].kind == 0 {
			c[n] = change{kind: partly}
		}
	}
}

// remove takes a node out. A cell of a row leaves null behind, for its place tells what the cells after it are.
func (f *filter) remove(chain []*node) { f.changes.set(chain, f.removed(chain)) }

func (f *filter) removed(chain []*node) change {
	if len(chain) > 1 && f.rows[chain[len(chain)-2]] != nil {
		return change{kind: replaced, value: "null"}
	}
	return change{kind: gone}
}

// redact takes a value out as the redaction says. A name that nobody declared and that is no plain word goes with its value: it may be
// an address itself.
func (f *filter) redact(chain []*node, declaredAs *declared) {
	n := chain[len(chain)-1]
	named := len(chain) > 1 && chain[len(chain)-2].kind == '{'
	switch {
	case named && declaredAs == nil && !plainWord(n.name):
		f.remove(chain)
	case f.redaction == ir.RedactionNullify:
		f.changes.set(chain, change{kind: replaced, value: "null"})
	case f.redaction == ir.RedactionMask:
		f.changes.set(chain, change{kind: replaced, value: mask(n)})
	default:
		f.remove(chain)
	}
}

// mask is a value of the same type that says nothing.
func mask(n *node) string {
	switch n.kind {
	case '"':
		return `"***"`
	case '0':
		return "0"
	case 't', 'f':
		return "false"
	case '[':
		return "[]"
	case '{':
		return "{}"
	default:
		return "null"
	}
}

// PlainWord tells whether a name is one that somebody gave to a member, and no value such as an address.
func PlainWord(name string) bool { return plainWord(name) }

func plainWord[T string | []byte](name T) bool {
	for i := range len(name) {
		c := name[i]
		letter := c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
		if !letter && (i == 0 || (c != '-' && (c < '0' || c > '9'))) {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 64
}

// write gives the document with its changes.
func (c changes) write(d *Document) []byte {
	if len(c) == 0 {
		return d.body
	}
	switch what := c[&d.root]; {
	case d.frames != nil:
		return c.sequence(d)
	case what.kind == gone:
		return []byte("null")
	case what.kind == replaced:
		return []byte(what.value)
	}
	out := append(make([]byte, 0, len(d.body)), d.body[:d.root.start]...)
	return append(c.append(out, d, &d.root), d.body[d.root.end:]...)
}

// append writes a node: verbatim if nothing in it changes, else its kept parts. The white space around a part stays and goes with it.
func (c changes) append(out []byte, d *Document, n *node) []byte {
	switch what := c[n]; what.kind {
	case replaced:
		return append(out, what.value...)
	case partly:
	case gone:
		return out
	default:
		return append(out, d.body[n.start:n.end]...)
	}
	out = append(out, d.body[n.start])
	first, from := true, n.start+1
	for i := range n.children {
		child := &n.children[i]
		end := child.end // of the part, where the separator or the bracket is
		for d.body[end] != ',' && end < n.end-1 {
			end++
		}
		if c[child].kind != gone {
			if !first {
				out = append(out, ',')
			}
			first = false
			out = append(out, d.body[from:child.start]...)
			out = c.append(out, d, child)
			out = append(out, d.body[child.end:end]...)
		}
		from = end + 1
	}
	return append(out, d.body[n.end-1])
}
