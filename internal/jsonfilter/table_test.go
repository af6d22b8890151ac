package jsonfilter

import (
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

var upload = &ir.Message{
	Addressees: []ir.Addressees{{
		Each: "/payload/data/*", Identifier: "/EMAIL", Identifies: email, Columns: "/payload/schema", Time: "/AT", TimeFormat: ir.TimeUnixSeconds,
	}},
	Fields:      []ir.Field{{Pointer: "/payload/data/*/EMAIL", Category: "pd:EmailAddress"}, {Pointer: "/payload/data/*/FN", Category: "pd:Name"}},
	NotPersonal: []string{"/payload/data/*/AT", "/session"},
}

func TestRowsOfAPositionalTableInARequest(t *testing.T) {
	for name, tt := range map[string]struct {
		body, want string
		notCovered int
	}{
		"one of two rows goes": {
			`{"payload":{"schema":["FN","EMAIL"],"data":[["A","n@x"],["B","y@x"]]}}`, `{"payload":{"schema":["FN","EMAIL"],"data":[["B","y@x"]]}}`, 0,
		},
		"the names may come after the rows": {
			`{"payload":{"data":[["n@x"],["y@x"]],"schema":["EMAIL"]}}`, `{"payload":{"data":[["y@x"]],"schema":["EMAIL"]}}`, 0,
		},
		"an escaped name is the same name": {`{"payload":{"schema":["EM\u0041IL"],"data":[["n@x"]]}}`, `{"payload":{"schema":["EM\u0041IL"],"data":[]}}`, 0},
		"a short row":                      {`{"payload":{"schema":["EMAIL","FN"],"data":[["y@x"],["n@x"]]}}`, `{"payload":{"schema":["EMAIL","FN"],"data":[["y@x"]]}}`, 0},
		"a column that nobody declared":    {`{"payload":{"schema":["EMAIL","AGE"],"data":[["y@x",30]]}}`, "", 1},
		"a row longer than the names":      {`{"payload":{"schema":["EMAIL"],"data":[["y@x","n@x"]]}}`, "", 1},
		"a name twice":                     {`{"payload":{"schema":["EMAIL","EMAIL"],"data":[["y@x","n@x"]]}}`, "", 2},
		"no names":                         {`{"payload":{"data":[["y@x"]]}}`, "", 1},
		"names that are no strings":        {`{"payload":{"schema":["EMAIL",1],"data":[["y@x","n@x"]]}}`, "", 3},
		"names that are no list":           {`{"payload":{"schema":{"EMAIL":0},"data":[["y@x"]]}}`, "", 2},
		"a row that is an object":          {`{"payload":{"schema":["EMAIL"],"data":[{"EMAIL":"y@x"}]}}`, "", 1},
		"a row that is empty and unnamed":  {`{"payload":{"data":[[]]}}`, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r := d.Request(upload, covered, only)
			if (r.NotCovered > 0) != (tt.notCovered > 0) {
				t.Errorf("%d values are not covered", r.NotCovered)
			}
			if got := string(r.Body(nil)); tt.notCovered == 0 && got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestUnreadableRowsAreNotCoveredEvenWhereEverythingAroundThemIs: a declaration of the whole does not make up for names that are missing.
func TestUnreadableRowsAreNotCoveredEvenWhereEverythingAroundThemIs(t *testing.T) {
	m := &ir.Message{Addressees: upload.Addressees, NotPersonal: []string{"/payload"}}
	d, err := Parse([]byte(`{"payload":{"schema":["EMAIL","EMAIL"],"data":[["y@x","n@x"]]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if r := d.Request(m, covered, func(Person) Handling { return Keep }); r.NotCovered == 0 {
		t.Error("it is covered")
	}
}

func TestCellsOfAnAnswerKeepTheirPlaces(t *testing.T) {
	m := &ir.Message{Records: &ir.Records{
		Each: "/rows/*", Identifier: "/email", Identifies: email, Columns: "/columns",
		Fields:      []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}, {Pointer: "/health", Category: "pd:MedicalHealth"}},
		NotPersonal: []string{"/id"},
	}}
	const body = `{"columns":["health","email","id","score"],"rows":[["nuts","y@x",1,9],["eggs","n@x",2,8],["a","y@y",3,7,"y@long"]]}`
	for redaction, want := range map[ir.Redaction]string{
		ir.RedactionOmit:    `{"columns":["health","email","id","score"],"rows":[[null,"y@x",1,null]]}`,
		ir.RedactionNullify: `{"columns":["health","email","id","score"],"rows":[[null,"y@x",1,null]]}`,
		ir.RedactionMask:    `{"columns":["health","email","id","score"],"rows":[["***","y@x",1,0]]}`,
	} {
		d, err := Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := d.Response(m, covered, redaction, only); string(got) != want {
			t.Errorf("%s: got %s, want %s", redaction, got, want)
		}
	}
	d, err := Parse([]byte(`{"columns":["email"],"rows":[["y@x","y@y"],{"email":"y@x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := d.Response(m, covered, ir.RedactionOmit, func(Person) Handling { return Redact }); string(got) != `{"columns":["email"],"rows":[]}` {
		t.Errorf("unreadable rows that are to be redacted: %s", got)
	}
}

func TestTimes(t *testing.T) {
	day := time.Date(2026, 1, 10, 9, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		format ir.TimeFormat
		value  string
		want   time.Time
	}{
		"RFC 3339":                         {"", `"2026-01-10T10:00:00+01:00"`, day},
		"seconds":                          {ir.TimeUnixSeconds, `1768035600`, day},
		"seconds as a string":              {ir.TimeUnixSeconds, `"1768035600"`, day},
		"milliseconds":                     {ir.TimeUnixMilliseconds, `1768035600000`, day},
		"before 1970":                      {ir.TimeUnixSeconds, `-1`, time.Unix(-1, 0)},
		"milliseconds taken for seconds":   {ir.TimeUnixSeconds, `1768035600000`, time.Time{}},
		"a number where a text is due":     {ir.TimeRFC3339, `1768035600`, time.Time{}},
		"a text where a number is due":     {ir.TimeUnixSeconds, `"2026-01-10T10:00:00Z"`, time.Time{}},
		"a fraction":                       {ir.TimeUnixSeconds, `1768035600.0`, time.Time{}},
		"an exponent":                      {ir.TimeUnixSeconds, `1e9`, time.Time{}},
		"a sign":                           {ir.TimeUnixSeconds, `"+1768035600"`, time.Time{}},
		"more than a machine can count":    {ir.TimeUnixMilliseconds, `99999999999999999999`, time.Time{}},
		"milliseconds after the year 9999": {ir.TimeUnixMilliseconds, `253402300800000`, time.Time{}},
		"null":                             {ir.TimeUnixSeconds, `null`, time.Time{}},
		"nothing but a minus":              {ir.TimeUnixSeconds, `"-"`, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &ir.Message{Addressees: []ir.Addressees{{Each: "/to/*", Identifier: "/id", Identifies: email, Time: "/at", TimeFormat: tt.format}}}
			d, err := Parse([]byte(`{"to":[{"id":"y@x","at":` + tt.value + `},{"id":"y@x"}]}`))
			if err != nil {
				t.Fatal(err)
			}
			var seen []Person
			d.Request(m, covered, func(p Person) Handling { seen = append(seen, p); return Keep })
			if len(seen) != 2 || !seen[0].Timed || !seen[0].Time.Equal(tt.want) || !seen[1].Timed || !seen[1].Time.IsZero() {
				t.Errorf("got %+v", seen)
			}
		})
	}
}

func TestATimeInARow(t *testing.T) {
	d, err := Parse([]byte(`{"payload":{"schema":["AT","EMAIL"],"data":[[1768035600,"y@x"]]}}`))
	if err != nil {
		t.Fatal(err)
	}
	d.Request(upload, covered, func(p Person) Handling {
		if p.Time.Unix() != 1768035600 || p.Identifier != (consent.Identifier{Type: email.Type, Form: email.Form, Value: "y@x"}) {
			t.Errorf("got %#v at %s", p.Identifier.Value, p.Time)
		}
		return Keep
	})
}
