package jsonfilter

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Set gives the body with a JSON value at a pointer, inserting the objects on the way to it where they are missing. It reports false
// where something else than an object is in the way: then there is no place that the reader of the body would look at.
func (d *Document) Set(pointer string, value []byte) ([]byte, bool) {
	n, segments := &d.root, split(pointer)
	if len(segments) == 0 {
		return nil, false
	}
	for i, s := range segments {
		if n.kind != '{' {
			return nil, false
		}
		m := n.member(s)
		if m == nil {
			return d.insert(n, segments[i:], value)
		}
		n = m
	}
	return slices.Concat(d.body[:n.start], value, d.body[n.end:]), true
}

// insert adds a member to an object.
func (d *Document) insert(n *node, segments []string, value []byte) ([]byte, bool) {
	var member []byte
	if len(n.children) > 0 {
		member = append(member, ',')
	}
	for i, s := range segments {
		if i > 0 {
			member = append(member, '{')
		}
		var err error
		if member, err = jsontext.AppendQuote(member, s); err != nil {
			return nil, false
		}
		member = append(member, ':')
	}
	member = append(member, value...)
	for range segments[1:] {
		member = append(member, '}')
	}
	return slices.Concat(d.body[:n.end-1], member, d.body[n.end-1:]), true
}
