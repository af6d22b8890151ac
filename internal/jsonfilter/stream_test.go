package jsonfilter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ir"
)

// streamed are messages of every shape that a program can have.
var streamedMessages = []*ir.Message{
	list,
	{ // one record
		Records: &ir.Records{
			Identifier: "/email", Identifies: email, Time: "/at",
			Fields: []ir.Field{
				{Pointer: "/email", Category: "pd:EmailAddress"},
				{Pointer: "/a", Category: "pd:MedicalHealth"},
				{Pointer: "/b/c", Category: "pd:Name"},
				{Pointer: "/orders/*/item", Category: "pd:Name"},
			},
			NotPersonal: []string{"/id", "/a/b", "/long name that is more than sixteen bytes"},
		},
	},
	{ // no records, and a declared part of something that is not personal
		Fields: []ir.Field{
			{Pointer: "/a", Category: "pd:MedicalHealth"},
			{Pointer: "/b/c", Category: "pd:MedicalHealth"},
			{Pointer: "/customers/*/email", Category: "pd:Name"},
			{Pointer: "/customers/*/id", Category: "pd:MedicalHealth"},
		},
		NotPersonal: []string{"/a/b", "/b", "/customers"},
		Totals:      []string{"/total", "/orders/*/item"},
	},
	{ // a positional table
		Records: &ir.Records{
			Each: "/rows/*", Identifier: "/email", Identifies: email, Columns: "/columns",
			Fields:      []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}, {Pointer: "/a", Category: "pd:MedicalHealth"}, {Pointer: "/b/c", Category: "pd:Name"}},
			NotPersonal: []string{"/id"},
		},
		NotPersonal: []string{"/page"},
		Totals:      []string{"/total"},
	},
	{ // records within lists within lists, whose names of columns are deeper than the rows, and an identifier that nobody declared
		Records: &ir.Records{
			Each: "/customers/*/orders/*", Identifier: "/b/email", Identifies: email, Time: "/at", TimeFormat: ir.TimeUnixSeconds,
			Fields: []ir.Field{{Pointer: "/b/c", Category: "pd:Name"}, {Pointer: "/a/*", Category: "pd:Name"}},
		},
		Fields:      []ir.Field{{Pointer: "/customers", Category: "pd:MedicalHealth"}, {Pointer: "/customers/*/a", Category: "pd:Name"}},
		NotPersonal: []string{"/customers/*/id"},
		Totals:      []string{"/customers/*/total"},
	},
	{ // records that are values
		Records: &ir.Records{Each: "/a/*", Identifies: email, Fields: []ir.Field{{Category: "pd:Name"}}},
	},
	{ // a record that is a member
		Records: &ir.Records{Each: "/a/b", Identifier: "/email", Identifies: email, NotPersonal: []string{""}},
		Fields:  []ir.Field{{Pointer: "", Category: "pd:MedicalHealth"}},
	},
	{ // a table deeper down
		Records: &ir.Records{
			Each: "/b/rows/*", Identifier: "/email", Identifies: email, Columns: "/a/columns", Time: "/at",
			Fields: []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}}, NotPersonal: []string{"/b"},
		},
		NotPersonal: []string{"/a"},
	},
	{ // a top-level list of records
		Records: &ir.Records{Each: "/*", Identifier: "/email", Identifies: email, Fields: []ir.Field{{Pointer: "/email", Category: "pd:Name"}}, NotPersonal: []string{"/orders"}},
	},
}

// some judges people by the first letter of their address.
func some(p Person) Handling {
	switch {
	case p.Unresolved:
		return Drop
	case strings.HasPrefix(p.Identifier.Value, "y"):
		return Keep
	case strings.HasPrefix(p.Identifier.Value, "r"), !p.Time.IsZero():
		return Redact
	default:
		return Drop
	}
}

func someOf(people []Subject, out []Handling) {
	for i, p := range people {
		one := Person{Unresolved: p.Unresolved, Timed: p.Timed, Time: p.Time}
		one.Identifier.Value = string(p.Value)
		out[i] = some(one)
	}
}

// pieces gives a body in pieces of the sizes that a random source says.
type pieces struct {
	body []byte
	size func() int
}

func (p *pieces) Read(to []byte) (int, error) {
	if len(p.body) == 0 {
		return 0, io.EOF
	}
	n := copy(to[:min(len(to), max(1, p.size()))], p.body)
	p.body = p.body[n:]
	return n, nil
}

func whole(body []byte) *pieces { return &pieces{body, func() int { return len(body) }} }
func single(body []byte) *pieces {
	return &pieces{body, func() int { return 1 }}
}

func random(body []byte, seed uint64) *pieces {
	r := rand.New(rand.NewPCG(seed, 1))
	most := 1 + r.IntN(40)
	return &pieces{body, func() int { return r.IntN(most) }}
}

// expected is what the filter of whole documents makes of a body.
func expected(m *ir.Message, r ir.Redaction, framing Framing, body []byte) ([]byte, Outcome, error) {
	switch framing {
	case Lines:
		return expectedLines(m, r, body)
	case Events:
		return expectedEvents(m, r, body)
	default:
		out, _, o, err := expectedDocument(m, r, body)
		return out, o, err
	}
}

// expectedDocument tells also whether the document is gone.
func expectedDocument(m *ir.Message, r ir.Redaction, body []byte) ([]byte, bool, Outcome, error) {
	d, err := Parse(body)
	if err != nil {
		return nil, false, Outcome{}, err
	}
	f := d.response(m, covered, r, some)
	out, o := f.finish()
	return out, f.changes[&d.root].kind == gone, o, nil
}

func sum(to *Outcome, o Outcome) {
	to.People, to.Kept, to.NotCovered = to.People+o.People, to.Kept+o.Kept, to.NotCovered+o.NotCovered
	to.Changed = to.Changed || o.Changed
}

func expectedLines(m *ir.Message, r ir.Redaction, body []byte) ([]byte, Outcome, error) {
	var out []byte
	var all Outcome
	for len(body) > 0 {
		line, rest, ended := bytes.Cut(body, []byte("\n"))
		body = rest
		if len(bytes.Trim(line, " \t\r")) == 0 {
			out = append(out, line...)
			if ended {
				out = append(out, '\n')
			}
			continue
		}
		one, gone, o, err := expectedDocument(m, r, line)
		if err != nil {
			return nil, Outcome{}, err
		}
		sum(&all, o)
		if gone {
			continue
		}
		out = append(out, one...)
		if ended {
			out = append(out, '\n')
		}
	}
	return out, all, nil
}

// same holds a copy to what is expected.
func same(t *testing.T, m *ir.Message, r ir.Redaction, o Options, body []byte, src io.Reader) {
	t.Helper()
	p, err := Compile(m, covered, r)
	if err != nil {
		t.Fatal(err)
	}
	want, outcome, wrong := expected(m, r, o.Framing, body)
	var got bytes.Buffer
	o.Record, o.Depth = DefaultRecord, MaxDepth
	have, err := newMachine(64).filter(p, &got, src, someOf, &o) // small buffers, which have to be moved and to grow
	if wrong == nil && outcome.Kept > 0 {
		accepted++
	}
	switch {
	case errors.Is(err, ErrOrder) && p.rows:
		return
	case (wrong != nil) != (err != nil), err != nil && !errors.Is(err, ErrUnreadable):
		t.Fatalf("%q\ngives the error %v, want %v", body, err, wrong)
	case err == nil && (!bytes.Equal(got.Bytes(), want) || have != outcome):
		t.Fatalf("%s %q\ngives %q %+v\nwant  %q %+v", r, body, got.Bytes(), have, want, outcome)
	}
}

// accepted counts bodies with somebody who is kept, so that the tests can tell that they test something.
var accepted int

var redactions = []ir.Redaction{ir.RedactionOmit, ir.RedactionNullify, ir.RedactionMask}

// TestStreamDoesWhatTheFilterOfDocumentsDoes goes through made-up documents of every message, redaction and framing, in pieces of all sizes.
func TestStreamDoesWhatTheFilterOfDocumentsDoes(t *testing.T) {
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	for n, m := range streamedMessages {
		accepted = 0
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			for i := range uint64(rounds) {
				g := &generator{rand.New(rand.NewPCG(i, uint64(n))), m}
				r := redactions[i%3]
				framing := Framing(g.IntN(3))
				body := g.body(framing)
				same(t, m, r, Options{Framing: framing}, body, whole(body))
				byWords(func() { same(t, m, r, Options{Framing: framing}, body, single(body)) })
				same(t, m, r, Options{Framing: framing}, body, random(body, i))
			}
			if accepted < rounds/20 && m.Records != nil {
				t.Errorf("only %d bodies keep somebody", accepted)
			}
		})
	}
}

// FuzzStream does the same with what the fuzzer finds.
func FuzzStream(f *testing.F) {
	for i := range uint64(40) {
		g := &generator{rand.New(rand.NewPCG(i, 7)), streamedMessages[i%uint64(len(streamedMessages))]}
		f.Add(g.body(Framing(i%3)), byte(i), i)
	}
	f.Fuzz(func(t *testing.T, body []byte, which byte, seed uint64) {
		m, r := streamedMessages[int(which)%len(streamedMessages)], redactions[seed%3]
		for framing := range Framing(3) {
			same(t, m, r, Options{Framing: framing}, body, whole(body))
			byWords(func() { same(t, m, r, Options{Framing: framing}, body, single(body)) })
			same(t, m, r, Options{Framing: framing}, body, random(body, seed))
		}
	})
}

// expectedEvents reads a stream as WHATWG HTML says, in the plainest way.
func expectedEvents(m *ir.Message, r ir.Redaction, body []byte) ([]byte, Outcome, error) {
	var out []byte
	var all Outcome
	text := strings.TrimPrefix(string(body), "\ufeff")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(text, "\n")
	var data []string
	head, alone := "", false
	for _, line := range lines[:len(lines)-1] { // what is behind the last line end is no line
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "" && data != nil:
			one, gone, o, err := expectedDocument(m, r, []byte(strings.Join(data, "\t")))
			if err != nil {
				return nil, Outcome{}, err
			}
			if sum(&all, o); !gone {
				out = append(append(append(out, head+"data: "...), one...), "\n\n"...)
			}
		case line == "" && alone:
			out = append(out, head+"\n"...)
		case strings.HasPrefix(line, ":"):
			out = append(out, ":\n"...)
		case name == "data":
			data = append(data, value)
		case name == "event" && plainWord(value):
			head += "event: " + value + "\n"
		case name == "event":
			head += "event:\n"
		case name == "retry" && value != "" && strings.Trim(value, "0123456789") == "":
			head, alone = head+"retry: "+value+"\n", true
		}
		if line == "" {
			data, head, alone = nil, "", false
		}
	}
	return out, all, nil
}
