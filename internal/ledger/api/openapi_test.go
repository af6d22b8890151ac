package api_test

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/optup/optup/internal/ledger/api"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

// Whatever tests of this package send and get has to be as the description says.
func init() { ledgertest.Seen = described.seen } //nolint:gochecknoinits // every test is to be looked at

var described = &description{}

// description is the document, read once.
type description struct {
	once     sync.Once
	err      error
	doc      map[string]any
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	checked  map[string]bool
}

func (d *description) read() error {
	d.once.Do(func() {
		var written map[string]any // names that stand twice are an error
		if d.err = yaml.Unmarshal(api.Description(), &written); d.err != nil {
			return
		}
		raw, err := json.Marshal(written)
		if err != nil {
			d.err = err
			return
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			d.err = err
			return
		}
		d.doc = closed(doc).(map[string]any)
		d.compiler, d.checked = jsonschema.NewCompiler(), map[string]bool{}
		d.err = d.compiler.AddResource("openapi.json", d.doc)
	})
	return d.err
}

// closed lets objects have no members but those that are described, so that nothing undocumented is sent or got.
func closed(v any) any {
	switch x := v.(type) {
	case map[string]any:
		if _, ok := x["properties"].(map[string]any); ok && x["additionalProperties"] == nil {
			x["additionalProperties"] = false
		}
		for _, m := range x {
			closed(m)
		}
	case []any:
		for _, m := range x {
			closed(m)
		}
	}
	return v
}

func at(v any, path ...string) any {
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

// resolve follows a reference in the document.
func (d *description) resolve(v any, pointer string) (any, string) {
	if ref, ok := at(v, "$ref").(string); ok {
		return at(d.doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...), ref
	}
	return v, pointer
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

// content finds the schema of a body, and whether the content type is described.
func (d *description) content(body any, pointer, header string) (string, bool) {
	body, pointer = d.resolve(body, pointer)
	t, _, _ := mime.ParseMediaType(header)
	return pointer + "/content/" + escape.Replace(t) + "/schema", at(body, "content", t, "schema") != nil
}

// operation finds what describes a request.
func (d *description) operation(r *http.Request) (any, string) {
	for template := range at(d.doc, "paths").(map[string]any) {
		want, got := strings.Split(template, "/"), strings.Split(r.URL.Path, "/")
		same := len(want) == len(got)
		for i := 0; same && i < len(want); i++ {
			same = want[i] == got[i] || (strings.HasPrefix(want[i], "{") && got[i] != "")
		}
		if method := strings.ToLower(r.Method); same {
			if o := at(d.doc, "paths", template, method); o != nil {
				return o, "#/paths/" + escape.Replace(template) + "/" + method
			}
		}
	}
	return nil, ""
}

func (d *description) seen(t testing.TB, r *http.Request, sent string, res *http.Response, got string) {
	t.Helper()
	if err := d.read(); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	o, pointer := d.operation(r)
	if o == nil {
		if res.StatusCode < 400 {
			t.Errorf("%s %s is not described", r.Method, r.URL.Path)
		}
		return
	}
	status := strconv.Itoa(res.StatusCode)
	if at(o, "responses", status) == nil {
		if status = "default"; res.StatusCode < 400 {
			t.Errorf("%s gives %d, which is not described", pointer, res.StatusCode)
			return
		}
	}
	if got != "" {
		d.valid(t, at(o, "responses", status), pointer+"/responses/"+status, res.Header.Get("Content-Type"), got)
	}
	if sent != "" && res.StatusCode < 300 && at(o, "requestBody") != nil {
		d.valid(t, at(o, "requestBody"), pointer+"/requestBody", r.Header.Get("Content-Type"), sent)
	}
	d.checked[pointer] = d.checked[pointer] || res.StatusCode < 300
}

func (d *description) valid(t testing.TB, body any, pointer, header, text string) {
	t.Helper()
	schema, ok := d.content(body, pointer, header)
	if !ok {
		t.Errorf("%s: the content type %q is not described", pointer, header)
		return
	}
	if !strings.Contains(schema, "json/schema") || strings.Contains(schema, "ndjson") {
		return
	}
	s, err := d.compiler.Compile("openapi.json" + schema)
	if err != nil {
		t.Errorf("%s: %v", schema, err)
		return
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Errorf("%s: %v", schema, err)
		return
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s: %v\n%s", schema, err, text)
	}
}

func TestEveryRouteIsDescribed(t *testing.T) {
	if err := described.read(); err != nil {
		t.Fatal(err)
	}
	patterns, routes := api.Routes()
	var written []string
	for path, item := range at(described.doc, "paths").(map[string]any) {
		for method := range item.(map[string]any) {
			written = append(written, strings.ToUpper(method)+" "+path)
		}
	}
	for _, p := range patterns {
		if !slices.Contains(written, p) {
			t.Errorf("%s is not in openapi.yaml", p)
		}
	}
	for _, p := range written {
		if !slices.Contains(patterns, p) {
			t.Errorf("openapi.yaml describes %s, which is no route", p)
		}
	}
	for route, allowed := range routes {
		method, path, _ := strings.Cut(route, " ")
		var roles []string
		for _, r := range allowed {
			roles = append(roles, string(r))
		}
		got, _ := json.Marshal(at(described.doc, "paths", path, strings.ToLower(method), "x-roles"))
		if want, _ := json.Marshal(roles); string(got) != string(want) {
			t.Errorf("%s: x-roles are %s, want %s", route, got, want)
		}
		for _, segment := range strings.Split(path, "/") {
			if name, ok := strings.CutPrefix(segment, "{"); ok && !described.names(path, strings.ToLower(method), strings.TrimSuffix(name, "}")) {
				t.Errorf("%s: the parameter %s is not described", route, segment)
			}
		}
	}
}

func (d *description) names(path, method, name string) bool {
	all, _ := at(d.doc, "paths", path, method, "parameters").([]any)
	return slices.ContainsFunc(all, func(p any) bool {
		p, _ = d.resolve(p, "")
		return at(p, "name") == name && at(p, "in") == "path" && at(p, "required") == true
	})
}

// TestEverySchemaIsOne finds schemas that no request of a test uses.
func TestEverySchemaIsOne(t *testing.T) {
	if err := described.read(); err != nil {
		t.Fatal(err)
	}
	for name := range at(described.doc, "components", "schemas").(map[string]any) {
		if _, err := described.compiler.Compile("openapi.json#/components/schemas/" + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheDescriptionNeedsNoToken(t *testing.T) {
	l := ledgertest.New(t).Start()
	if status, body := l.Do("", "GET", "/v1/openapi.yaml", ""); status != 200 || body != string(api.Description()) {
		t.Errorf("%d, %d bytes", status, len(body))
	}
}
