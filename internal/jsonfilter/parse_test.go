package jsonfilter

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// library reads a document by a strict decoder that others wrote.
type library struct {
	body []byte
	dec  *jsontext.Decoder
}

var errDeep = errors.New("too deep")

func parseByLibrary(body []byte) (*Document, error) {
	d := &Document{body: body}
	l := library{body, jsontext.NewDecoder(bytes.NewBuffer(body))}
	if err := l.value(&d.root, 0); err != nil {
		return nil, err
	}
	if _, err := l.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more")
	}
	return d, nil
}

func (l *library) next() (jsontext.Token, int, int, error) {
	from := int(l.dec.InputOffset())
	t, err := l.dec.ReadToken()
	if err != nil {
		return t, 0, 0, err
	}
	for from < len(l.body) && (l.body[from] <= ' ' || l.body[from] == ',' || l.body[from] == ':') {
		from++
	}
	return t, from, int(l.dec.InputOffset()), nil
}

func (l *library) value(n *node, depth int) error {
	if depth > MaxDepth {
		return errDeep
	}
	t, start, end, err := l.next()
	if err != nil {
		return err
	}
	n.kind, n.start, n.end = byte(t.Kind()), start, end
	if n.kind != '{' && n.kind != '[' {
		return nil
	}
	for l.dec.PeekKind() != jsontext.Kind(n.kind+2) {
		var child node
		if n.kind == '{' {
			t, start, _, err := l.next()
			if err != nil {
				return err
			}
			child.name, child.nameStart = t.String(), start
		}
		if err := l.value(&child, depth+1); err != nil {
			return err
		}
		n.children = append(n.children, child)
	}
	_, _, n.end, err = l.next()
	return err
}

// FuzzParse: what is read as a whole is what another strict decoder reads, value by value and place by place. The filters of streams are
// held to documents that were read as a whole.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", " ", "{}", "[]", "null", " true ", "false", "nul", "truex", "-0", "-", "1.", "1.5e+10", "01", "1e", "1 2", `"a`, `"\u00e4\ud83d\ude00"`, `"\ud83d"`, `"\u12"`,
		`"\x"`, "\"\x01\"", "\"\xff\"", "\"\xe2\x82\"", "\"K\u00f6ln\"", `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":{"a":1},"b":[{"a":1},{"a":2}]}`,
		`{"a":1,}`, `{,}`, `[1,]`, `[,1]`, `{"a"}`, `{"a":}`, `{"a" : 1 , "b":[ 1,2 ]}`, "{\"a\x00\":1}", "[1]\x00", "\x00", "\ufeff1", "[1\x0b]", `{"a":1]`, `[1}`,
		`{"one and twenty letters long":1,"one and twenty letters lonG":2}`, `{"one and twenty letters long":1,"one and twenty letters long":2}`, `{1:2}`,
		strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat("[", 66) + strings.Repeat("]", 66),
		`{"` + strings.Repeat("x", 70) + `\n":"` + strings.Repeat("y", 70) + `\"","n":-12345678901234567890.5E-3}`,
	} {
		f.Add([]byte(seed))
	}
	f.Add(manyNames(40, -1))
	f.Add(manyNames(40, 3))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := Parse(body)
		want, wrong := parseByLibrary(body)
		if (err == nil) != (wrong == nil) {
			t.Fatalf("%q: %v, and by the library %v", body, err, wrong)
		}
		if err != nil {
			if !errors.Is(err, ErrUnreadable) {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		if !reflect.DeepEqual(got.root, want.root) {
			t.Fatalf("%q:\n%+v\n%+v", body, got.root, want.root)
		}
		for _, d := range []*Document{got, want} {
			d.root.strings(func(n *node) {
				text, _ := d.text(n)
				if out, err := jsontext.AppendUnquote(nil, body[n.start:n.end]); err != nil || string(out) != text {
					t.Fatalf("%q says %q, and by the library %q, %v", body[n.start:n.end], text, out, err)
				}
				if out, err := jsontext.AppendUnquote(nil, quote(nil, text)); err != nil || string(out) != text {
					t.Fatalf("%q is written as %q", text, quote(nil, text))
				}
			})
		}
	})
}

// manyNames is an object of many members, the last of which may have the name of another one.
func manyNames(n, twice int) []byte {
	out := []byte(`{"n":0`)
	for i := range n {
		out = append(out, `,"m`+strings.Repeat("i", i)+`":0`...)
	}
	if twice >= 0 {
		out = append(out, `,"m`+strings.Repeat("i", twice)+`":0`...)
	}
	return append(out, '}')
}

func (n *node) strings(visit func(*node)) {
	if n.kind == '"' {
		visit(n)
	}
	for i := range n.children {
		n.children[i].strings(visit)
	}
}

// TestParsersForget: what one document had is not in the next one that is read with the same buffers.
func TestParsersForget(t *testing.T) {
	p := &parser{}
	for _, one := range []string{`{"abc":"a longer document","\u0061bcd":[1,2,3]}`, `{"abc":1}`, `{"abc`, `{"abc":2}`, `[1,2,3,4,5,6,7,8,9`, `[1`, `1`, ``} {
		var root node
		err := p.document(one, &root)
		want, wrong := parseByLibrary([]byte(one))
		if (err == nil) != (wrong == nil) || err == nil && !reflect.DeepEqual(root, want.root) {
			t.Errorf("%q: %+v, %v", one, root, err)
		}
	}
}
