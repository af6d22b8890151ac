package schema

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/optup/optup/api/v1alpha1"
)

var builtin = Builtin()

// judged gives what is wrong with an object.
func judged(t *testing.T, kind string, o map[string]any) []Error {
	t.Helper()
	errs, err := builtin.Validate(t.Context(), v1alpha1.GroupVersion.WithKind(kind), o, "here")
	if err != nil {
		t.Fatal(err)
	}
	return errs
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	o := map[string]any{}
	body, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = utiljson.Unmarshal(body, &o)
	}
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return o
}

// patched applies a JSON merge patch (RFC 7396) that is written as YAML.
func patched(t *testing.T, text, patch string) map[string]any {
	t.Helper()
	o := object(t, text)
	merge(o, object(t, patch))
	return o
}

func merge(into, patch map[string]any) {
	for k, v := range patch {
		inner, both := into[k].(map[string]any)
		if p, ok := v.(map[string]any); ok && both {
			merge(inner, p)
		} else if v == nil {
			delete(into, k)
		} else {
			into[k] = v
		}
	}
}

// rule is a spec of the suite that asks an API server: an object that it accepts, one that it refuses, and a part of its message.
type rule struct{ sentence, message, was, accepted, refused string }

// specs reads the calls of validation(kind, sound, rules) in the tests of controllers.
func specs(t *testing.T, call func(kind, sound string, rules []rule)) {
	t.Helper()
	files, err := filepath.Glob("../../controllers/*_validation_test.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok || len(c.Args) != 3 {
				return true
			}
			if id, ok := c.Fun.(*ast.Ident); !ok || id.Name != "validation" {
				return true
			}
			var rules []rule
			for _, e := range c.Args[2].(*ast.CompositeLit).Elts {
				var r rule
				for _, kv := range e.(*ast.CompositeLit).Elts {
					kv := kv.(*ast.KeyValueExpr)
					field := map[string]*string{"sentence": &r.sentence, "message": &r.message, "was": &r.was, "accepted": &r.accepted, "refused": &r.refused}
					*field[kv.Key.(*ast.Ident).Name] = literal(t, kv.Value)
				}
				rules = append(rules, r)
			}
			call(literal(t, c.Args[0]), literal(t, c.Args[1]), rules)
			return false
		})
	}
}

func literal(t *testing.T, e ast.Expr) string {
	t.Helper()
	s, err := strconv.Unquote(e.(*ast.BasicLit).Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAsTheAPIServer holds this package against the specs that hold for the API server.
func TestAsTheAPIServer(t *testing.T) {
	count := 0
	specs(t, func(kind, sound string, rules []rule) {
		for _, r := range rules {
			t.Run(kind+": "+r.sentence, func(t *testing.T) {
				if errs := judged(t, kind, patched(t, sound, r.accepted)); len(errs) > 0 {
					t.Errorf("refused: %v", errs)
				}
				errs := judged(t, kind, patched(t, sound, r.refused))
				if r.was != "" {
					if len(errs) > 0 {
						t.Errorf("a rule about changes is applied to a new object: %v", errs)
					}
					return
				}
				count++
				if len(errs) == 0 || !strings.Contains(errs[0].Message, r.message) {
					t.Errorf("%v, want %q", errs, r.message)
				}
			})
		}
	})
	if count < 30 {
		t.Errorf("only %d wrong objects", count)
	}
}

func TestStructure(t *testing.T) {
	const policy = "metadata: {name: p}\nspec: {rules: [{name: a, purpose: x, service: {name: s}, endpoints: [one]}]}"
	const ledger = "metadata: {name: main}\nspec: {controller: A GmbH, storage: {sqlite: {size: 1Gi}}}"
	for name, tt := range map[string]struct {
		kind, object, patch string
		want                []Error
	}{
		"a sound policy":             {"ConsentPolicy", policy, "{}", nil},
		"a sound ledger":             {"ConsentLedger", ledger, "{}", nil},
		"null is as good as nothing": {"ConsentPolicy", policy + "\nstatus: null", "{}", nil},
		"the status is the server's": {"ConsentPolicy", policy + "\nstatus: {conditions: 7}", "{}", nil},
		"what the server fills in":   {"ConsentPolicy", policy, "{metadata: {uid: x, resourceVersion: '7', generation: 3, creationTimestamp: 2026-04-01T00:00:00Z}}", nil},
		"a name that is generated":   {"ConsentPolicy", "metadata: {generateName: p-}\nspec: {}", "{}", nil},
		"the kind may be left out":   {"ConsentPolicy", policy, "{kind: ConsentPolicy}", nil},
		"a cluster's object ignores a namespace": {
			"DataPurpose", "metadata: {name: p, namespace: x}\nspec: {controller: c, dpv: 'dpv:X', texts: [{language: en, title: T}], legalGrounds: [consent], processing: [show], objection: DirectMarketing}", "{}", nil,
		},
		"another kind":    {"ConsentPolicy", policy, "{kind: DataPurpose}", []Error{{"kind", `Invalid value: "DataPurpose": must be ConsentPolicy`}}},
		"another version": {"ConsentPolicy", policy, "{apiVersion: consent.optup.dev/v2}", []Error{{"apiVersion", `Invalid value: "consent.optup.dev/v2": must be consent.optup.dev/v1alpha1`}}},
		"no name":         {"ConsentPolicy", "spec: {}", "{}", []Error{{"metadata.name", "Required value: name or generateName is required"}}},
		"a name in capitals": {"ConsentPolicy", policy, "{metadata: {name: P}}", []Error{{
			"metadata.name",
			`Invalid value: "P": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
		}}},
		"a label that is none": {"ConsentPolicy", policy, "{metadata: {labels: {a: 'b c'}}}", []Error{{
			"metadata.labels",
			`Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
		}}},
		"a field that is missing": {"ConsentPolicy", policy, "{spec: {rules: [{name: a, purpose: x, endpoints: [one]}]}}", []Error{{"spec.rules[0].service", "Required value"}}},
		"a word that is none":     {"ConsentPolicy", policy, "{spec: {mode: Loose}}", []Error{{"spec.mode", `Unsupported value: "Loose": supported values: "Observe", "Enforce"`}}},
		"another type":            {"ConsentLedger", ledger, "{spec: {controller: 7}}", []Error{{"spec.controller", `Invalid value: "integer": spec.controller in body must be of type string: "integer"`}}},
		"a list with one twice":   {"ConsentPolicy", policy, "{spec: {rules: [{name: a, purpose: x, service: {name: s}, endpoints: [one, one]}]}}", []Error{{"spec.rules[0].endpoints[1]", `Duplicate value: "one"`}}},
		"a key that is given twice": {
			"ConsentPolicy", policy, "{spec: {rules: [{name: a, purpose: x, service: {name: s}, endpoints: [one]}, {name: a, purpose: z, service: {name: s}, endpoints: [one]}]}}",
			[]Error{{"spec.rules[1]", `Duplicate value: {"name":"a"}`}},
		},
		"too few":  {"ConsentPolicy", policy, "{spec: {rules: [{name: a, purpose: x, service: {name: s}, endpoints: []}]}}", []Error{{"spec.rules[0].endpoints", `Invalid value: 0: spec.rules[0].endpoints in body should have at least 1 items`}}},
		"too long": {"ConsentPolicy", policy, "{spec: {rules: [{name: " + strings.Repeat("a", 64) + ", purpose: x, service: {name: s}, endpoints: [one]}]}}", []Error{{"spec.rules[0].name", "Too long: may not be more than 63 bytes"}}},
		"rules wait for structure": {
			"ConsentPolicy", policy, "{spec: {mode: Loose, freshnessBound: 1s}}", []Error{{"spec.mode", `Unsupported value: "Loose": supported values: "Observe", "Enforce"`}},
		},
		"metadata that is none": {"ConsentPolicy", "metadata: [a]\nspec: {}", "{}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := patched(t, tt.object, tt.patch)
			got := judged(t, tt.kind, o)
			if name == "metadata that is none" {
				if len(got) == 0 {
					t.Error("accepted")
				}
				return
			}
			if len(got) != len(tt.want) {
				t.Fatalf("%+v", got)
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Errorf("got  %+v\nwant %+v", got[i], tt.want[i])
				}
			}
		})
	}
}

func TestTheObjectIsNotChanged(t *testing.T) {
	const text = "metadata: {name: p}\nspec: {unknown: 1, mode: null}\nstatus: {a: b}"
	o, same := object(t, text), object(t, text)
	judged(t, "ConsentPolicy", o)
	if a, b := len(o), len(same); a != b || len(o["spec"].(map[string]any)) != 2 || len(o["metadata"].(map[string]any)) != 1 {
		t.Errorf("%v", o)
	}
}

func TestSamplesAreSound(t *testing.T) {
	for _, pattern := range []string{"../../config/samples/*.yaml", "../../test/corpus/bases/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, doc := range strings.Split(string(text), "\n---") {
				o := object(t, doc)
				kind, _ := o["kind"].(string)
				if o["apiVersion"] != v1alpha1.GroupVersion.String() {
					continue
				}
				if errs := judged(t, kind, o); len(errs) > 0 {
					t.Errorf("%s: %s: %+v", name, kind, errs)
				}
			}
		}
	}
}

func TestSeveralAtOnce(t *testing.T) {
	s := Builtin()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, kind := range []string{"ConsentPolicy", "DataService", "DataPurpose"} {
				if errs, err := s.Validate(t.Context(), v1alpha1.GroupVersion.WithKind(kind), map[string]any{}, "here"); err != nil || len(errs) == 0 {
					t.Error(kind, errs, err)
				}
			}
		})
	}
	all.Wait()
}

func TestDefinitionsThatCannotBeUsed(t *testing.T) {
	const file = "consent.optup.dev_consentpolicies.yaml"
	for name, tt := range map[string]struct{ text, want string }{
		"no YAML":         {"a: [", file},
		"another kind":    {"spec: {group: consent.optup.dev, names: {kind: X}}", "defines X"},
		"another version": {"spec: {group: consent.optup.dev, names: {kind: ConsentPolicy}, versions: [{name: v1}]}", "no version v1alpha1"},
		"no schema":       {"spec: {group: consent.optup.dev, names: {kind: ConsentPolicy}, versions: [{name: v1alpha1}]}", "no schema"},
		"no structure":    {"spec: {group: consent.optup.dev, names: {kind: ConsentPolicy}, versions: [{name: v1alpha1, schema: {openAPIV3Schema: {type: object, properties: {a: {$ref: x}}}}}]}", "$ref"},
	} {
		s := New(fstest.MapFS{file: {Data: []byte(tt.text)}})
		if err := s.Prepare(v1alpha1.GroupVersion.WithKind("ConsentPolicy")); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, kind := range []string{"Unknown", "", "../x"} {
		if err := builtin.Prepare(v1alpha1.GroupVersion.WithKind(kind)); err == nil {
			t.Errorf("%q is defined", kind)
		}
	}
}

func BenchmarkPrepare(b *testing.B) {
	for b.Loop() {
		if err := Builtin().Prepare(v1alpha1.GroupVersion.WithKind(v1alpha1.KindDataService)); err != nil {
			b.Fatal(err)
		}
	}
}
