package openapi

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// How far schemas are unfolded: levels of one body, values of one body, and values of all bodies of a document.
const (
	maxLevels      = 12
	maxBodyNodes   = 2000
	maxNodes       = 400_000
	maxAlternative = 64
	maxPointer     = 128 // of the API
)

// node is one place in a body.
type node struct {
	// pointer from the root of the body; "" is the body itself.
	pointer string
	// words of the member's name; elements of a list have those of the list.
	words    words
	name     string
	parent   *node
	children []*node
	// element tells that the node is every element of its parent, a list.
	element bool
	// types of the value, in order; empty if the document does not say.
	types  []string
	format string
	text   string // title and description
	enum   bool
	// opaque says why what is below is not known; empty if it is.
	opaque string
}

func (n *node) leaf() bool { return len(n.children) == 0 }

func (n *node) is(types ...string) bool {
	return len(n.types) > 0 && !slices.ContainsFunc(n.types, func(t string) bool { return !slices.Contains(types, t) })
}

// textual tells that the value may be a string.
func (n *node) textual() bool { return len(n.types) == 0 || slices.Contains(n.types, "string") }

// within tells whether the node is another, or below it.
func (n *node) within(other *node) bool {
	for ; n != nil; n = n.parent {
		if n == other {
			return true
		}
	}
	return false
}

// leaves calls visit for every value without members, in the order of pointers.
func (n *node) leaves(visit func(*node)) {
	if n.leaf() {
		visit(n)
		return
	}
	for _, c := range n.children {
		c.leaves(visit)
	}
}

// all calls visit for the node and what is below, from the top.
func (n *node) all(visit func(*node)) {
	visit(n)
	for _, c := range n.children {
		c.all(visit)
	}
}

// unfolder makes trees of schemas.
type unfolder struct {
	// left is how many nodes may be made, for the whole document and for the present body.
	left, body int
}

// unfold makes the tree of one body from its alternatives.
func (u *unfolder) unfold(schemas ...*openapi3.SchemaRef) *node {
	root := &node{}
	u.body = maxBodyNodes
	u.fill(root, schemas, nil, 0)
	return root
}

// merged is what several schemas for the same place say together.
type merged struct {
	properties map[string][]*openapi3.SchemaRef
	items      []*openapi3.SchemaRef
	list       bool
	free       bool
}

func (u *unfolder) fill(n *node, schemas []*openapi3.SchemaRef, above []*openapi3.Schema, level int) {
	flat := flatten(schemas)
	fresh := slices.DeleteFunc(slices.Clone(flat), func(s *openapi3.Schema) bool { return slices.Contains(above, s) })
	m := merged{properties: map[string][]*openapi3.SchemaRef{}}
	for _, s := range flat {
		n.describe(s)
	}
	if len(fresh) == 0 && len(flat) > 0 {
		n.opaque = "it repeats what it is in"
		return
	}
	if len(flat) >= maxAlternative {
		n.opaque = "it has too many alternatives"
		return
	}
	for _, s := range fresh {
		m.add(s)
	}
	above = append(slices.Clone(above), fresh...)
	if level >= maxLevels && (len(m.properties) > 0 || len(m.items) > 0) {
		n.opaque = "it is nested too deeply"
		return
	}
	if len(m.items) > 0 {
		u.child(n, "", true, m.items, above, level)
	}
	names := make([]string, 0, len(m.properties))
	for name := range m.properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		u.child(n, name, false, m.properties[name], above, level)
	}
	switch {
	case n.opaque != "":
	case m.free:
		n.opaque = "its members have names of the caller's choice"
	case n.leaf() && m.list:
		n.opaque = "the document does not say what is in the list"
	case n.leaf() && (n.is("object") || (level == 0 && len(n.types) == 0)):
		n.opaque = "the document does not say what is in it"
	}
}

func (m *merged) add(s *openapi3.Schema) {
	for name, p := range s.Properties {
		m.properties[name] = append(m.properties[name], p)
	}
	if s.Items != nil {
		m.items = append(m.items, s.Items)
	}
	m.list = m.list || s.Type.Is("array")
	if a := s.AdditionalProperties; a.Schema != nil || (a.Has != nil && *a.Has) || len(s.PatternProperties) > 0 {
		m.free = true
	}
}

// child adds what is below a node: a member, or with an empty name every element of a list.
func (u *unfolder) child(n *node, name string, element bool, schemas []*openapi3.SchemaRef, above []*openapi3.Schema, level int) {
	if u.left <= 0 || u.body <= 0 {
		n.opaque = "the document says more than is looked at"
		return
	}
	u.left--
	u.body--
	c := &node{parent: n, name: name, words: split(name), element: element, pointer: n.pointer + "/" + escape(name)}
	if element {
		c.name, c.words, c.pointer = n.name, n.words, n.pointer+"/*"
	}
	if name == "*" {
		n.opaque = "a member of it is called *, which a pointer cannot say"
		return
	}
	n.children = append(n.children, c)
	u.fill(c, schemas, above, level+1)
}

func (n *node) describe(s *openapi3.Schema) {
	if s.Type != nil {
		for _, t := range *s.Type {
			if t != "null" && !slices.Contains(n.types, t) {
				n.types = append(n.types, t)
			}
		}
	}
	if n.format == "" {
		n.format = strings.ToLower(s.Format)
	}
	if len(n.text) < maxText {
		n.text += " " + s.Title + " " + s.Description
	}
	n.enum = n.enum || len(s.Enum) > 0
}

// flatten gives a schema and all that it is composed of. Alternatives count together: a value may be in any of them.
func flatten(schemas []*openapi3.SchemaRef) []*openapi3.Schema {
	var out []*openapi3.Schema
	var add func(refs []*openapi3.SchemaRef)
	add = func(refs []*openapi3.SchemaRef) {
		for _, r := range refs {
			if r == nil || r.Value == nil || len(out) >= maxAlternative || slices.Contains(out, r.Value) {
				continue
			}
			out = append(out, r.Value)
			add(r.Value.AllOf)
			add(r.Value.AnyOf)
			add(r.Value.OneOf)
		}
	}
	add(schemas)
	return out
}

func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
