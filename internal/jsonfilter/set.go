package jsonfilter

import (
	"fmt"
	"slices"
	"unicode/utf8"
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
		if !utf8.ValidString(s) {
			return nil, false
		}
		member = append(quote(member, s), ':')
	}
	member = append(member, value...)
	for range segments[1:] {
		member = append(member, '}')
	}
	return slices.Concat(d.body[:n.end-1], member, d.body[n.end-1:]), true
}

// quote appends a string as JSON writes it.
func quote(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
