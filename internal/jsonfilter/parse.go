package jsonfilter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/optup/optup/internal/defence"
)

// MaxDepth is how deep objects and arrays may be nested.
const MaxDepth = 64

// ErrUnreadable reports a body that is not strict JSON. Its text never holds a part of the body.
var ErrUnreadable = errors.New("the body is not strict JSON")

// node is one value with its place in the body.
type node struct {
	// kind is the first byte of an object, a list, a string, true, false or null, and '0' for a number.
	kind       byte
	start, end int
	// name is the member's name, nameStart where its quoted form begins; for members of objects only.
	name      string
	nameStart int
	children  []node
}

// Document is a body that was read strictly. It keeps the bytes that it was read from, which must not change.
type Document struct {
	body []byte
	// content is the body once more, of which names and texts are parts; empty for what is not one document.
	content string
	root    node
	// frames are those of the documents of a sequence, which the root is the list of; nil for one document.
	frames []frame
}

// Parse reads a body. Errors wrap ErrUnreadable.
func Parse(body []byte) (*Document, error) {
	d := &Document{body: body, content: string(body)}
	p := parsers.Get().(*parser)
	defer p.release()
	if err := p.document(d.content, &d.root); err != nil {
		return nil, err
	}
	return d, nil
}

// parser reads a document as a whole, over a copy with zeros behind it: see token.go.
type parser struct {
	scanner
	b       []byte
	content string
	// nodes are the values that were read of the objects and lists that are open, the innermost last.
	nodes []node
}

// parsers are kept for the next documents, with their buffers.
var parsers = sync.Pool{New: func() any { return &parser{} }}

func (p *parser) release() {
	clear(p.nodes)
	p.content, p.nodes = "", p.nodes[:0]
	if cap(p.b) <= largestKept && cap(p.names.list) <= largestKept/16 && cap(p.nodes) <= largestKept/64 {
		parsers.Put(p)
	}
}

func (p *parser) document(body string, root *node) error {
	p.content = body
	p.b = append(append(p.b[:0], body...), make([]byte, padding)...)
	p.end = len(body)
	p.marks.fit(len(p.b))
	p.marks.set(p.b, 0, p.end)
	p.names.reset()
	i, err := p.value(root, space(p.b, 0), 0)
	if err != nil {
		return err
	}
	if i = space(p.b, i); i < p.end {
		return fmt.Errorf("%w: something follows the value", ErrUnreadable)
	}
	return nil
}

// stopped tells where reading stopped, and nothing of what stands there.
func (p *parser) stopped(at int) (int, error) {
	if at >= p.end {
		return 0, fmt.Errorf("%w: it ends too early", ErrUnreadable)
	}
	return 0, fmt.Errorf("%w: at byte %d", ErrUnreadable, at)
}

// value reads the value that begins at a place, and gives the place behind it.
func (p *parser) value(n *node, i, depth int) (int, error) {
	if depth > MaxDepth {
		return 0, fmt.Errorf("%w: nested deeper than %d", ErrUnreadable, MaxDepth)
	}
	n.start, n.kind = i, p.b[i]
	switch n.kind {
	case '{', '[':
		return p.container(n, i, depth)
	case '"':
		n.end = p.text(p.b, i+1)
	case 't', 'f', 'n':
		n.end = plain(p.b, i)
	default:
		n.end, n.kind = number(p.b, i), '0'
	}
	if n.end < 0 {
		return p.stopped(^n.end)
	}
	return n.end, nil
}

// container reads an object or a list.
func (p *parser) container(n *node, i, depth int) (int, error) {
	closing := n.kind + 2 // in ASCII a bracket is closed by the second one behind it
	base, first := len(p.names.list), len(p.nodes)
	if i = space(p.b, i+1); p.b[i] == closing {
		n.end = i + 1
		return n.end, nil
	}
	var child node
	for {
		child = node{}
		var err error
		if n.kind == '{' {
			if i, err = p.member(&child, i, base); err != nil {
				return 0, err
			}
		}
		if i, err = p.value(&child, i, depth+1); err != nil {
			return 0, err
		}
		p.nodes = append(p.nodes, child)
		switch i = space(p.b, i); p.b[i] {
		case ',':
			i = space(p.b, i+1)
		case closing:
			p.names.close(base)
			n.children = slices.Clone(p.nodes[first:])
			clear(p.nodes[first:])
			p.nodes = p.nodes[:first]
			n.end = i + 1
			return n.end, nil
		default:
			return p.stopped(i)
		}
	}
}

// member reads a name and what stands between it and its value. The names of its object begin at base.
func (p *parser) member(n *node, i, base int) (int, error) {
	if p.b[i] != '"' {
		return p.stopped(i)
	}
	n.nameStart = i
	after, k, at := p.name(p.b, i+1)
	if after < 0 {
		return p.stopped(p.failed)
	}
	if !p.names.add(base, p.b, k, at) && defence.Names {
		return 0, fmt.Errorf("%w: a member name stands twice in one object", ErrUnreadable)
	}
	if at >= 0 {
		n.name = p.content[at : at+k.n]
	} else {
		n.name = string(p.names.bytes(nil, at, k.n))
	}
	if i = space(p.b, after); p.b[i] != ':' {
		return p.stopped(i)
	}
	return space(p.b, i+1), nil
}

// text gives the value of a string node.
func (d *Document) text(n *node) (string, bool) {
	if n == nil || n.kind != '"' {
		return "", false
	}
	var content string
	if d.content != "" {
		content = d.content[n.start+1 : n.end-1]
	} else {
		content = string(d.body[n.start+1 : n.end-1])
	}
	if strings.IndexByte(content, '\\') < 0 {
		return content, true
	}
	return string(unescape(nil, []byte(content))), true
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
