package csvfilter

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

var email = ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain}

var upload = &ir.Message{
	Format:     ir.FormatCSV,
	Addressees: []ir.Addressees{{Each: "/*", Identifier: "/email", Identifies: email, Time: "/since"}},
	Fields: []ir.Field{
		{Pointer: "/*/email", Category: "pd:EmailAddress"},
		{Pointer: "/*/name", Category: "pd:Name"},
		{Pointer: "/*/a~1b", Category: "pd:Name"},
		{Pointer: "/*/health", Category: "pd:MedicalHealth"},
	},
	NotPersonal: []string{"/*/since", "/*/id"},
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

func TestWhatIsNoStrictTable(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":                                 "",
		"an empty header":                         "\nemail\n",
		"a byte order mark":                       "\ufeffemail\ny@x\n",
		"an announced separator":                  "sep=;\ny@x\n",
		"an announced separator in capitals":      "SEP=,x\ny@x,1\n",
		"a column without a name":                 "email,\ny@x,1\n",
		"a column with a space before its name":   "email, name\ny@x,1\n",
		"a column twice":                          "email,email\ny@x,n@x\n",
		"a column twice in another case":          "email,EMAIL\ny@x,n@x\n",
		"a row with fewer cells":                  "email,name\ny@x\n",
		"a row with more cells":                   "email,name\ny@x,Y,Z\n",
		"an empty line between rows":              "email,name\ny@x,Y\n\nn@x,N\n",
		"an empty line in a table of one column":  "email\ny@x\n\nn@x\n",
		"an empty line at the end":                "email\ny@x\n\n",
		"a CR alone":                              "email\ry@x\n",
		"a CR at the end":                         "email\ny@x\r",
		"a CR in quotes":                          "email\n\"y\r@x\"\n",
		"lines that end in different ways":        "email\r\ny@x\n",
		"lines that end in different ways, later": "email\ny@x\nn@x\r\n",
		"NUL":                                   "email\ny\x00@x\n",
		"NUL in quotes":                         "email\n\"y\x00@x\"\n",
		"a form feed":                           "email\ny@x\fn@x\n",
		"a vertical tab":                        "email\ny@x\vn@x\n",
		"DEL":                                   "email\ny\x7f@x\n",
		"a line separator":                      "email\ny@x\u2028n@x\n",
		"a next line":                           "email\ny@x\u0085n@x\n",
		"bytes that are not UTF-8":              "email\ny\xff@x\n",
		"a quote within a cell":                 "email\ny\"@x\n",
		"a space before a quote":                "email,name\n \"y@x\",Y\n",
		"something after a closing quote":       "email\n\"y@x\"z\n",
		"a quote that is not closed":            "email\n\"y@x\n",
		"a quote that is not closed at the end": "email\n\"",
		"a backslash before a quote":            "email,name\n\"y@x\\\",n@x\n",
		"a backslash before an escaped quote":   "email,name\n\"y@x\\\"\"\",Y\n",
		"a backslash before a comma":            "email,name\ny@x\\,n@x\n",
		"a backslash before the end of a line":  "email,name\ny@x,Y\\\nn@x,N\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(body))
			if !errors.Is(err, ErrUnreadable) {
				t.Fatalf("%v", err)
			}
			if strings.Contains(err.Error(), "@") {
				t.Errorf("the error holds a part of the body: %v", err)
			}
			if _, err := copied(answer, ir.RedactionOmit, keep, body, Options{}); !errors.Is(err, ErrUnreadable) {
				t.Errorf("as a stream: %v", err)
			}
		})
	}
}

func TestColumnsAreBounded(t *testing.T) {
	for columns, want := range map[int]error{maxColumns: nil, maxColumns + 1: ErrUnreadable} {
		var names []string
		for i := range columns {
			names = append(names, strconv.Itoa(i))
		}
		if _, err := Parse([]byte(strings.Join(names, ","))); !errors.Is(err, want) {
			t.Errorf("%d columns: %v", columns, err)
		}
	}
}

func TestRequest(t *testing.T) {
	for name, tt := range map[string]struct {
		body, want string
		outcome    jsonfilter.Outcome
	}{
		"everybody may be written to, and every byte stays": {
			"email,\"name\"\r\n\"y@x\",\"a, \"\"b\"\"\r\nc\"\r\ny@z,=1+1\r\n", "email,\"name\"\r\n\"y@x\",\"a, \"\"b\"\"\r\nc\"\r\ny@z,=1+1\r\n",
			jsonfilter.Outcome{People: 2, Kept: 2},
		},
		"rows of others go": {
			"email,name\nn@x,N\ny@x,Y\nn@y,\"N\nN\"\ny@y,Y\n", "email,name\ny@x,Y\ny@y,Y\n", jsonfilter.Outcome{People: 4, Kept: 2, Changed: true},
		},
		"the last line has no end": {"email\ny@x\nn@x", "email\ny@x\n", jsonfilter.Outcome{People: 2, Kept: 1, Changed: true}},
		"somebody in quotes is the same": {
			"email\n\"n@x\"\n\"y@x\"\n", "email\n\"y@x\"\n", jsonfilter.Outcome{People: 2, Kept: 1, Changed: true},
		},
		"nobody is left":  {"email\nn@x\n", "email\n", jsonfilter.Outcome{People: 1, Changed: true}},
		"nobody is in it": {"email\n", "email\n", jsonfilter.Outcome{}},
		"without the column of the identifier nobody is known": {
			"name\nY\n", "name\n", jsonfilter.Outcome{People: 1, Changed: true},
		},
		"columns that nobody declared are counted": {
			"email,shoe,hat\ny@x,40,50\n", "email,shoe,hat\ny@x,40,50\n", jsonfilter.Outcome{People: 1, Kept: 1, NotCovered: 2},
		},
		"columns of a category that is not covered are counted": {
			"email,health\ny@x,good\n", "email,health\ny@x,good\n", jsonfilter.Outcome{People: 1, Kept: 1, NotCovered: 1},
		},
		"a name with a slash": {"email,a/b\ny@x,1\n", "email,a/b\ny@x,1\n", jsonfilter.Outcome{People: 1, Kept: 1}},
		"names differ in case": {
			"EMAIL\ny@x\n", "EMAIL\n", jsonfilter.Outcome{People: 1, NotCovered: 1, Changed: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r := d.Request(upload, covered, only)
			if r.Outcome != tt.outcome {
				t.Errorf("outcome %+v, want %+v", r.Outcome, tt.outcome)
			}
			if got := string(r.Body(nil)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEveryRowCanBeSentApart(t *testing.T) {
	d, err := Parse([]byte("email\ny@a\nn@b\ny@c"))
	if err != nil {
		t.Fatal(err)
	}
	r := d.Request(upload, covered, only)
	if got := r.Units(); !reflect.DeepEqual(got, []int{0, 1, 2}) || !r.Stays(0) || r.Stays(1) {
		t.Errorf("%v", got)
	}
	if got := string(r.Body(func(i int) bool { return i == 2 })); got != "email\ny@c" {
		t.Errorf("%q", got)
	}
}

func TestWhenDataWasCollected(t *testing.T) {
	d, err := Parse([]byte("since,email\n2026-01-02T03:04:05Z,a\n\"\",b\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []time.Time
	d.Request(upload, covered, func(p jsonfilter.Person) jsonfilter.Handling {
		if !p.Timed {
			t.Error("no time is declared")
		}
		got = append(got, p.Time)
		return jsonfilter.Keep
	})
	if want := []time.Time{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), {}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

func TestRowsThatAreNoPeople(t *testing.T) {
	d, err := Parse([]byte("id,name\n1,N\n"))
	if err != nil {
		t.Fatal(err)
	}
	m := &ir.Message{Format: ir.FormatCSV, NotPersonal: []string{"/*"}}
	if r := d.Request(m, covered, only); string(r.Body(nil)) != "id,name\n1,N\n" || r.Outcome != (jsonfilter.Outcome{}) {
		t.Errorf("%+v", r.Outcome)
	}
	m.Fields = []ir.Field{{Pointer: "/*/name", Category: "pd:MedicalHealth"}}
	if r := d.Request(m, covered, only); r.NotCovered != 1 {
		t.Error("the declaration of a column counts before that of the row")
	}
	m.Fields = append(m.Fields, ir.Field{Pointer: "/*/name", Category: "pd:Name"})
	if r := d.Request(m, covered, only); r.NotCovered != 1 {
		t.Error("a column that is declared twice is as strict as its strictest declaration")
	}
}
