package jsonfilter

import (
	"bytes"
	"fmt"
)

// frame is the part of a body that goes with one document of a sequence: the document and what stands around it.
type frame struct{ start, end int }

// ParseLines reads a body of which each line is one JSON document (NDJSON), as the list of its lines: "/*" names every line. Lines end
// in LF or in CRLF, all of them alike; empty ones are refused, for some readers skip them and others stop. Errors wrap ErrUnreadable.
func ParseLines(body []byte) (*Document, error) {
	d := &Document{body: body, root: node{kind: '[', end: len(body)}, frames: []frame{}}
	ending := ""
	for at := 0; at < len(body); {
		end := len(body)
		if i := bytes.IndexByte(body[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		line := bytes.TrimSuffix(body[at:end], []byte("\n"))
		text := bytes.TrimSuffix(line, []byte("\r"))
		if len(line) < end-at { // the last line may have no end
			if own := string(body[at+len(text) : end]); ending == "" {
				ending = own
			} else if own != ending {
				return nil, fmt.Errorf("%w: its lines end in different ways", ErrUnreadable)
			}
		} else if len(text) < len(line) {
			return nil, fmt.Errorf("%w: a CR without an LF", ErrUnreadable)
		}
		if bytes.IndexByte(text, '\r') >= 0 {
			return nil, fmt.Errorf("%w: line %d has a CR in it", ErrUnreadable, len(d.frames)+1)
		}
		if err := d.add(at, at+len(text)); err != nil {
			return nil, err
		}
		d.frames = append(d.frames, frame{at, end})
		at = end
	}
	return d, nil
}

// add reads one document of a sequence.
func (d *Document) add(start, end int) error {
	one, err := Parse(d.body[start:end])
	if err != nil {
		return err
	}
	one.root.shift(start)
	d.root.children = append(d.root.children, one.root)
	return nil
}

func (n *node) shift(by int) {
	n.start, n.end, n.nameStart = n.start+by, n.end+by, n.nameStart+by
	for i := range n.children {
		n.children[i].shift(by)
	}
}

// sequence writes the documents of a sequence that stay, each in its frame.
func (c changes) sequence(d *Document) []byte {
	out := make([]byte, 0, len(d.body))
	if k := c[&d.root].kind; k == gone || k == replaced {
		return out
	}
	for i, f := range d.frames {
		one := &d.root.children[i]
		if c[one].kind == gone {
			continue
		}
		out = append(out, d.body[f.start:one.start]...)
		out = c.append(out, d, one)
		out = append(out, d.body[one.end:f.end]...)
	}
	return out
}
