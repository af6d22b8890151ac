package doors

import (
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"
)

// FuzzRead: what is asked is read as a strict decoder that others wrote reads it, by the names in the types.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`{"subject":{"type":"app","id":"mailer"},"action":{"name":"send"},"resource":{"type":"email","id":"a@b.example"},"context":{"purpose":"news"}}`,
		`{"evaluations":[{"resource":{"id":"x","properties":{"form":"SHA256"}}},{},null],"options":{"evaluations_semantic":"execute_all","more":1},"more":{}}`,
		`{"resource":{"type":"request","properties":{"headers":{"A":"1","b":null},"body":"{}"}},"context":{"obligations":["drop",null],"dataCategories":[],"channel":"Email"}}`,
		`{"context":{"recipient":{"name":"n","role":"Controller","transfer":{"country":"US","basis":"Adequacy","x":[]}}}}`,
		`{"resource":{"properties":{"headers":null,"body":null}},"context":{"recipient":null,"obligations":null,"dataCategories":null},"options":null,"evaluations":null}`,
		`{"Subject":{"type":"app"},"SUBJECT":1,"subject":null}`, `{"subject":"a"}`, `{"subject":{"id":1}}`, `{"evaluations":{}}`, `{"context":{"obligations":[1]}}`,
		`{"resource":{"properties":{"headers":{"A":1}}}}`, `{"resource":{"properties":{"headers":[]}}}`, `{"options":[]}`, `[]`, `null`, ``, `{"a":1,"a":1}`, `{"a":"` + "\xff" + `"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got several
		ok := decode(body, &got)
		var want struct {
			Question
			Evaluations []Question `json:"evaluations"`
			Options     struct {
				Semantic string `json:"evaluations_semantic"`
			} `json:"options"`
		}
		err := json.Unmarshal(body, &want)
		if !ok {
			if err == nil && !deep(body) {
				t.Fatalf("%q is refused", body)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q is read, and by the library: %v", body, err)
		}
		if len(got.Evaluations)+len(want.Evaluations) == 0 {
			got.Evaluations, want.Evaluations = nil, nil
		}
		plain(&got.Question, &want.Question)
		for i := range min(len(got.Evaluations), len(want.Evaluations)) {
			plain(&got.Evaluations[i], &want.Evaluations[i])
		}
		if !reflect.DeepEqual(got, several{want.Question, want.Evaluations, want.Options.Semantic}) {
			t.Fatalf("%q:\n%+v\n%+v", body, got, want)
		}
	})
}

// plain makes lists that are empty and lists that are not there the same: nobody tells them apart.
func plain(all ...*Question) {
	for _, q := range all {
		if q.Context != nil && len(q.Context.Categories) == 0 {
			q.Context.Categories = nil
		}
		if q.Context != nil && len(q.Context.Obligations) == 0 {
			q.Context.Obligations = nil
		}
	}
}

// deep tells that something is nested deeper than we read.
func deep(body []byte) bool {
	depth, most := 0, 0
	for _, c := range body {
		switch c {
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		}
	}
	return most > 64
}
