package formfilter

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

var email = ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain}

// many is a message to many: to[] may stand more than once.
var many = &ir.Message{
	Format:      ir.FormatForm,
	Addressees:  []ir.Addressees{{Each: "/to[]/*", Identifies: email}},
	Fields:      []ir.Field{{Pointer: "/to[]/*", Category: "pd:EmailAddress"}, {Pointer: "/health", Category: "pd:MedicalHealth"}},
	NotPersonal: []string{"/subject", "/tag/*", "/a~1b"},
	Switches:    []ir.Switch{{Tracking: ir.OpenTracking, Pointer: "/o:opens", Off: []byte(`"no"`)}},
}

// single is about one person.
var single = &ir.Message{
	Format:      ir.FormatForm,
	Addressees:  []ir.Addressees{{Identifier: "/email", Identifies: email, Time: "/since"}},
	Fields:      []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}, {Pointer: "/name", Category: "pd:Name"}},
	NotPersonal: []string{"/list", "/since"},
}

func covered(c string) bool { return c == "pd:EmailAddress" || c == "pd:Name" }

// only keeps people whose address starts with "y".
func only(p jsonfilter.Person) jsonfilter.Handling {
	if !p.Unresolved && strings.HasPrefix(p.Identifier.Value, "y") {
		return jsonfilter.Keep
	}
	return jsonfilter.Drop
}

func keep(jsonfilter.Person) jsonfilter.Handling { return jsonfilter.Keep }

func TestWhatIsNoStrictForm(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":                                 "",
		"an empty pair":                           "subject=a&&tag=b",
		"an empty pair at the end":                "subject=a&",
		"a pair without an equals sign":           "subject",
		"a pair with two equals signs":            "subject=a=b",
		"a field without a name":                  "=a",
		"a name with a space before it":           "+subject=a",
		"a name twice":                            "subject=a&subject=b",
		"a name twice in two spellings":           "subject=a&s%75bject=b",
		"a method":                                "subject=a&_method=DELETE",
		"a method in other letters":               "_METHOD=DELETE",
		"a method that is escaped":                "%5fmethod=DELETE",
		"another character encoding":              "subject=a&_charset_=iso-8859-1",
		"a semicolon":                             "subject=a;tag=b",
		"an escape that is none":                  "subject=%zz",
		"an escape that is cut off":               "subject=%4",
		"an escape of 16 bits":                    "subject=%u0061",
		"NUL":                                     "subject=a%00b",
		"a control character":                     "subject=%1b",
		"bytes that are not UTF-8":                "subject=%ff",
		"bytes that are not escaped":              "subject=\u00fc",
		"a space that is not escaped":             "subject=a b",
		"a line":                                  "subject=a\nb",
		"a quote that is not escaped":             "subject=\"a\"",
		"more fields than every server would see": "tag=a" + strings.Repeat("&tag=a", maxPairs),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(body), many); !errors.Is(err, ErrUnreadable) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestWhatIsDeclaredAsAMethodIsRefusedAllTheSame(t *testing.T) {
	if _, err := Parse([]byte("_method=PUT"), &ir.Message{NotPersonal: []string{"/_method"}}); err == nil {
		t.Error("it is read")
	}
}

func TestRequest(t *testing.T) {
	for name, tt := range map[string]struct {
		m          *ir.Message
		body, want string
		outcome    jsonfilter.Outcome
	}{
		"everybody may be written to, and every byte stays": {
			many, "to%5B%5D=y@x&subject=a%2bb+c%20d&to[]=y%40z&_charset_=UTF-8&tag=1&tag=1", "to%5B%5D=y@x&subject=a%2bb+c%20d&to[]=y%40z&_charset_=UTF-8&tag=1&tag=1",
			jsonfilter.Outcome{People: 2, Kept: 2, NotCovered: 1},
		},
		"one of them goes":         {many, "to[]=n@x&subject=a&to%5b%5d=y@z&to[]=n@z", "subject=a&to%5b%5d=y@z", jsonfilter.Outcome{People: 3, Kept: 1, Changed: true}},
		"nobody is left":           {many, "to[]=n@x", "", jsonfilter.Outcome{People: 1, Changed: true}},
		"nobody is in it":          {many, "subject=a", "subject=a", jsonfilter.Outcome{}},
		"a name with a slash":      {many, "a/b=1", "a/b=1", jsonfilter.Outcome{}},
		"a switch":                 {many, "o:opens=yes", "o:opens=yes", jsonfilter.Outcome{}},
		"an undeclared field":      {many, "subject=a&shoe=40", "subject=a&shoe=40", jsonfilter.Outcome{NotCovered: 1}},
		"a field in other letters": {many, "Subject=a", "Subject=a", jsonfilter.Outcome{NotCovered: 1}},
		"a category that is not covered": {
			many, "subject=a&health=good", "subject=a&health=good", jsonfilter.Outcome{NotCovered: 1},
		},
		"the form is about somebody who may be written to": {
			single, "email=y%40x&name=Y&list=news", "email=y%40x&name=Y&list=news", jsonfilter.Outcome{People: 1, Kept: 1},
		},
		"the form is about somebody else": {single, "email=n%40x&name=N", "", jsonfilter.Outcome{People: 1, Changed: true}},
		"the form is about nobody":        {single, "name=N", "", jsonfilter.Outcome{People: 1, Changed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse([]byte(tt.body), tt.m)
			if err != nil {
				t.Fatal(err)
			}
			r := d.Request(tt.m, covered, only)
			if r.Outcome != tt.outcome {
				t.Errorf("outcome %+v, want %+v", r.Outcome, tt.outcome)
			}
			if got := string(r.Body(nil)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestWithoutThePersonOfTheFormNobodyIsLeft: others on lists of the form would get a message about somebody who refused.
func TestWithoutThePersonOfTheFormNobodyIsLeft(t *testing.T) {
	m := *many
	m.Addressees = append([]ir.Addressees{{Identifier: "/from", Identifies: email}}, m.Addressees...)
	m.NotPersonal = append([]string{"/from"}, m.NotPersonal...)
	d, err := Parse([]byte("from=n@x&to[]=y@x"), &m)
	if err != nil {
		t.Fatal(err)
	}
	r := d.Request(&m, covered, only)
	if r.People != 2 || r.Kept != 0 || r.Stays(1) || len(r.Body(nil)) > 0 {
		t.Errorf("%+v, %q", r.Outcome, r.Body(nil))
	}
	if units := r.Units(); !reflect.DeepEqual(units, []int{0, 0}) {
		t.Errorf("a form about somebody is one message: %v", units)
	}
}

func TestAFormAboutNobody(t *testing.T) {
	d, err := Parse([]byte("name=N"), single)
	if err != nil {
		t.Fatal(err)
	}
	d.Request(single, covered, func(p jsonfilter.Person) jsonfilter.Handling {
		if !p.Unresolved {
			t.Error("somebody was found")
		}
		return jsonfilter.Keep
	})
}

func TestGroups(t *testing.T) {
	d, err := Parse([]byte("to[]=y@x&subject=a&to[]=y@z"), many)
	if err != nil {
		t.Fatal(err)
	}
	r := d.Request(many, covered, only)
	if units := r.Units(); !reflect.DeepEqual(units, []int{0, 1}) {
		t.Errorf("%v", units)
	}
	if got := string(r.Body(func(i int) bool { return i == 1 })); got != "subject=a&to[]=y@z" {
		t.Errorf("%q", got)
	}
}

func TestConstantsAndTimes(t *testing.T) {
	d, err := Parse([]byte("since=2026-01-02T03:04:05Z&list=a%26b&email=y@x"), single)
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := d.Constant("/list"); v != "a&b" || !ok {
		t.Errorf("%q", v)
	}
	if _, ok := d.Constant("/absent"); ok {
		t.Error("there is no such field")
	}
	d.Request(single, covered, func(p jsonfilter.Person) jsonfilter.Handling {
		if !p.Timed || !p.Time.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
			t.Errorf("%v", p.Time)
		}
		return jsonfilter.Keep
	})
	if d, err = Parse([]byte("tag=1&tag=2"), many); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Constant("/tag"); ok {
		t.Error("a name that stands twice is no constant")
	}
}

func TestSet(t *testing.T) {
	for name, tt := range map[string]struct{ body, pointer, value, want string }{
		"it is there":         {"o%3Aopens=yes&subject=a", "/o:opens", `"no"`, "o%3Aopens=no&subject=a"},
		"it is missing":       {"subject=a", "/o:opens", `"no & never"`, "subject=a&o%3Aopens=no+%26+never"},
		"a number":            {"subject=a", "/o:opens", "0", "subject=a&o%3Aopens=0"},
		"a name with a slash": {"a/b=1", "/a~1b", "false", "a%2Fb=false"},
		"it stands twice":     {"tag=1&tag=2", "/tag", "0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse([]byte(tt.body), many)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := d.Set(tt.pointer, []byte(tt.value))
			if string(got) != tt.want || ok != (tt.want != "") {
				t.Errorf("%q, %t", got, ok)
			}
		})
	}
}
