package jsonfilter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/optup/optup/internal/ir"
)

func TestWhatCannotBeStreamedIsNotCompiled(t *testing.T) {
	records := func(r ir.Records, m ir.Message) *ir.Message {
		m.Records = &r
		return &m
	}
	field := func(p string) []ir.Field { return []ir.Field{{Pointer: p, Category: "pd:Name"}} }
	for name, m := range map[string]*ir.Message{
		"an identifier in a list":               records(ir.Records{Each: "/a/*", Identifier: "/x/*"}, ir.Message{}),
		"a time in a list":                      records(ir.Records{Each: "/a/*", Time: "/x/*"}, ir.Message{}),
		"a body that is one row":                records(ir.Records{Columns: "/x"}, ir.Message{}),
		"names of columns in a list":            records(ir.Records{Each: "/a/*", Columns: "/x/*"}, ir.Message{}),
		"names of columns in the rows":          records(ir.Records{Each: "/a/*", Columns: "/a/*/x"}, ir.Message{}),
		"names of columns around the rows":      records(ir.Records{Each: "/a/*", Columns: "/a"}, ir.Message{}),
		"a field of the body in a record":       records(ir.Records{Each: "/a/*"}, ir.Message{Fields: field("/a/*/x")}),
		"a record that is a field of the body":  records(ir.Records{Each: "/a/*"}, ir.Message{Fields: field("/a/*")}),
		"a plain value of the body in a record": records(ir.Records{Each: "/a/*"}, ir.Message{NotPersonal: []string{"/a/*/x"}}),
		"a value in the names of columns":       records(ir.Records{Each: "/a/*", Columns: "/c"}, ir.Message{NotPersonal: []string{"/c/*"}}),
		"a total that holds the records":        records(ir.Records{Each: "/a/*"}, ir.Message{Totals: []string{"/a"}}),
		"a total in a record":                   records(ir.Records{Each: "/a/*"}, ir.Message{Totals: []string{"/a/*/x"}}),
		"a total that holds the names":          records(ir.Records{Each: "/a/*", Columns: "/c/d"}, ir.Message{Totals: []string{"/c"}}),
	} {
		if _, err := Compile(m, covered, ir.RedactionOmit); !errors.Is(err, ErrNotStreamed) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	for n, m := range streamedMessages {
		if _, err := Compile(m, covered, ir.RedactionOmit); err != nil {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func TestRowsBeforeTheNamesOfTheirColumnsEndACopy(t *testing.T) {
	m := streamedMessages[3]
	for body, want := range map[string]string{
		`{"columns":["email","id"],"rows":[["y@x",1],["n@x",2]]}`: `{"columns":["email","id"],"rows":[["y@x",1]]}`,
		`{"rows":[],"columns":["email"]}`:                         `{"rows":[],"columns":["email"]}`,
		`{"rows":[["y@x"]],"columns":["email"]}`:                  "",
		`{"rows":[["y@x"]]}`:                                      "",
	} {
		var got bytes.Buffer
		_, err := program(t, m).Copy(&got, strings.NewReader(body), yes, Options{})
		if errors.Is(err, ErrOrder) != (want == "") || want != "" && got.String() != want || strings.Contains(got.String(), "n@x") || want == "" && strings.Contains(got.String(), "y@x") {
			t.Errorf("%s gives %s, %v", body, got.String(), err)
		}
	}
}

// TestPeopleComeInBatches: as many at once as are there, and no more than a batch.
func TestPeopleComeInBatches(t *testing.T) {
	var sizes []int
	judge := func(people []Subject, out []Handling) {
		sizes = append(sizes, len(people))
		for i := range out {
			if out[i] != Drop {
				t.Error("the handling is not Drop at first")
			}
			out[i] = Keep
		}
	}
	body := []byte(`{"customers":[` + strings.Repeat(`{"email":"y@x"},`, 150) + `{"email":"y@x"}]}`)
	if _, err := program(t, list).Copy(io.Discard, bytes.NewReader(body), judge, Options{}); err != nil || len(sizes) != 3 || sizes[0] != Batch || sizes[2] != 151-2*Batch {
		t.Errorf("%v people, %v", sizes, err)
	}
}

// TestAHundredKindsOfRecords: what was learned from some records does not mislead about others.
func TestAHundredKindsOfRecords(t *testing.T) {
	m := &ir.Message{Records: &ir.Records{Each: "/*", Identifier: "/email", Identifies: email, NotPersonal: []string{"/email", "/a name of more than sixteen bytes"}}}
	var body, want strings.Builder
	for i := range 300 {
		names := []string{`"email":"y@x"`, `"a name of more than sixteen bytes":1`, `"a name of more than sixteen bytes, and more":1`, `"secret":"Geheim"`}
		for j := range i % 90 {
			names = append(names, `"n`+strings.Repeat("x", j)+`":{"email":"Geheim"}`)
		}
		kept := names[:2]
		if i%2 == 0 {
			kept = []string{names[1], names[0]}
			names[0], names[3] = names[3], names[0]
		}
		body.WriteString("{" + strings.Join(names, ",") + "},")
		want.WriteString("{" + strings.Join(kept, ",") + "},")
	}
	for name, size := range map[string]func() int{"whole": func() int { return 1 << 20 }, "small": func() int { return 100 }} {
		var got bytes.Buffer
		_, err := program(t, m).Copy(&got, &pieces{[]byte("[" + strings.TrimSuffix(body.String(), ",") + "]"), size}, yes, Options{})
		if err != nil || got.String() != "["+strings.TrimSuffix(want.String(), ",")+"]" {
			t.Errorf("%s: %v, %.2000s", name, err, got.String())
		}
	}
	twice := `[{"email":"y@x","secret":1},{"email":"y@x","email":"y@x"}]`
	if _, err := program(t, m).Copy(io.Discard, strings.NewReader(twice), yes, Options{}); !errors.Is(err, ErrUnreadable) {
		t.Errorf("a learned name twice: %v", err)
	}
}

func TestEvents(t *testing.T) {
	record := &ir.Message{Records: &ir.Records{Identifier: "/email", Identifies: email, Fields: []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}}}}
	for name, tt := range map[string]struct {
		ids        bool
		body, want string
	}{
		"an event that goes leaves nothing":  {true, "id: 1\nretry: 5\nevent: x\ndata: {\"email\":\"n@x\"}\n\n", ""},
		"an event that stays":                {false, "id: 1\nretry: 5\nevent: x\ndata: {\"email\":\"y@x\",\"a\":1}\n\n", "retry: 5\nevent: x\ndata: {\"email\":\"y@x\"}\n\n"},
		"ids that say nothing about anybody": {true, "id: 1\ndata: {\"email\":\"y@x\"}\n\n", "id: 1\ndata: {\"email\":\"y@x\"}\n\n"},
		"a name that may be somebody's":      {false, "event: n@x\ndata: {\"email\":\"y@x\"}\n\n", "event:\ndata: {\"email\":\"y@x\"}\n\n"},
		"a time that is none":                {false, "retry: n@x\ndata: {\"email\":\"y@x\"}\n\n", "data: {\"email\":\"y@x\"}\n\n"},
		"unknown fields and comments":        {false, ": n@x\nfoo: n@x\ndata: {\"email\":\"y@x\"}\n: n@x\n\n", ":\n:\ndata: {\"email\":\"y@x\"}\n\n"},
		"several lines are one document":     {false, "data: {\"email\":\ndata:\ndata\nevent: x\ndata:  \"y@x\"}\n\n", "event: x\ndata: {\"email\":\t\t\t \"y@x\"}\n\n"},
		"a byte order mark":                  {false, "\ufeffdata: {\"email\":\"y@x\"}\n\n", "data: {\"email\":\"y@x\"}\n\n"},
		"an event that does not end":         {false, "data: {\"email\":\"y@x\"}\n", ""},
		"fields without data":                {false, "retry: 7\nid: 4\n\n", "retry: 7\n\n"},
	} {
		for pieces, src := range map[string]io.Reader{"whole": whole([]byte(tt.body)), "single bytes": single([]byte(tt.body)), "carriage returns": whole([]byte(strings.ReplaceAll(tt.body, "\n", "\r")))} {
			var got bytes.Buffer
			if _, err := program(t, record).Copy(&got, src, yes, Options{Framing: Events, EventIDs: tt.ids}); err != nil || got.String() != tt.want {
				t.Errorf("%s, %s: got %q, %v", name, pieces, got.String(), err)
			}
		}
	}
	for name, body := range map[string]string{
		"no JSON": "data: [DONE]\n\n", "no data": "data\n\n", "a text over two lines": "data: \"y\ndata: @x\"\n\n", "two values": "data: {}\ndata: {}\n\n",
	} {
		if _, err := program(t, record).Copy(io.Discard, strings.NewReader(body), yes, Options{Framing: Events}); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func TestLines(t *testing.T) {
	record := &ir.Message{Records: &ir.Records{Identifier: "/email", Identifies: email, Fields: []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}}}}
	var got bytes.Buffer
	body := "{\"email\":\"y@x\"}\r\n\n{\"email\":\"n@x\"}\n \n{\"email\":\"y@x\",\"b\":1}"
	o, err := program(t, record).Copy(&got, strings.NewReader(body), yes, Options{Framing: Lines})
	if want := "{\"email\":\"y@x\"}\r\n\n \n{\"email\":\"y@x\"}"; err != nil || got.String() != want || o != (Outcome{People: 3, Kept: 2, NotCovered: 1, Changed: true}) {
		t.Errorf("got %q %+v, %v", got.String(), o, err)
	}
	for name, body := range map[string]string{"over two lines": "{\"email\":\n\"y@x\"}\n", "two on a line": "{} {}\n", "none": "x\n"} {
		if _, err := program(t, record).Copy(io.Discard, strings.NewReader(body), yes, Options{Framing: Lines}); !errors.Is(err, ErrUnreadable) {
			t.Errorf("a document %s: the error is %v", name, err)
		}
	}
}

// TestCopiesAtOnceDoNotMeet is for the race detector, and for buffers that are used twice.
func TestCopiesAtOnceDoNotMeet(t *testing.T) {
	p := program(t, list)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 50 {
				body := fmt.Sprintf(`{"customers":[{"email":"y@%d","id":%d},{"email":"n@x"}],"page":%d}`, i, j, i)
				want := fmt.Sprintf(`{"customers":[{"email":"y@%d","id":%d}],"page":%d}`, i, j, i)
				var got bytes.Buffer
				if _, err := p.Copy(&got, random([]byte(body), uint64(j)), yes, Options{}); err != nil || got.String() != want {
					t.Errorf("got %s, %v", got.String(), err)
				}
			}
		})
	}
	all.Wait()
}
