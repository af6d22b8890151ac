package jsonfilter

import (
	"testing"

	"github.com/optup/optup/internal/ir"
)

func TestRedaction(t *testing.T) {
	const body = `{"customers":[{"id":1,"email":"y@x","health":{"a":1},"score":0.7,"tags":["y@x"],"vip":true,"none":null,"y@alias":1},{"id":2,"email":"n@x"}],"total":2}`
	for redaction, want := range map[ir.Redaction]string{
		"":                  `{"customers":[{"id":1,"email":"y@x"}]}`,
		ir.RedactionNullify: `{"customers":[{"id":1,"email":"y@x","health":null,"score":null,"tags":null,"vip":null,"none":null}]}`,
		ir.RedactionMask:    `{"customers":[{"id":1,"email":"y@x","health":{},"score":0,"tags":[],"vip":false,"none":null}]}`,
	} {
		d, err := Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := d.Response(list, covered, redaction, only); string(got) != want {
			t.Errorf("%q: got %s\nwant %s", redaction, got, want)
		}
	}
}

func TestRedactingAPerson(t *testing.T) {
	const body = `{"customers":[{"id":1,"email":"n@x","name":"N","orders":[{"item":"rake","price":3}]}]}`
	for redaction, want := range map[ir.Redaction]string{
		ir.RedactionOmit:    `{"customers":[{"id":1,"orders":[{}]}]}`,
		ir.RedactionNullify: `{"customers":[{"id":1,"email":null,"name":null,"orders":[{"item":null,"price":null}]}]}`,
		ir.RedactionMask:    `{"customers":[{"id":1,"email":"***","name":"***","orders":[{"item":"***","price":0}]}]}`,
	} {
		d, err := Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := d.Response(list, covered, redaction, func(Person) Handling { return Redact }); string(got) != want {
			t.Errorf("%q: got %s\nwant %s", redaction, got, want)
		}
	}
}

func TestSet(t *testing.T) {
	for name, tt := range map[string]struct{ body, pointer, want string }{
		"replaced":                      {`{"a":{"b": true ,"c":1}}`, "/a/b", `{"a":{"b": false ,"c":1}}`},
		"of another type":               {`{"a":{"b":[1]}}`, "/a/b", `{"a":{"b":false}}`},
		"inserted":                      {`{"a":{"c":1}}`, "/a/b", `{"a":{"c":1,"b":false}}`},
		"into an empty object":          {`{"a":{ }}`, "/a/b", `{"a":{ "b":false}}`},
		"with its parents":              {`{}`, "/a/b/c", `{"a":{"b":{"c":false}}}`},
		"a name that has to be escaped": {`{"x":1}`, `/a~1b"`, `{"x":1,"a/b\"":false}`},
		"an escaped name that is there": {`{"\u0061":true}`, "/a", `{"\u0061":false}`},
		"below null":                    {`{"a":null}`, "/a/b", ""},
		"below a text":                  {`{"a":"x"}`, "/a/b", ""},
		"below a list":                  {`{"a":[{"b":true}]}`, "/a/0/b", ""},
		"in a list":                     {`[true]`, "/0", ""},
		"the whole":                     {`{}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			got, ok := d.Set(tt.pointer, []byte("false"))
			if ok != (tt.want != "") || string(got) != tt.want {
				t.Errorf("got %s, %v", got, ok)
			}
		})
	}
}

// TestUnits: who can be sent to apart.
func TestUnits(t *testing.T) {
	to := ir.Addressees{Each: "/m/*/to/*", Identifies: email, Unit: "/m/*"}
	cc := ir.Addressees{Each: "/m/*/cc/*", Identifies: email, Unit: "/m/*"}
	part := ir.Addressees{Each: "/m/*/parts/*/to/*", Identifies: email, Unit: "/m/*/parts/*"}
	for name, tt := range map[string]struct {
		lists []ir.Addressees
		body  string
		want  []int
	}{
		"a unit stays together, on whatever list": {[]ir.Addressees{to, cc}, `{"m":[{"to":["a","b"],"cc":["c"]},{"to":["d"]}]}`, []int{0, 0, 1, 0}},
		"units within each other are one":         {[]ir.Addressees{to, part}, `{"m":[{"to":["a"],"parts":[{"to":["b"]},{"to":["c"]}]},{"to":["d"]}]}`, []int{0, 1, 0, 0}},
		"one plain list":                          {[]ir.Addressees{{Each: "/to/*", Identifies: email}}, `{"to":["a","b"]}`, []int{0, 1}},
		"two plain lists are one message":         {[]ir.Addressees{{Each: "/to/*", Identifies: email}, {Each: "/cc/*", Identifies: email}}, `{"to":["a","b"],"cc":["c"]}`, []int{0, 0, 0}},
		"a list beside the units is for all":      {[]ir.Addressees{to, {Each: "/bcc/*", Identifies: email}}, `{"m":[{"to":["a"]},{"to":["b"]}],"bcc":["c"]}`, []int{0, 0, 0}},
		"messages whose unit nobody declared":     {[]ir.Addressees{{Each: "/m/*/to/*", Identifies: email}}, `{"m":[{"to":["a"]},{"to":["b"]}]}`, []int{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			got := d.Request(&ir.Message{Addressees: tt.lists}, covered, func(Person) Handling { return Keep }).Units()
			if len(got) != len(tt.want) {
				t.Fatalf("got %v, want %v", got, tt.want)
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Fatalf("got %v, want %v", got, tt.want)
				}
			}
		})
	}
}

// TestACopyOfAMessageToNobodyIsNotSent: the list that is declared first leads its unit.
func TestACopyOfAMessageToNobodyIsNotSent(t *testing.T) {
	lists := []ir.Addressees{
		{Each: "/m/*/to/*", Identifies: email, Unit: "/m/*"}, {Each: "/m/*/cc/*", Identifies: email, Unit: "/m/*"},
	}
	for name, tt := range map[string]struct {
		body, want string
		kept       int
	}{
		"the last it is to goes":     {`{"m":[{"to":["no"],"cc":["a"]},{"to":["b"]}]}`, `{"m":[{"to":["b"]}]}`, 1},
		"one of two it is to goes":   {`{"m":[{"to":["no","b"],"cc":["a"]}]}`, `{"m":[{"to":["b"],"cc":["a"]}]}`, 2},
		"the last copy goes":         {`{"m":[{"to":["b"],"cc":["no"]}]}`, `{"m":[{"to":["b"],"cc":[]}]}`, 1},
		"copies alone are a message": {`{"m":[{"cc":["a","no"]}]}`, `{"m":[{"cc":["a"]}]}`, 1},
		"nobody is left":             {`{"m":[{"to":["no"],"cc":["a"]}]}`, `{"m":[]}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r := d.Request(&ir.Message{Addressees: lists}, covered, func(p Person) Handling {
				if p.Identifier.Value == "no" {
					return Drop
				}
				return Keep
			})
			if got := string(r.Body(nil)); got != tt.want || r.Kept != tt.kept {
				t.Errorf("%s, %d are left", got, r.Kept)
			}
		})
	}
}
