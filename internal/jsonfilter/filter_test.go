package jsonfilter

import (
	"errors"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

var email = ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain}

var send = &ir.Message{
	Addressees: []ir.Addressees{{Each: "/personalizations/*/to/*", Identifier: "/email", Identifies: email, Unit: "/personalizations/*"}},
	Fields: []ir.Field{
		{Pointer: "/personalizations/*/to/*/email", Category: "pd:EmailAddress"},
		{Pointer: "/personalizations/*/to/*/name", Category: "pd:Name"},
	},
	NotPersonal: []string{"/from", "/template_id"},
}

var list = &ir.Message{
	Records: &ir.Records{
		Each: "/customers/*", Identifier: "/email", Identifies: email,
		Fields: []ir.Field{
			{Pointer: "/email", Category: "pd:EmailAddress"},
			{Pointer: "/name", Category: "pd:Name"},
			{Pointer: "/health", Category: "pd:MedicalHealth"},
			{Pointer: "/orders/*/item", Category: "pd:Name"},
		},
		NotPersonal: []string{"/id"},
	},
	NotPersonal: []string{"/page", "/meta"},
	Totals:      []string{"/total", "/meta/count"},
}

func covered(c string) bool { return c == "pd:EmailAddress" || c == "pd:Name" }

// only keeps people whose address starts with "y".
func only(p Person) Handling {
	if !p.Unresolved && strings.HasPrefix(p.Identifier.Value, "y") {
		return Keep
	}
	return Drop
}

func TestRequest(t *testing.T) {
	for name, tt := range map[string]struct {
		body, want string
		outcome    Outcome
	}{
		"everybody may be mailed, and every byte stays": {
			`{ "template_id" : "d",  "personalizations":[ {"to":[{"email":"y@x", "name": "Y\u0041"}]} ] }`,
			`{ "template_id" : "d",  "personalizations":[ {"to":[{"email":"y@x", "name": "Y\u0041"}]} ] }`,
			Outcome{People: 1, Kept: 1},
		},
		"one of two in a personalization goes": {
			`{"personalizations":[{"to":[{"email":"n@x"},{"email":"y@x"}]}]}`, `{"personalizations":[{"to":[{"email":"y@x"}]}]}`,
			Outcome{People: 2, Kept: 1, Changed: true},
		},
		"the last one takes its personalization along": {
			`{"personalizations":[{"to":[{"email":"n@x"}]},{"to":[{"email":"y@x"}]}]}`, `{"personalizations":[{"to":[{"email":"y@x"}]}]}`,
			Outcome{People: 2, Kept: 1, Changed: true},
		},
		"nobody is left": {
			`{"personalizations":[{"to":[{"email":"n@x"}]}]}`, `{"personalizations":[]}`, Outcome{People: 1, Changed: true},
		},
		"an addressee without an address is nobody whom we know": {
			`{"personalizations":[{"to":[{"email":["y@x"]}]}]}`, `{"personalizations":[]}`, Outcome{People: 1, NotCovered: 0, Changed: true},
		},
		"a field that nobody declared is found and left": {
			`{"personalizations":[{"to":[{"email":"y@x","birthday":"1980-01-02"}],"subject":1}],"x":[]}`,
			`{"personalizations":[{"to":[{"email":"y@x","birthday":"1980-01-02"}],"subject":1}],"x":[]}`,
			Outcome{People: 1, Kept: 1, NotCovered: 3},
		},
		"another spelling of a declared name is no declaration": {
			`{"personalizations":[{"to":[{"email":"y@x"}],"TO":[{"email":"n@x"}]}]}`, `{"personalizations":[{"to":[{"email":"y@x"}],"TO":[{"email":"n@x"}]}]}`,
			Outcome{People: 1, Kept: 1, NotCovered: 1},
		},
		"an escaped name is the same name": {
			`{"personaliz\u0061tions":[{"to":[{"email":"n@x"}]}]}`, `{"personaliz\u0061tions":[]}`, Outcome{People: 1, Changed: true},
		},
		"a list that is no list names nobody": {
			`{"personalizations":{"to":[{"email":"y@x"}]}}`, `{"personalizations":{"to":[{"email":"y@x"}]}}`, Outcome{NotCovered: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r := d.Request(send, covered, only)
			if got := r.Body(nil); string(got) != tt.want || r.Outcome != tt.outcome {
				t.Errorf("got %s %+v\nwant %s %+v", got, r.Outcome, tt.want, tt.outcome)
			}
		})
	}
}

func TestResponse(t *testing.T) {
	for name, tt := range map[string]struct{ body, want string }{
		"records without permission, undeclared fields, categories that are not covered and totals go": {
			`{"customers":[{"id":1e400,"email":"y@x","score":0.7,"health":{}},{"id":2,"email":"n@x"}],"total":2,"page":1,"trace":"n@x"}`,
			`{"customers":[{"id":1e400,"email":"y@x"}],"page":1}`,
		},
		"fields within a nested list":                        {`{"customers":[{"email":"y@x","orders":[{"item":"rake","price":3}]}]}`, `{"customers":[{"email":"y@x","orders":[{"item":"rake"}]}]}`},
		"a record without an identifier":                     {`{"customers":[{"id":1},"y@x",null]}`, `{"customers":[]}`},
		"records under another name are not records":         {`{"Customers":[{"email":"y@x"}]}`, `{}`},
		"an object where a list is declared":                 {`{"customers":{"a":{"email":"y@x"}}}`, `{"customers":{}}`},
		"a body of another shape":                            {`["y@x"]`, `[]`},
		"a bare value":                                       {`"y@x"`, `null`},
		"a total within something that is not personal goes": {`{"meta":{"count":7,"page":1}}`, `{"meta":{"page":1}}`},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			got, _ := d.Response(list, covered, ir.RedactionOmit, only)
			if string(got) != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestRedactKeepsTheRecordWithoutItsPerson(t *testing.T) {
	d, err := Parse([]byte(`{"customers":[{"id":1,"email":"y@x","name":"Y"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got, outcome := d.Response(list, covered, ir.RedactionOmit, func(Person) Handling { return Redact })
	if string(got) != `{"customers":[{"id":1}]}` || outcome.Kept != 1 {
		t.Errorf("got %s %+v", got, outcome)
	}
}

func TestADeclaredPartOfSomethingNotPersonalIsPersonal(t *testing.T) {
	m := &ir.Message{NotPersonal: []string{"/profile"}, Fields: []ir.Field{{Pointer: "/profile/health", Category: "pd:MedicalHealth"}}}
	d, err := Parse([]byte(`{"profile":{"theme":"dark","health":"nuts"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := d.Response(m, covered, "", only); string(got) != `{"profile":{"theme":"dark"}}` {
		t.Errorf("got %s", got)
	}
}

func TestParseRefusesWhatTwoParsersReadInTwoWays(t *testing.T) {
	for name, body := range map[string]string{
		"a name twice":         `{"email":"y@x","email":"n@x"}`,
		"a name twice, hidden": `{"email":"y@x","em\u0061il":"n@x"}`,
		"invalid UTF-8":        "{\"email\":\"y\xff@x\"}",
		"half a surrogate":     `{"email":"\ud800"}`,
		"a comment":            `{"a":1/*x*/}`,
		"a comma too many":     `{"a":1,}`,
		"two values":           `{"a":1}{"b":2}`,
		"a byte order mark":    "\ufeff{}",
		"nothing":              ``,
		"half":                 `{"a":`,
		"not a number":         `{"a":NaN}`,
		"deep nesting":         strings.Repeat("[", MaxDepth+2) + strings.Repeat("]", MaxDepth+2),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(body))
			if !errors.Is(err, ErrUnreadable) {
				t.Fatalf("error %v", err)
			}
			if strings.Contains(err.Error(), "@x") {
				t.Errorf("the error quotes the body: %v", err)
			}
		})
	}
}
