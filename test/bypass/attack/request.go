package attack

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/optup/optup/test/bypass/market"
)

// Field is one header field, or one parameter of a query, as it is written.
type Field struct{ Name, Value string }

// Framing is how a body is delimited.
type Framing int

// Framings. The zero value gives a length where there is a body.
const (
	Length Framing = iota
	Chunked
	// Unframed is said by header fields that a mutator wrote.
	Unframed
)

// Request is a request that is being made.
type Request struct {
	// Base is what the request is about before it is changed.
	Base           string
	Method, Path   string
	Query          []Field
	Version        string
	Headers        []Field
	Body           string
	Framing        Framing
	ChunkExtension string
	LineEnd        string
	Trailers       []Field
	// Tail follows the request on the connection.
	Tail string
	// Odd tells that the framing may leave the server waiting.
	Odd bool
	// Two tells of frames of HTTP/2 that are written in an unusual way.
	Two Two
	// Subject is whom the request is about; nil for nobody in particular.
	Subject *market.Person
}

// Two is how a request becomes frames of HTTP/2.
type Two struct {
	// Pseudo replaces or adds pseudo-header fields.
	Pseudo []Field
	// Late puts the pseudo-header fields behind the others.
	Late bool
	// Cut splits the header block over CONTINUATION frames.
	Cut bool
}

// target gives the request target.
func (q *Request) target() string {
	if len(q.Query) == 0 {
		return q.Path
	}
	var parts []string
	for _, f := range q.Query {
		switch f.Value {
		case "\x00":
			parts = append(parts, f.Name)
		default:
			parts = append(parts, f.Name+"="+f.Value)
		}
	}
	return q.Path + "?" + strings.Join(parts, "&")
}

// set replaces a header field, or adds it.
func (q *Request) set(name, value string) {
	for i := range q.Headers {
		if strings.EqualFold(q.Headers[i].Name, name) {
			q.Headers[i].Value = value
			return
		}
	}
	q.add(name, value)
}

func (q *Request) add(name, value string) { q.Headers = append(q.Headers, Field{name, value}) }

// insert puts a header field before or behind the others.
func (q *Request) insert(r *rand.Rand, name, value string) {
	if r.IntN(2) == 0 {
		q.add(name, value)
		return
	}
	q.Headers = slices.Insert(q.Headers, 0, Field{name, value})
}

func (q *Request) has(name string) bool {
	return slices.ContainsFunc(q.Headers, func(f Field) bool { return strings.EqualFold(f.Name, name) })
}

// One gives the bytes of the request in HTTP/1.
func (q *Request) One() []byte {
	var b strings.Builder
	end := q.LineEnd
	if end == "" {
		end = "\r\n"
	}
	b.WriteString(q.Method + " " + q.target())
	if q.Version != "none" {
		b.WriteString(" " + q.Version)
	}
	b.WriteString(end)
	for _, f := range q.Headers {
		b.WriteString(f.Name + ": " + f.Value + end)
	}
	switch {
	case q.Framing == Chunked:
		b.WriteString("Transfer-Encoding: chunked" + end)
	case q.Framing == Length && q.Body != "" && !q.has("Content-Length"):
		fmt.Fprintf(&b, "Content-Length: %d%s", len(q.Body), end)
	}
	b.WriteString(end)
	if q.Framing == Chunked {
		half := len(q.Body) / 2
		for _, part := range []string{q.Body[:half], q.Body[half:]} {
			if part != "" {
				fmt.Fprintf(&b, "%x%s%s%s%s", len(part), q.ChunkExtension, end, part, end)
			}
		}
		b.WriteString("0" + end)
		for _, f := range q.Trailers {
			b.WriteString(f.Name + ": " + f.Value + end)
		}
		b.WriteString(end)
	} else {
		b.WriteString(q.Body)
	}
	b.WriteString(q.Tail)
	return []byte(b.String())
}
