package manifest

import (
	"strings"
	"testing"

	"github.com/optup/optup/internal/policy"
)

const head = "apiVersion: consent.optup.dev/v1alpha1\nkind: "

func read(t *testing.T, text string) Result {
	t.Helper()
	var r Reader
	if err := r.Read("x.yaml", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return r.Result()
}

func TestProblems(t *testing.T) {
	rule := head + "ConsentPolicy\nmetadata: {name: p, namespace: m}\nspec:\n  rules:\n  - name: a\n"
	for name, tt := range map[string]struct {
		text string
		// want are the lines of the problems; a line may be given by its beginning, ending with "...".
		want []string
	}{
		"sound": {rule + "    onMissing: Deny\n", nil},
		"a mistyped field has its path, line, column and nearest name": {
			rule + "    onMising: Deny\n", []string{"x.yaml:7:5: ConsentPolicy m/p: spec.rules[0].onMising: unknown field; did you mean onMissing?"},
		},
		"another case is another name": {rule + "    onmissing: Deny\n", []string{"x.yaml:7:5: ConsentPolicy m/p: spec.rules[0].onmissing: unknown field; did you mean onMissing?"}},
		"a field that resembles none lists what there is": {
			rule + "    service: {url: x}\n", []string{"x.yaml:7:15: ConsentPolicy m/p: spec.rules[0].service.url: unknown field; known are name, namespace"},
		},
		"metadata is checked too": {head + "DataPurpose\nmetadata: {name: p, lables: {}}\n", []string{"x.yaml:3:21: DataPurpose p: metadata.lables: unknown field; did you mean labels?"}},
		"and so are namespaces": {
			"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: m\n  label: {a: b}\n", []string{"x.yaml:5:3: Namespace m: metadata.label: unknown field; did you mean labels?"},
		},
		"a mistyped kind": {
			head + "ConsentPolcy\nmetadata: {name: p}\n",
			[]string{"x.yaml:2:1: ConsentPolcy p: kind: kind ConsentPolcy of consent.optup.dev/v1alpha1 is not known to this version; did you mean ConsentPolicy?"},
		},
		"another version": {
			"apiVersion: consent.optup.dev/v1\nkind: DataPurpose\nmetadata: {name: p}\n",
			[]string{"x.yaml:1:1: DataPurpose p: apiVersion: version v1 of consent.optup.dev is not known; did you mean consent.optup.dev/v1alpha1?"},
		},
		"a mistyped group": {
			"apiVersion: consent.optup.de/v1alpha1\nkind: DataPurpose\nmetadata: {name: p}\n",
			[]string{"x.yaml:1:1: DataPurpose p: apiVersion: group consent.optup.de is not known; did you mean consent.optup.dev/v1alpha1?"},
		},
		"a kind of somebody else": {"apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: p}\nspec: {anything: [1]}\n", nil},
		"a name that is missing":  {head + "DataPurpose\nspec: {}\n", []string{"x.yaml:1:1: DataPurpose: metadata.name: the object has no name"}},
		"a number where text is wanted": {
			head + "DataPurpose\nmetadata: {name: p}\nspec:\n  texts:\n  - title: 2026\n",
			[]string{"x.yaml:6:5: DataPurpose p: spec.texts[0].title: must be text, and is a number; put it in quotes"},
		},
		"a word that YAML 1.1 takes for a boolean": {
			head + "DataPurpose\nmetadata: {name: p}\nspec:\n  texts:\n  - language: no\n",
			[]string{"x.yaml:6:5: DataPurpose p: spec.texts[0].language: must be text, and is the boolean false; put it in quotes"},
		},
		"text where a number is wanted": {
			head + "DataPurpose\nmetadata: {name: p}\nspec: {validForDays: '30', minimumAge: 1.5}\n",
			[]string{"x.yaml:4:8: DataPurpose p: spec.validForDays: must be a whole number, and is text", "x.yaml:4:28: DataPurpose p: spec.minimumAge: must be a whole number, and is a number with a fraction"},
		},
		"a number that is too large": {head + "DataPurpose\nmetadata: {name: p}\nspec: {validForDays: 5000000000}\n", []string{"x.yaml:4:8: DataPurpose p: spec.validForDays: 5000000000 is too far from 0"}},
		"an object where a list is wanted": {
			rule + "    endpoints: {send: true}\n", []string{"x.yaml:7:5: ConsentPolicy m/p: spec.rules[0].endpoints: must be a list, and is an object"},
		},
		"a duration that is none": {
			head + "ConsentPolicy\nmetadata: {name: p}\nspec: {freshnessBound: soon}\n",
			[]string{"x.yaml:4:8: ConsentPolicy p: spec.freshnessBound: must be a duration, for example 30s, and is text"},
		},
		"a label that is a number": {
			"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: m}\nspec:\n  template:\n    metadata:\n      labels:\n        app.kubernetes.io/version: 1.0\n",
			[]string{"x.yaml:8:9: Deployment m/d: spec.template.metadata.labels[app.kubernetes.io/version]: must be text, and is a number; put it in quotes"},
		},
		"a key that is given twice": {
			rule + "    purpose: a\n    onMissing: Deny\n    purpose: b\n",
			[]string{"x.yaml:9:5: ConsentPolicy m/p: spec.rules[0].purpose: is given twice; the first time 2 lines before"},
		},
		"problems of all documents, with broken ones between": {
			head + "DataPurpose\nmetadata: {name: a, x: 1}\n---\na: [\n---\n\tb: c\n---\n" + head + "DataPurpose\nmetadata: {name: c, z: 1}\n",
			[]string{
				"x.yaml:3:21: DataPurpose a: metadata.x: unknown field", "x.yaml:6:1: is no YAML: did not find expected node content, while parsing a flow node from line 6 on",
				"x.yaml:7:1: is no YAML: found a tab character where an indentation space is expected", "x.yaml:11:21: DataPurpose c: metadata.z: unknown field",
			},
		},
		"a tab that indents":               {"a:\n\tb: c\n", []string{"x.yaml:2:1: is no YAML: found character that cannot start any token..."}},
		"text that is never closed":        {"a: b\nc: \"d\n", []string{"x.yaml:3:1: is no YAML: found unexpected end of stream, while scanning a quoted scalar from line 2 on"}},
		"bytes that are not UTF-8":         {"a: b\nc: \xff\n", []string{"x.yaml:2:4: the byte 0xff is not UTF-8"}},
		"control characters":               {"a: b\n\nü: \x00\n", []string{"x.yaml:3:4: the control character 0x00 is not allowed in YAML"}},
		"a list instead of an object":      {"# hi\n- a\n", []string{"x.yaml:2:1: a document is an object with apiVersion and kind, and this is a list"}},
		"no object of Kubernetes":          {"\na: b\n", []string{"x.yaml:2:1: has neither apiVersion nor kind: this is no Kubernetes object"}},
		"a kind that is a number":          {"apiVersion: v1\nkind: 1\n", []string{"x.yaml:1:1: has no kind", "x.yaml:2:1: kind: must be text, and is a number; put it in quotes"}},
		"a tag that nobody knows":          {"apiVersion: v1\nkind: !thing A\n", []string{"x.yaml:1:1: has no kind", "x.yaml:2:7: kind: the tag !thing means nothing here"}},
		"a value that contradicts its tag": {"apiVersion: v1\nkind: A\nx: !!int b\n", []string{"x.yaml:3:4: A: x: b is no number that JSON knows"}},
		"no number of JSON":                {"apiVersion: v1\nkind: A\nx: .nan\n", []string{"x.yaml:3:4: A: x: .nan is no number that JSON knows"}},
		"an alias of nothing":              {"apiVersion: v1\nkind: *a\n", []string{"x.yaml:2:7: is no YAML: unknown anchor 'a' referenced"}},
		"an alias of what it is in":        {"a: &a\n  b: *a\n", []string{"x.yaml:2:6: a.b.b: the alias stands for something that it is part of"}},
		"a merge of what it is in":         {"a: &a\n  <<: *a\n", []string{"x.yaml:2:7: a: the alias stands for something that it is part of"}},
		"a merge of text":                  {"apiVersion: v1\nkind: A\n<<: b\n", []string{"x.yaml:3:5: A: << merges objects only"}},
		"values too deep in each other":    {"a: " + strings.Repeat("[", 300) + strings.Repeat("]", 300), []string{"x.yaml:1:103: a[0][0]..."}},
		"values too deep for the parser":   {"a: " + strings.Repeat("[", 20000), []string{"x.yaml:1:10004: is no YAML: exceeded max depth of 10000..."}},
		"an item that is no object":        {"apiVersion: v1\nkind: List\nitems:\n- a\n", []string{"x.yaml:4:3: items[0]: an item is an object, and this is text"}},
		"an item with a mistake": {
			"apiVersion: v1\nkind: List\nitems:\n- apiVersion: consent.optup.dev/v1alpha1\n  kind: DataPurpose\n  metadata: {name: a}\n  spec: {parnt: b}\n",
			[]string{"x.yaml:7:10: DataPurpose a: spec.parnt: unknown field; did you mean parent?"},
		},
		"a name that would break the line": {head + "DataPurpose\nmetadata: {name: a, \"b\\nc\\e[31m\": 1}\n", []string{`x.yaml:3:1: DataPurpose a: metadata["b\nc\x1b[31m"]: unknown field`}},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, tt.text).Problems
			if len(got) != len(tt.want) {
				t.Fatalf("%v", got)
			}
			for i, p := range got {
				if start, ok := strings.CutSuffix(tt.want[i], "..."); p.String() != tt.want[i] && (!ok || !strings.HasPrefix(p.String(), start)) {
					t.Errorf("got  %s\nwant %s", p, tt.want[i])
				}
			}
		})
	}
}

// TestWhatIsSoundIsReadAnyway: one mistake does not make whatever refers to the object dangle.
func TestWhatIsSoundIsReadAnyway(t *testing.T) {
	r := read(t, head+"DataPurpose\nmetadata: {name: p}\nspec: {parent: q, prnt: x, validForDays: soon, legalGrounds: [1, consent], controller: c}\n")
	if len(r.Problems) != 3 || len(r.Objects.Purposes) != 1 {
		t.Fatalf("%v, %v", r.Problems, r.Objects.Purposes)
	}
	s := r.Objects.Purposes[0].Spec
	if s.Parent != "q" || s.Controller != "c" || len(s.LegalGrounds) != 2 || s.LegalGrounds[1] != "consent" {
		t.Errorf("%+v", s)
	}
}

func TestProblemsAreAnErrorIfThereAreAny(t *testing.T) {
	if err := (Problems{}).Err(); err != nil {
		t.Error(err)
	}
	var p Problems
	for i := range 100 {
		p = append(p, Problem{Position: Position{"f", i + 1, 1}, Message: "m"})
	}
	err := p.Err()
	if err == nil || !strings.HasSuffix(err.Error(), "f:20:1: m\nand 80 more") {
		t.Error(err)
	}
}

func TestADocumentTellsSoManyProblems(t *testing.T) {
	var b strings.Builder
	b.WriteString(head + "DataPurpose\nmetadata:\n  name: p\nspec:\n")
	for i := range 1000 {
		b.WriteString("  zzzz" + strings.Repeat("z", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + ": 1\n")
	}
	got := read(t, b.String()).Problems
	if len(got) != maxProblems+1 || !strings.Contains(got.Error(), "more") || got[maxProblems].Resource != (policy.Ref{Kind: "DataPurpose", Name: "p"}) {
		t.Errorf("%d: %v", len(got), got)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"name", "onMissing", "onEmpty", "purpose", "freshnessBound"}
	for name, want := range map[string]string{
		"onMising": "onMissing", "on_missing": "onMissing", "NAME": "name", "naem": "name", "purposes": "purpose", "onEmtpy": "onEmpty", "freshnesBound": "freshnessBound",
		"x": "", "": "", "selector": "", "nam": "name", "n": "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q, %q: %d", tt.a, tt.b, got)
		}
	}
}
