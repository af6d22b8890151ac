package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// written runs the program into a folder of the test.
func written(t *testing.T) string {
	t.Helper()
	docs := filepath.Join(t.TempDir(), "reference")
	if err := run("../../config/crd/bases", docs); err != nil {
		t.Fatal(err)
	}
	return docs
}

func schema(t *testing.T, docs string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(docs, "schemas", "optup.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func object(t *testing.T, text []byte) any {
	t.Helper()
	data, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWhatIsCommittedIsWhatIsWritten(t *testing.T) {
	docs := written(t)
	for _, pattern := range []string{"*.md", "schemas/*.json"} {
		names, err := filepath.Glob(filepath.Join(docs, pattern))
		if err != nil || len(names) < 8 {
			t.Fatalf("%d files, %v", len(names), err)
		}
		for _, name := range names {
			rel, err := filepath.Rel(docs, name)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join("../../docs/reference", rel)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("docs/reference/%s is not up to date: run make generate (%v)", rel, err)
			}
		}
	}
}

// TestManifestsFitTheSchema takes every manifest of the repository that the API server takes, too.
func TestManifestsFitTheSchema(t *testing.T) {
	s := schema(t, written(t))
	n := 0
	for _, pattern := range []string{"config/samples/*.yaml", "config/catalogue/*/*.yaml", "test/demo/manifests/*.yaml", "test/corpus/guides/*/input.yaml"} {
		names, err := filepath.Glob("../../" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, doc := range strings.Split(string(text), "\n---\n") {
				if !strings.Contains(doc, "apiVersion: consent.optup.dev/") || strings.Contains(doc, "kind: Kustomization") {
					continue
				}
				n++
				if err := s.Validate(object(t, []byte(doc))); err != nil {
					t.Errorf("%s: %v\n%s", name, err, doc)
				}
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d manifests", n)
	}
}

func TestMistakesDoNotFitTheSchema(t *testing.T) {
	const good = `{apiVersion: consent.optup.dev/v1alpha1, kind: Touchpoint, metadata: {name: form, namespace: shop}, spec: {place: WebForm, controller: Shop, optIn: [news-v1]}}`
	s := schema(t, written(t))
	if err := s.Validate(object(t, []byte(good))); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a mistyped member":               {"place:", "plaze:"},
		"a value that is none of a list":  {"WebForm", "Webform"},
		"a kind that does not exist":      {"Touchpoint", "TouchPoint"},
		"another version":                 {"v1alpha1", "v1"},
		"a list that is empty":            {"[news-v1]", "[]"},
		"an object without a name":        {"name: form, ", ""},
		"a member that is required":       {"controller: Shop, ", ""},
		"the same twice":                  {"[news-v1]", "[news-v1, news-v1]"},
		"a number where a text has to be": {"controller: Shop", "controller: 1"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.Validate(object(t, []byte(strings.Replace(good, change[0], change[1], 1)))); err == nil {
				t.Error("it fits")
			}
		})
	}
}

// TestPagesShowEveryField walks the schemas and looks each member up on the page of its kind.
func TestPagesShowEveryField(t *testing.T) {
	docs := written(t)
	names, err := filepath.Glob(filepath.Join(docs, "schemas", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		kind := strings.TrimSuffix(filepath.Base(name), ".json")
		if kind == "optup" {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var s struct {
			Properties struct {
				Spec node `json:"spec"`
			} `json:"properties"`
		}
		data = bytes.ReplaceAll(data, []byte(`"additionalProperties": false`), []byte(`"title": ""`)) // false is no schema of type node
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(docs, kind+".md"))
		if err != nil {
			t.Fatal(err)
		}
		for member := range s.Properties.Spec.Properties {
			if !strings.Contains(string(text), "| `"+member+"` |") {
				t.Errorf("%s.md does not show %s", kind, member)
			}
		}
		spec, err := os.ReadFile("../../docs/spec/" + kind + ".md")
		if err != nil {
			t.Fatal(err)
		}
		for member := range s.Properties.Spec.Properties {
			if !strings.Contains(string(spec), "`"+member) {
				t.Errorf("docs/spec/%s.md says nothing about %s", kind, member)
			}
		}
	}
}
