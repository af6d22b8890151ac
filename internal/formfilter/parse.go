package formfilter

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/optup/optup/internal/ir"
)

// ErrUnreadable reports a body that is no strict form. Its text never holds a part of the body.
var ErrUnreadable = errors.New("the body is not a strict form")

func unreadable(what string) error { return fmt.Errorf("%w: %s", ErrUnreadable, what) }

// maxPairs bounds the pairs of a form; many servers stop reading somewhere, and would see another form than is decided about.
const maxPairs = 1000

// Document is a form that was read strictly. It keeps the bytes that it was read from, which must not change.
type Document struct {
	body  []byte
	pairs []pair
}

// pair is one field, decoded, and where it stands.
type pair struct {
	name, value string
	start, end  int
}

// Parse reads a body. Names that the message declares as lists may be repeated. Errors wrap ErrUnreadable.
func Parse(body []byte, m *ir.Message) (*Document, error) {
	d := &Document{body: body}
	seen := map[string]bool{}
	for at := 0; at <= len(body); {
		end := len(body)
		if i := bytes.IndexByte(body[at:], '&'); i >= 0 {
			end = at + i
		}
		p, err := read(body[at:end])
		if err != nil {
			return nil, err
		}
		if seen[p.name] && !repeats(m, p.name) {
			return nil, unreadable("a name stands twice")
		}
		seen[p.name] = true
		p.start, p.end = at, end
		if d.pairs = append(d.pairs, p); len(d.pairs) > maxPairs {
			return nil, unreadable("too many fields")
		}
		at = end + 1
	}
	return d, nil
}

func read(raw []byte) (pair, error) {
	if bytes.Count(raw, []byte("=")) != 1 {
		return pair{}, unreadable("a pair has one equals sign")
	}
	n, v, _ := strings.Cut(string(raw), "=")
	name, err1 := decode(n)
	value, err2 := decode(v)
	switch {
	case err1 != nil || err2 != nil:
		return pair{}, errors.Join(err1, err2)
	case name == "" || strings.TrimSpace(name) != name:
		return pair{}, unreadable("a field without a name, or with a space around it")
	case strings.EqualFold(name, "_method"):
		return pair{}, unreadable("a field that replaces the method")
	case name == "_charset_" && !strings.EqualFold(value, "utf-8"):
		return pair{}, unreadable("a field that names another character encoding")
	}
	return pair{name: name, value: value}, nil
}

// plain are the bytes that stand for themselves: those that every encoder leaves, and those that people write unescaped by hand. What
// some server takes for a separator is not among them.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789*-._~!'()$@:/?,[]|"

// decode reads a name or a value. Escapes are two hexadecimal digits, "+" is a space, and the result is text in UTF-8.
func decode(raw string) (string, error) {
	for i := range len(raw) {
		if c := raw[i]; c != '%' && c != '+' && strings.IndexByte(plain, c) < 0 {
			return "", unreadable("a character that has to be escaped")
		}
	}
	text, err := url.QueryUnescape(raw)
	if err != nil {
		return "", unreadable("an escape that is none")
	}
	if !utf8.ValidString(text) {
		return "", unreadable("it is not UTF-8")
	}
	for _, c := range text {
		if (c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7f {
			return "", unreadable("a control character")
		}
	}
	return text, nil
}

// list is how a name is declared that may stand more than once.
func list(name string) string { return field(name) + "/*" }

// field is the pointer of a name (RFC 6901).
func field(name string) string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// repeats tells whether a message declares a name as a list.
func repeats(m *ir.Message, name string) bool {
	p := list(name)
	return slices.Contains(m.NotPersonal, p) || slices.Contains(m.Totals, p) ||
		slices.ContainsFunc(m.Fields, func(f ir.Field) bool { return f.Pointer == p }) ||
		slices.ContainsFunc(m.Addressees, func(a ir.Addressees) bool { return a.Each == p })
}

// find gives the one field with a pointer; nil if there is none, or a list.
func (d *Document) find(pointer string) *pair {
	var found *pair
	for i := range d.pairs {
		if field(d.pairs[i].name) != pointer {
			continue
		}
		if found != nil {
			return nil
		}
		found = &d.pairs[i]
	}
	return found
}

// Constant gives the value of the field that a pointer names. It reports false for what is absent or stands more than once.
func (d *Document) Constant(pointer string) (string, bool) {
	if p := d.find(pointer); p != nil {
		return p.value, true
	}
	return "", false
}
