package jsonfilter

import "strings"

// split gives the unescaped segments of a JSON pointer (RFC 6901); none for the whole document.
func split(pointer string) []string {
	if pointer == "" {
		return nil
	}
	segments := strings.Split(pointer[1:], "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
	}
	return segments
}

// declared is a tree of the pointers that a message declares. Its zero value declares nothing.
type declared struct {
	// whole tells that a pointer ends here: it stands for everything below.
	whole bool
	// category of the whole, empty for what is not personal.
	category string
	personal bool
	// total marks a count that would tell how many people went.
	total bool
	next  map[string]*declared
	every *declared
}

func (d *declared) add(pointer string) *declared {
	for _, s := range split(pointer) {
		if s == "*" {
			if d.every == nil {
				d.every = &declared{}
			}
			d = d.every
			continue
		}
		if d.next == nil {
			d.next = map[string]*declared{}
		}
		if d.next[s] == nil {
			d.next[s] = &declared{}
		}
		d = d.next[s]
	}
	return d
}

func (d *declared) field(pointer, category string) {
	e := d.add(pointer)
	// A place that is declared twice is as strict as its strictest declaration.
	e.whole, e.personal, e.category = true, true, category
}

func (d *declared) plain(pointer string) {
	if e := d.add(pointer); !e.whole {
		e.whole = true
	}
}

// each visits the nodes that a pointer with "*" names, with the chain of their ancestors from the root.
func (n *node) each(segments []string, chain []*node, visit func(chain []*node)) {
	chain = append(chain, n)
	if len(segments) == 0 {
		visit(chain)
		return
	}
	if segments[0] == "*" {
		if n.kind == '[' {
			for i := range n.children {
				n.children[i].each(segments[1:], chain, visit)
			}
		}
		return
	}
	if m := n.member(segments[0]); m != nil {
		m.each(segments[1:], chain, visit)
	}
}
