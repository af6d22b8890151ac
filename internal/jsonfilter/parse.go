package jsonfilter

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/optup/optup/internal/defence"
)

// MaxDepth is how deep objects and arrays may be nested.
const MaxDepth = 64

// ErrUnreadable reports a body that is not strict JSON. Its text never holds a part of the body.
var ErrUnreadable = errors.New("the body is not strict JSON")

// node is one value with its place in the body.
type node struct {
	kind       jsontext.Kind
	start, end int
	// name is the member's name, nameStart where its quoted form begins; for members of objects only.
	name      string
	nameStart int
	children  []node
}

// Document is a body that was read strictly. It keeps the bytes that it was read from, which must not change.
type Document struct {
	body []byte
	root node
	// frames are those of the documents of a sequence, which the root is the list of; nil for one document.
	frames []frame
}

// Parse reads a body. Errors wrap ErrUnreadable.
func Parse(body []byte) (*Document, error) {
	d := &Document{body: body}
	p := parser{body: body, dec: jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(!defence.Names))}
	if err := p.value(&d.root, 0); err != nil {
		return nil, unreadable(err)
	}
	if _, err := p.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows the value", ErrUnreadable)
	}
	return d, nil
}

// unreadable keeps the position of a syntax error and drops its text, which may quote the body.
func unreadable(err error) error {
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.Is(err, ErrUnreadable):
		return err
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("%w: a member name stands twice in one object", ErrUnreadable)
	case errors.As(err, &syntactic):
		return fmt.Errorf("%w: at byte %d", ErrUnreadable, syntactic.ByteOffset)
	default:
		return fmt.Errorf("%w: it ends too early", ErrUnreadable)
	}
}

type parser struct {
	body []byte
	dec  *jsontext.Decoder
}

// next reads a token and tells where it starts and ends in the body.
func (p *parser) next() (jsontext.Token, int, int, error) {
	from := int(p.dec.InputOffset())
	t, err := p.dec.ReadToken()
	if err != nil {
		return t, 0, 0, err
	}
	for from < len(p.body) && (p.body[from] <= ' ' || p.body[from] == ',' || p.body[from] == ':') {
		from++
	}
	return t, from, int(p.dec.InputOffset()), nil
}

func (p *parser) value(n *node, depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("%w: nested deeper than %d", ErrUnreadable, MaxDepth)
	}
	t, start, end, err := p.next()
	if err != nil {
		return err
	}
	n.kind, n.start, n.end = t.Kind(), start, end
	switch n.kind {
	case '{', '[':
		return p.container(n, depth)
	default:
		return nil
	}
}

func (p *parser) container(n *node, depth int) error {
	closing := jsontext.Kind('}')
	if n.kind == '[' {
		closing = ']'
	}
	for p.dec.PeekKind() != closing {
		var child node
		if n.kind == '{' {
			t, start, _, err := p.next()
			if err != nil {
				return err
			}
			child.name, child.nameStart = t.String(), start
		}
		if err := p.value(&child, depth+1); err != nil {
			return err
		}
		n.children = append(n.children, child)
	}
	_, _, end, err := p.next()
	n.end = end
	return err
}

// text gives the value of a string node.
func (d *Document) text(n *node) (string, bool) {
	if n == nil || n.kind != '"' {
		return "", false
	}
	out, err := jsontext.AppendUnquote(nil, d.body[n.start:n.end])
	return string(out), err == nil
}

// Constant gives the value at a JSON pointer without "*" (RFC 6901): a string's content, numbers and booleans as they are written. It
// reports false for what is absent, null, an object or a list.
func (d *Document) Constant(pointer string) (string, bool) {
	n := d.root.at(split(pointer))
	if n == nil {
		return "", false
	}
	switch n.kind {
	case '0', 't', 'f':
		return string(d.body[n.start:n.end]), true
	default:
		return d.text(n)
	}
}

func (n *node) at(segments []string) *node {
	for _, s := range segments {
		n = n.member(s)
		if n == nil {
			return nil
		}
	}
	return n
}

func (n *node) member(name string) *node {
	if n.kind != '{' {
		return nil
	}
	for i := range n.children {
		if n.children[i].name == name {
			return &n.children[i]
		}
	}
	return nil
}
