package cli

import (
	"reflect"
	"testing"

	"github.com/optup/optup/internal/scenario"
)

func TestBodiesAreValuesOrTexts(t *testing.T) {
	csv := scenario.Request{Headers: map[string]string{"content-type": "text/csv"}}
	for name, tt := range map[string]struct {
		file string
		r    scenario.Request
		data string
		want any
	}{
		"JSON":                       {"a.json", scenario.Request{}, `{"a":"b"}`, map[string]any{"a": "b"}},
		"YAML":                       {"-", scenario.Request{}, "- a\n- b\n", []any{"a", "b"}},
		"a form":                     {"-", scenario.Request{}, "to=a%40b&x=1", "to=a%40b&x=1"},
		"a table that YAML can read": {"-", scenario.Request{}, "email\na@b\n", "email\na@b\n"},
		"lines":                      {"-", scenario.Request{}, "{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}\n{\"a\":2}\n"},
		"one line in a file of them": {"a.ndjson", scenario.Request{}, "{\"a\":1}\n", "{\"a\":1}\n"},
		"whatever has another type":  {"-", csv, "{\"a\":1}\n", "{\"a\":1}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := bodyOf(tt.file, tt.r, []byte(tt.data)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%#v", got)
			}
		})
	}
}
