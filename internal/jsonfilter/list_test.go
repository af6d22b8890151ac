package jsonfilter

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ir"
)

var lines = &ir.Message{
	Format:     ir.FormatNDJSON,
	Addressees: []ir.Addressees{{Each: "/*/to/*", Identifies: email, Unit: "/*"}},
	Fields:     []ir.Field{{Pointer: "/*/to", Category: "pd:EmailAddress"}}, NotPersonal: []string{"/*/id"},
}

var records = &ir.Message{
	Format: ir.FormatNDJSON,
	Records: &ir.Records{
		Each: "/*", Identifier: "/email", Identifies: email,
		Fields:      []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}, {Pointer: "/health", Category: "pd:MedicalHealth"}},
		NotPersonal: []string{"/id"},
	},
}

func TestWhatIsNoSequenceOfLines(t *testing.T) {
	for name, body := range map[string]string{
		"an empty line":                         "{}\n\n{}\n",
		"an empty line at the start":            "\n{}\n",
		"a line of spaces":                      "{}\n \n",
		"an empty line that ends in CRLF":       "{}\r\n\r\n",
		"two documents on a line":               "{} {}\n",
		"a document on two lines":               "{\n}\n",
		"a CR within a line":                    "{\"a\":\r1}\n",
		"a CR at the end":                       "{}\r",
		"two documents that a CR separates":     "{}\r{}\n",
		"lines that end in different ways":      "{}\n{}\r\n",
		"a name twice":                          "{\"a\":1,\"a\":2}\n",
		"bytes that are not UTF-8":              "\"\xff\"\n",
		"a byte order mark":                     "\ufeff{}\n",
		"a record separator, as in another RFC": "\x1e{}\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseLines([]byte(body)); !errors.Is(err, ErrUnreadable) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestLinesOfARequest(t *testing.T) {
	for name, tt := range map[string]struct {
		body, want string
		outcome    Outcome
	}{
		"every byte of lines that are kept stays": {
			" {\"id\" : 1,\"to\":[ \"y@x\" ]}\t\r\n{\"to\":[\"y@z\"]}", " {\"id\" : 1,\"to\":[ \"y@x\" ]}\t\r\n{\"to\":[\"y@z\"]}", Outcome{People: 2, Kept: 2},
		},
		"lines go with their last addressee": {
			"{\"to\":[\"n@x\"]}\n{\"to\":[\"n@x\",\"y@x\"]}\n{\"to\":[\"n@x\"]}", "{\"to\":[\"y@x\"]}\n", Outcome{People: 4, Kept: 1, Changed: true},
		},
		"nobody is left": {"{\"to\":[\"n@x\"]}\n", "", Outcome{People: 1, Changed: true}},
		"a line that is no object counts as undeclared": {
			"7\n{\"to\":[\"y@x\"]}\n", "7\n{\"to\":[\"y@x\"]}\n", Outcome{People: 1, Kept: 1, NotCovered: 1},
		},
		"no line": {"", "", Outcome{}},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseLines([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r := d.Request(lines, covered, only)
			if r.Outcome != tt.outcome || string(r.Body(nil)) != tt.want {
				t.Errorf("%q, %+v", r.Body(nil), r.Outcome)
			}
			if _, ok := d.Constant("/0/id"); ok {
				t.Error("a line is no place for a constant")
			}
			if _, ok := d.Set("/id", []byte("1")); ok {
				t.Error("there is no place for a value")
			}
		})
	}
}

func TestLinesAreUnits(t *testing.T) {
	d, err := ParseLines([]byte("{\"to\":[\"y@a\",\"y@b\"]}\n{\"to\":[\"y@c\"]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := d.Request(lines, covered, only)
	if got := r.Units(); !reflect.DeepEqual(got, []int{0, 0, 1}) {
		t.Errorf("%v", got)
	}
	if got := string(r.Body(func(i int) bool { return i < 2 })); got != "{\"to\":[\"y@a\",\"y@b\"]}\n" {
		t.Errorf("%q", got)
	}
}

func TestLinesOfAnAnswer(t *testing.T) {
	const body = "{\"id\":1,\"email\":\"y@x\",\"health\":\"good\"}\r\n{\"email\":\"n@x\"}\r\n"
	for name, tt := range map[string]struct {
		m         *ir.Message
		redaction ir.Redaction
		judge     Judge
		want      string
	}{
		"lines and members go":               {records, ir.RedactionOmit, only, "{\"id\":1,\"email\":\"y@x\"}\r\n"},
		"a mask":                             {records, ir.RedactionMask, only, "{\"id\":1,\"email\":\"y@x\",\"health\":\"***\"}\r\n"},
		"a redacted line is a line":          {records, ir.RedactionOmit, func(Person) Handling { return Redact }, "{\"id\":1}\r\n{}\r\n"},
		"nothing is declared, nothing stays": {&ir.Message{}, ir.RedactionOmit, only, ""},
		"nothing is declared, under a mask":  {&ir.Message{}, ir.RedactionMask, only, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseLines([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := d.Response(tt.m, covered, tt.redaction, tt.judge); string(got) != tt.want {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestEventsOfAnAnswer(t *testing.T) {
	const kept = "data: {\"id\":1,\"email\":\"y@x\"}\n\n"
	for name, tt := range map[string]struct{ body, want string }{
		"an event":                           {"data: {\"id\":1,\"email\":\"y@x\"}\n\n", kept},
		"no space":                           {"data:{\"id\":1,\"email\":\"y@x\"}\n\n", kept},
		"lines that end in CRLF":             {"data: {\"id\":1,\"email\":\"y@x\"}\r\n\r\n", kept},
		"lines that end in CR":               {"data: {\"id\":1,\"email\":\"y@x\"}\r\r", kept},
		"a byte order mark":                  {"\ufeffdata: {\"id\":1,\"email\":\"y@x\"}\n\n", kept},
		"a member that is not covered":       {"data: {\"id\":1,\"email\":\"y@x\",\"health\":\"good\"}\n\n", kept},
		"somebody else":                      {"event: x\ndata: {\"email\":\"n@x\"}\n\n" + kept, kept},
		"a comment, an id, an unknown field": {": n@x\nid: n@x\nname: n@x\n" + kept, kept},
		"the type of the event":              {"event: changed\n" + kept, "event: changed\n" + kept},
		"a type that may be somebody":        {"event: n@x\n" + kept, kept},
		"the time to reconnect":              {"retry: 100\n" + kept, "retry: 100\n" + kept},
		"a time that is none":                {"retry: n@x\n" + kept, kept},
		"a time that is empty":               {"retry:\n" + kept, kept},
		"a time that may be a number":        {"retry: 004930123456\n" + kept, kept},
		"data on several lines":              {"data: {\"id\":1,\ndata:\"email\":\"y@x\"}\n\n", "data: {\"id\":1,\t\"email\":\"y@x\"}\n\n"},
		"an event without data":              {"event: ping\n\n" + kept, kept},
		"an event that does not end":         {kept + "data: {\"id\":1,\"email\":\"y@x\"}\n", kept},
		"nothing":                            {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseEvents([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := d.Response(records, covered, ir.RedactionOmit, only); string(got) != tt.want {
				t.Errorf("%q", got)
			}
		})
	}
	for name, body := range map[string]string{
		"data that is no JSON":                   "data: [DONE]\n\n",
		"data on several lines, each a document": "data: {\"id\":1}\ndata: {\"email\":\"y@x\"}\n\n",
		"data that is empty":                     "data:\n\n",
		"data with a name twice":                 "data: {\"a\":1,\"a\":2}\n\n",
		"data that is not UTF-8":                 "data: \"\xff\"\n\n",
		"two documents in a data":                "data: {} {}\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseEvents([]byte(body)); !errors.Is(err, ErrUnreadable) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestTheBodyItselfIsAnAddressee(t *testing.T) {
	m := &ir.Message{
		Addressees: []ir.Addressees{{Identifier: "/email", Identifies: email}, {Each: "/cc/*", Identifies: email}},
		Fields:     []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}, {Pointer: "/cc/*", Category: "pd:EmailAddress"}},
	}
	for body, want := range map[string]Outcome{
		`{"email":"y@x","cc":["y@z"]}`:       {People: 2, Kept: 2},
		`{"email":"y@x","cc":["n@z","y@z"]}`: {People: 3, Kept: 2, Changed: true},
		`{"email":"n@x","cc":["y@z"]}`:       {People: 2, Changed: true},
		`{"cc":["y@z"]}`:                     {People: 2, Changed: true},
		`[]`:                                 {People: 1, Changed: true},
	} {
		d, err := Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		r := d.Request(m, covered, only)
		if r.Outcome != want {
			t.Errorf("%s: %+v", body, r.Outcome)
		}
		if units := r.Units(); len(units) > 1 && units[1] != 0 {
			t.Errorf("%s is one message: %v", body, units)
		}
	}
}

// FuzzLines holds lines to a strict decoder of each line: what is left are the lines of those who are kept, as they were.
func FuzzLines(f *testing.F) {
	f.Add([]byte("{\"email\":\"y@x\"}\n{\"email\":\"n@x\"}\n"))
	f.Add([]byte("{\"id\":1,\"email\":\"y@x\"} \r\n[]\r\n7"))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := ParseLines(body)
		if err != nil {
			return
		}
		whole := &ir.Message{Records: &ir.Records{Each: "/*", Identifier: "/email", Identifies: email, NotPersonal: []string{"/email", "/id"}}}
		var want []byte
		for line := range bytes.Lines(body) {
			if !json.Valid(line) {
				t.Fatalf("%q is no document", line)
			}
			one, err := Parse(bytes.TrimRight(line, "\r\n"))
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if v, _ := one.Constant("/email"); strings.HasPrefix(v, "y") {
				want = append(want, line...)
			}
		}
		out, _ := d.Response(whole, covered, ir.RedactionOmit, only)
		again, err := ParseLines(out)
		if err != nil {
			t.Fatalf("%q is not strict: %v", out, err)
		}
		if twice, _ := again.Response(whole, covered, ir.RedactionOmit, only); !bytes.Equal(twice, out) {
			t.Fatalf("filtering %q again gives %q", out, twice)
		}
		if bytes.Count(out, []byte("\n")) != bytes.Count(want, []byte("\n")) {
			t.Fatalf("%q is left of %q, want the lines of %q", out, body, want)
		}
	})
}

// FuzzEvents: what is written is a stream of events again, and filtering it again changes nothing.
func FuzzEvents(f *testing.F) {
	f.Add([]byte("event: x\r\ndata: {\"email\":\"y@x\",\"health\":1}\r\n\r\n:n@x\n\nid: 1\rdata:{\"email\":\"n@x\"}\r\r"))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := ParseEvents(body)
		if err != nil {
			return
		}
		out, _ := d.Response(records, covered, ir.RedactionOmit, only)
		again, err := ParseEvents(out)
		if err != nil {
			t.Fatalf("%q is no stream: %v", out, err)
		}
		if twice, _ := again.Response(records, covered, ir.RedactionOmit, only); !bytes.Equal(twice, out) {
			t.Fatalf("filtering %q again gives %q", out, twice)
		}
	})
}
