package doorstest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// Door is who answers. Yes and No are questions, objects of JSON with subject, action, resource and context, that differ by their resource alone.
type Door struct {
	// Do sends a request and gives what came back. Headers are pairs of names and values.
	Do      func(t *testing.T, method, path, body string, headers ...string) (status int, header http.Header, answer string)
	Yes, No string
}

const (
	one = "/access/v1/evaluation"
	all = "/access/v1/evaluations"
)

type answer struct {
	Decision    *bool           `json:"decision"`
	Context     map[string]any  `json:"context"`
	Evaluations []answer        `json:"evaluations"`
	Raw         json.RawMessage `json:"-"`
}

// text is "+" for yes, "-" for no, "e" for a question that is none.
func (a answer) text() string {
	if a.Evaluations == nil {
		switch {
		case a.Decision == nil:
			return "?"
		case a.Context["error"] != nil:
			if *a.Decision {
				return "?"
			}
			return "e"
		case *a.Decision:
			return "+"
		default:
			return "-"
		}
	}
	out := "["
	for _, e := range a.Evaluations {
		out += e.text()
	}
	return out + "]"
}

// with gives a question without some members and with others.
func with(t *testing.T, question, without string, more ...any) string {
	t.Helper()
	var q map[string]any
	if err := json.Unmarshal([]byte(question), &q); err != nil {
		t.Fatal(err)
	}
	if outer, inner, nested := strings.Cut(without, "."); nested {
		delete(q[outer].(map[string]any), inner)
	} else {
		delete(q, outer)
	}
	for i := 0; i+1 < len(more); i += 2 {
		q[more[i].(string)] = more[i+1]
	}
	data, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func member(t *testing.T, question, name string) any {
	t.Helper()
	var q map[string]any
	if err := json.Unmarshal([]byte(question), &q); err != nil {
		t.Fatal(err)
	}
	return q[name]
}

// Run runs the suite.
func Run(t *testing.T, d Door) {
	yes, no := map[string]any{"resource": member(t, d.Yes, "resource")}, map[string]any{"resource": member(t, d.No, "resource")}
	shared := func(semantic any, questions ...any) string {
		options := map[string]any{}
		if semantic != nil {
			options["evaluations_semantic"] = semantic
		}
		return with(t, d.Yes, "resource", "evaluations", questions, "options", options)
	}
	resource := member(t, d.Yes, "resource").(map[string]any)
	for name, c := range map[string]struct {
		path, body string
		status     int
		want       string
	}{
		"yes":                                   {one, d.Yes, 200, "+"},
		"no":                                    {one, d.No, 200, "-"},
		"members that nobody knows":             {one, with(t, d.Yes, "", "foo", "bar", "later", map[string]any{"nested": true}), 200, "+"},
		"properties that nobody knows":          {one, with(t, d.Yes, "", "subject", map[string]any{"type": "user", "id": "alice", "properties": map[string]any{"role": "admin", "form": 3}}), 200, "+"},
		"without a context there is no purpose": {one, with(t, d.Yes, "context"), 200, "-"},
		"no subject":                            {one, with(t, d.Yes, "subject"), 400, ""},
		"no action":                             {one, with(t, d.Yes, "action"), 400, ""},
		"no resource":                           {one, with(t, d.Yes, "resource"), 400, ""},
		"a subject without a type":              {one, with(t, d.Yes, "subject.type"), 400, ""},
		"a subject without an id":               {one, with(t, d.Yes, "subject.id"), 400, ""},
		"an action without a name":              {one, with(t, d.Yes, "action.name"), 400, ""},
		"a resource without a type":             {one, with(t, d.Yes, "resource.type"), 400, ""},
		"a resource without an id":              {one, with(t, d.Yes, "resource.id"), 400, ""},
		"a subject that is a text":              {one, with(t, d.Yes, "subject", "subject", "alice"), 400, ""},
		"an action that is a number":            {one, with(t, d.Yes, "action", "action", map[string]any{"name": 123}), 400, ""},
		"nothing":                               {one, "", 400, ""},
		"no JSON":                               {one, "{", 400, ""},
		"more than JSON":                        {one, d.Yes + "{}", 400, ""},
		"a member twice":                        {one, `{"resource":null,` + d.Yes[1:], 400, ""},

		"one of several is one":            {all, d.Yes, 200, "+"},
		"none of several is one":           {all, with(t, d.No, "", "evaluations", []any{}), 200, "-"},
		"several":                          {all, shared(nil, yes, no, no, yes), 200, "[+--+]"},
		"all of several":                   {all, shared("execute_all", yes, no, no, yes), 200, "[+--+]"},
		"up to the first no":               {all, shared("deny_on_first_deny", yes, no, no, yes), 200, "[+-]"},
		"up to the first that is none":     {all, shared("deny_on_first_deny", yes, map[string]any{}, yes), 200, "[+e]"},
		"up to the first yes":              {all, shared("permit_on_first_permit", no, map[string]any{}, yes, no), 200, "[-e+]"},
		"an option that nobody knows":      {all, with(t, shared(nil, yes, no), "", "options", map[string]any{"another_option": "value"}), 200, "[+-]"},
		"a semantic that nobody knows":     {all, shared("execute_some", yes), 400, ""},
		"one of them is none":              {all, shared(nil, yes, map[string]any{}, no), 200, "[+e-]"},
		"one has a type that nobody knows": {all, shared(nil, yes, map[string]any{"resource": map[string]any{"type": "shoe", "id": "x"}}, no), 200, "[+e-]"},
		"each has its own":                 {all, `{"evaluations":[` + d.Yes + "," + d.No + "]}", 200, "[+-]"},
		"a context of its own":             {all, shared(nil, yes, map[string]any{"resource": yes["resource"], "context": map[string]any{}}), 200, "[+-]"},
		"a type that all share": {all, with(t, d.Yes, "resource", "resource", map[string]any{"type": resource["type"]}, "evaluations", []any{
			map[string]any{"resource": map[string]any{"id": resource["id"], "properties": resource["properties"]}},
		}), 200, "[+]"},
		"a default that each replaces": {all, with(t, d.No, "", "evaluations", []any{yes, map[string]any{}}), 200, "[+-]"},
		"too many":                     {all, `{"evaluations":[` + strings.Repeat("{},", 1000) + "{}]}", 413, ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, header, body := d.Do(t, http.MethodPost, c.path, c.body)
			if status != c.status {
				t.Fatalf("status %d: %s", status, body)
			}
			if status != http.StatusOK {
				if kind := header.Get("Content-Type"); kind != "application/problem+json" || strings.Contains(body, "decision") {
					t.Errorf("%s: %s", kind, body)
				}
				return
			}
			var got answer
			if err := json.Unmarshal([]byte(body), &got); err != nil || got.text() != c.want {
				t.Errorf("%s (%v), want %s", body, err, c.want)
			}
			if header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store" {
				t.Errorf("header %v", header)
			}
		})
	}
	t.Run("headers", func(t *testing.T) { d.headers(t) })
}

func (d Door) headers(t *testing.T) {
	if status, header, _ := d.Do(t, http.MethodPost, one, d.Yes, "X-Request-ID", "bfe9eb29"); status != 200 || header.Get("X-Request-ID") != "bfe9eb29" {
		t.Errorf("status %d with the request id %q", status, header.Get("X-Request-ID"))
	}
	if status, header, _ := d.Do(t, http.MethodPost, one, "{", "X-Request-ID", "bfe9eb29"); status != 400 || header.Get("X-Request-ID") != "bfe9eb29" {
		t.Errorf("status %d with the request id %q", status, header.Get("X-Request-ID"))
	}
	if status, _, body := d.Do(t, http.MethodPost, one, d.Yes, "Content-Type", "text/plain"); status != 400 {
		t.Errorf("another content type: %d %s", status, body)
	}
	if status, _, body := d.Do(t, http.MethodPost, one, d.Yes, "Content-Type", "application/json; charset=utf-8"); status != 200 {
		t.Errorf("a content type with a charset: %d %s", status, body)
	}
	status, _, body := d.Do(t, http.MethodGet, "/.well-known/authzen-configuration", "")
	var got map[string]string
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
		t.Fatalf("metadata: %d %s", status, body)
	}
	base := got["policy_decision_point"]
	if base == "" || got["access_evaluation_endpoint"] != base+one || got["access_evaluations_endpoint"] != base+all || len(got) != 3 {
		t.Errorf("metadata: %v", got)
	}
}
