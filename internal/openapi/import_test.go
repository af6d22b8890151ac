package openapi

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/manifest"
	"github.com/optup/optup/internal/testkit"
	"github.com/optup/optup/internal/translate"
)

// documents are the documents of testdata, and the large ones from outside where they are at hand.
func documents(t *testing.T) []string {
	t.Helper()
	out := []string{"testdata/crm.yaml", "testdata/ads.yaml", "testdata/messages.json"}
	for _, name := range []string{"sendgrid-openapi.json", "sendgrid-swagger2.json"} {
		if path := shared(t, name); path != "" {
			out = append(out, path)
		}
	}
	return out
}

// shared gives the path of a file from outside the project, or "" where it is not at hand.
func shared(t *testing.T, name string) string {
	t.Helper()
	folder := os.Getenv("OPTUP_SHARED_DATA")
	if folder == "" {
		folder = "../../../shared/data"
	}
	path := filepath.Join(folder, name)
	if _, err := os.Stat(path); err != nil {
		t.Logf("%s is not at hand; what rests on it is not tested", name)
		return ""
	}
	return path
}

func draft(t *testing.T, path string, o Options) *Draft {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Import(data, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func inYAML(t testing.TB, d *Draft) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := d.YAML(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func endpoint(t *testing.T, d *Draft, method v1alpha1.Method, path string) *v1alpha1.Endpoint {
	t.Helper()
	for i := range d.Service.Spec.Endpoints {
		if e := &d.Service.Spec.Endpoints[i]; e.Path == path && e.Methods[0] == method {
			return e
		}
	}
	t.Fatalf("there is no endpoint %s %s", method, path)
	return nil
}

func TestGoldenDrafts(t *testing.T) {
	for _, name := range []string{"crm.yaml", "ads.yaml", "messages.json"} {
		d := draft(t, "testdata/"+name, Options{Namespace: "shop-services"})
		testkit.Golden(t, "testdata/"+strings.TrimSuffix(name, filepath.Ext(name))+".golden.yaml", inYAML(t, d))
	}
}

// What is written is what was drafted, strictly read; the compiler takes all of it, and so does the API.
func TestDraftsAreManifests(t *testing.T) {
	for _, path := range documents(t) {
		for _, least := range []Confidence{Low, Medium, High} {
			d := draft(t, path, Options{Namespace: "shop-services", Least: least})
			checkManifest(t, d)
		}
	}
}

// readManifest reads a manifest as strictly as the command line does.
func readManifest(t testing.TB, text []byte) translate.Objects {
	t.Helper()
	var objects translate.Objects
	if err := manifest.Read(&objects, bytes.NewReader(text)); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return objects
}

func checkManifest(t testing.TB, d *Draft) {
	t.Helper()
	objects := readManifest(t, inYAML(t, d))
	if diff := cmp.Diff([]v1alpha1.DataService{d.Service}, objects.Services); diff != "" {
		t.Fatalf("what is written is not what was drafted (- drafted, + read):\n%s", diff)
	}
	for _, f := range compile.Compile(translate.Snapshot(objects)).Findings {
		t.Errorf("%s: %s: %s", f.Field, f.Code, f.Message)
	}
	names := map[v1alpha1.EndpointName]bool{}
	for i := range d.Service.Spec.Endpoints {
		e := &d.Service.Spec.Endpoints[i]
		if names[e.Name] || !regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`).MatchString(string(e.Name)) {
			t.Errorf("the name %q is taken, or none", e.Name)
		}
		names[e.Name] = true
		checkEndpoint(t, e)
	}
}

// checkEndpoint checks what the schema of the API asks for.
func checkEndpoint(t testing.TB, e *v1alpha1.Endpoint) {
	t.Helper()
	wrong := func(ok bool, format string, args ...any) {
		if !ok {
			t.Errorf(string(e.Name)+": "+format, args...)
		}
	}
	pointer := regexp.MustCompile(`^(/([^/~]|~[01])*)+$`)
	pointers := func(list []v1alpha1.Pointer, fields []v1alpha1.PersonalField) {
		for _, f := range fields {
			list = append(list, f.Pointer)
			wrong(len(f.Category) <= 64 && regexp.MustCompile(`^(pd|dpv|optup):[A-Za-z0-9]+$`).MatchString(string(f.Category)), "category %q", f.Category)
		}
		wrong(len(fields) <= 128 && len(list)-len(fields) <= 128, "too many values")
		seen := map[v1alpha1.Pointer]bool{}
		for _, p := range list {
			wrong(!seen[p] && len(p) <= 128 && pointer.MatchString(string(p)), "pointer %q", p)
			seen[p] = true
		}
	}
	wrong(len(e.Path) <= 512 && declaredPath.MatchString(e.Path), "path %q", e.Path)
	if e.PersonalData == v1alpha1.PersonalDataNone {
		wrong(e.Processing == nil && e.Channel == "" && e.Request == nil && e.Response == nil && e.Segments == nil, "None, and more")
	} else {
		wrong(len(e.Processing) > 0, "no processing")
	}
	wrong(!slices.Contains(e.Processing, v1alpha1.ProcessingSend) || e.Channel != "", "sends without a channel")
	wrong(len(e.Query) <= 64, "too many parameters")
	wrong(len(e.Segments) <= 8, "too many segments")
	for _, s := range e.Segments {
		wrong(len(s.Name) <= 128 && strings.Count(e.Path+"/", "/{"+s.Name+"}/") == 1, "segment %q", s.Name)
	}
	if r := e.Request; r != nil {
		kinds := map[v1alpha1.Tracking]bool{}
		for _, s := range r.Switches {
			wrong(!kinds[s.Tracking] && !strings.Contains(string(s.Pointer), "*") && !slices.Contains(r.NotPersonal, s.Pointer), "switch %q", s.Pointer)
			pointers([]v1alpha1.Pointer{s.Pointer}, nil)
			kinds[s.Tracking] = true
		}
		pointers(slices.Concat(r.NotPersonal, r.Totals), r.Fields)
		wrong(len(r.Addressees) <= 16, "too many lists")
		for _, a := range r.Addressees {
			wrong(strings.HasSuffix(string(a.Each), "/*") && !strings.Contains(string(a.Identifier), "*"), "addressees %q", a.Each)
			wrong(a.Unit == "" || (strings.HasSuffix(string(a.Unit), "/*") && strings.HasPrefix(string(a.Each), string(a.Unit)+"/")), "unit %q", a.Unit)
		}
	}
	if r := e.Response; r != nil {
		values := slices.Clone(r.Totals)
		for _, p := range r.NotPersonal {
			values = append(values, v1alpha1.Pointer(p))
		}
		pointers(values, r.Fields)
		if l := r.Records; l != nil {
			pointers(l.NotPersonal, l.Fields)
			wrong(l.Identifier != "" && !strings.Contains(string(l.Identifier), "*"), "identifier %q", l.Identifier)
			wrong(l.Each == "" || strings.HasSuffix(string(l.Each), "/*"), "each %q", l.Each)
		}
	}
}

// A draft permits nothing, whatever the document and the options say.
func TestWhatADraftNeverDoes(t *testing.T) {
	for _, path := range documents(t) {
		for _, least := range []Confidence{Low, Medium, High} {
			d := draft(t, path, Options{Least: least})
			if p := d.Service.Spec.Party; p.Role != v1alpha1.RoleController || p.Name != PartyPlaceholder || d.Service.Spec.AllowedNamespaces != nil {
				t.Errorf("%s: party %+v, namespaces %+v", path, p, d.Service.Spec.AllowedNamespaces)
			}
			for _, g := range d.Guesses {
				passes := g.What == WhatField || g.What == WhatNotPersonal || (g.What == WhatParameter && g.Value == "")
				switch {
				case g.Declared && passes && !g.Confidence.AtLeast(Medium):
					t.Errorf("%s: %s %s lets pass what is not sure", path, g.Call, g.Pointer)
				case g.Declared && passes && !g.Confidence.AtLeast(least):
					t.Errorf("%s: %s %s is less sure than was asked for", path, g.Call, g.Pointer)
				case g.What == WhatPersonalData && g.Confidence != High:
					t.Errorf("%s: %s is said to be without personal data, and not surely", path, g.Call)
				case g.Why == "" || g.Confidence == "":
					t.Errorf("%s: %+v does not say why", path, g)
				}
			}
			for i := range d.Service.Spec.Endpoints {
				fieldsBelongToPeople(t, &d.Service.Spec.Endpoints[i])
			}
		}
	}
}

func fieldsBelongToPeople(t *testing.T, e *v1alpha1.Endpoint) {
	t.Helper()
	if e.Response != nil && len(e.Response.Fields) > 0 {
		t.Errorf("%s: personal fields outside of records: %v", e.Name, e.Response.Fields)
	}
	if e.Request == nil {
		return
	}
	for _, f := range e.Request.Fields {
		if !slices.ContainsFunc(e.Request.Addressees, func(a v1alpha1.AddresseeList) bool {
			return f.Pointer == a.Each || strings.HasPrefix(string(f.Pointer), string(a.Each)+"/")
		}) {
			t.Errorf("%s: %s belongs to no addressee", e.Name, f.Pointer)
		}
	}
}

func TestFilters(t *testing.T) {
	for name, tt := range map[string]struct {
		options Options
		want    []string
	}{
		"a tag, in any case": {Options{Tags: []string{"service"}}, []string{"/api/greeting", "/api/status"}},
		"a path":             {Options{Paths: []string{"/api/status"}}, []string{"/api/status"}},
		"a path that ends in /* takes all below, but not itself": {Options{Paths: []string{"/api/customers/*"}}, []string{"/api/customers/{customer_id}", "/api/customers/{customer_id}", "/api/customers/{customer_id}"}},
		"a star within a path is anything but a slash":           {Options{Paths: []string{"/*/greeting"}}, []string{"/api/greeting"}},
		"several paths":                                           {Options{Paths: []string{"/api/status", "/api/greeting"}}, []string{"/api/greeting", "/api/status"}},
		"a tag and a path have to be true both":                   {Options{Tags: []string{"Service"}, Paths: []string{"/api/g*"}}, []string{"/api/greeting"}},
		"a path without that of the server is not the endpoint's": {Options{Tags: []string{"Service"}, Paths: []string{"/api/*", "/status"}}, []string{"/api/greeting", "/api/status"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := draft(t, "testdata/crm.yaml", tt.options)
			var got []string
			for _, e := range d.Service.Spec.Endpoints {
				got = append(got, e.Path)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReportIsJSON(t *testing.T) {
	d := draft(t, "testdata/crm.yaml", Options{})
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"what":"undeclared"`, `"pointer":"/data/*/notes"`, `"confidence":"high"`, `"call":"GET /api/customers"`, `"why":"e-mail address by format`, `"undeclared":`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("the report lacks %s", want)
		}
	}
}
