package jsonfilter

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ir"
)

// FuzzRequest holds the filter to a strict decoder: the result is JSON, never names somebody who was dropped, and keeping everybody
// changes nothing.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"personalizations":[{"to":[{"email":"n@x"},{"email":"y@x"}]},{"to":[{"email":"n@z"}]}]}`))
	f.Add([]byte(`{"personalizations":[{"to":[]}],"from":{"a":[1,2,{"b":null}]}}`))
	f.Add([]byte(`{"payload":{"schema":["FN","EMAIL"],"data":[["A","n@x"],["B","y@x"]]}}`))
	f.Add([]byte(`{"payload":{"schema":["EMAIL","EMAIL"],"data":[["n@x","y@x"],[],"x",{}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Parse(body)
		if err != nil {
			return
		}
		for _, m := range []*ir.Message{send, upload} {
			if r := d.Request(m, covered, func(Person) Handling { return Keep }); string(r.Body(nil)) != string(body) && len(r.units) == 0 {
				t.Fatalf("keeping everybody changed %q to %q", body, r.Body(nil))
			}
			r := d.Request(m, covered, only)
			out := r.Body(nil)
			again := strict(t, out)
			twice := again.Request(m, covered, only)
			if r.NotCovered == 0 && (twice.People != twice.Kept || !reflect.DeepEqual(twice.Body(nil), out)) {
				t.Fatalf("filtering %q again gives %q", out, twice.Body(nil))
			}
			if units := r.Units(); len(units) != r.People {
				t.Fatalf("%d units for %d people", len(units), r.People)
			}
			for group := range 2 {
				strict(t, r.Body(func(i int) bool { return i%2 == group }))
			}
			if set, ok := again.Set("/tracking/click", []byte(`{"enable":false}`)); ok {
				strict(t, set)
			}
		}
	})
}

func strict(t *testing.T, out []byte) *Document {
	t.Helper()
	if !json.Valid(out) {
		t.Fatalf("the result %q is not JSON", out)
	}
	d, err := Parse(out)
	if err != nil {
		t.Fatalf("the result %q is not strict: %v", out, err)
	}
	return d
}

// marker stands in every value of somebody who is dropped.
const marker = "Geheim"

// FuzzDroppedPeopleLeaveNothing puts a person with a marker in every value between others, in an answer of any shape, and asks for the
// record by any redaction.
func FuzzDroppedPeopleLeaveNothing(f *testing.F) {
	f.Add([]byte(`{"id":1,"email":"y@x"}`), []byte(`"rake"`), byte(0))
	f.Add([]byte(`["y@x","B"]`), []byte(`{"item":["`+marker+`"]}`), byte(1))
	f.Add([]byte(`[]`), []byte(`[[1,"`+marker+`"]]`), byte(2))
	table := &ir.Message{
		Records: &ir.Records{
			Each: "/customers/*", Identifier: "/email", Identifies: email, Columns: "/page",
			Fields: []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}, {Pointer: "/name", Category: "pd:Name"}},
		},
	}
	f.Fuzz(func(t *testing.T, other, value []byte, which byte) {
		if bytes.Contains(other, []byte(marker)) || !json.Valid(value) || !json.Valid(other) {
			return
		}
		for _, record := range []string{
			`{"email":"n@` + marker + `","name":` + string(value) + `,"more":` + string(value) + `}`, `["n@` + marker + `",` + string(value) + `]`,
		} {
			body := `{"page":["email","name"],"customers":[` + string(other) + `,` + record + `],"total":2}`
			d, err := Parse([]byte(body))
			if err != nil {
				return
			}
			redaction := []ir.Redaction{ir.RedactionOmit, ir.RedactionNullify, ir.RedactionMask}[which%3]
			for _, m := range []*ir.Message{list, table} {
				for _, handling := range []Handling{Drop, Redact} {
					out, _ := d.Response(m, covered, redaction, func(p Person) Handling {
						if p.Unresolved || strings.Contains(p.Identifier.Value, marker) {
							return handling
						}
						return Keep
					})
					strict(t, out)
					if strings.Contains(string(out), marker) {
						t.Fatalf("%s and %d leave %s", redaction, handling, out)
					}
				}
			}
		}
	})
}
