package manifest

import (
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/optup/optup/config/crd"
	"github.com/optup/optup/internal/policy"
)

// TestEveryDefinitionIsAKind compares the table with the generated definitions.
func TestEveryDefinitionIsAKind(t *testing.T) {
	files, err := fs.Glob(crd.Bases, "bases/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, f := range files {
		var d apiextensionsv1.CustomResourceDefinition
		text, err := fs.ReadFile(crd.Bases, f)
		if err == nil {
			err = yaml.Unmarshal(text, &d)
		}
		if err != nil {
			t.Fatal(err)
		}
		k := find(d.Spec.Group+"/"+d.Spec.Versions[0].Name, d.Spec.Names.Kind)
		if k == nil || (k.scope == cluster) != (d.Spec.Scope == apiextensionsv1.ClusterScoped) {
			t.Errorf("%s: %+v", d.Spec.Names.Kind, k)
		}
	}
}

func TestObjects(t *testing.T) {
	purpose := func(name string) string { return head + "DataPurpose\nmetadata: {name: " + name + "}\n" }
	names := func(r Result) []string {
		var out []string
		for _, p := range r.Objects.Purposes {
			out = append(out, p.Name)
		}
		for _, p := range r.Objects.Policies {
			out = append(out, p.Namespace+"/"+p.Name)
		}
		for _, w := range r.Objects.Workloads {
			out = append(out, w.Namespace+"/"+w.ID())
		}
		return out
	}
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"nothing":                         {"", nil},
		"comments":                        {"# a\n---\n# b\n", nil},
		"several documents":               {purpose("a") + "---\n" + purpose("b") + "--- # end\n" + purpose("c"), []string{"a", "b", "c"}},
		"empty documents between":         {"---\n---\n" + purpose("a") + "---\n\n---\nnull\n---\n" + purpose("b") + "---\n", []string{"a", "b"}},
		"the end of a document":           {purpose("a") + "...\n---\n" + purpose("b") + "...\n", []string{"a", "b"}},
		"a directive and comments before": {"# a\n%YAML 1.1\n---\n" + purpose("a"), []string{"a"}},
		"a byte order mark":               {"\ufeff" + purpose("a"), []string{"a"}},
		"lines that end as on Windows":    {strings.ReplaceAll(purpose("a")+"---\n"+purpose("b"), "\n", "\r\n"), []string{"a", "b"}},
		"dashes in a text are no end":     {head + "DataPurpose\nmetadata:\n  name: a\n  annotations:\n    x: |\n      a\n      ---\n      b\n", []string{"a"}},
		"JSON":                            {`{"apiVersion":"consent.optup.dev/v1alpha1","kind":"DataPurpose","metadata":{"name":"a"}}`, []string{"a"}},
		"the later one counts":            {purpose("a") + "---\n" + purpose("b") + "---\n" + purpose("a"), []string{"a", "b"}},
		"a namespace that is not named":   {head + "ConsentPolicy\nmetadata: {name: a}\n---\n" + head + "ConsentPolicy\nmetadata: {name: a, namespace: m}\n", []string{"here/a", "m/a"}},
		"anchors and merges": {
			head + "DataPurpose\nmetadata: &m {name: a, labels: &l {x: z}}\nspec: {texts: [&t {language: en, title: T}, {<<: *t, language: de}, *t]}\n", []string{"a"},
		},
		"a list as kubectl writes it": {
			"apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ''}\nitems:\n- apiVersion: consent.optup.dev/v1alpha1\n  kind: DataPurpose\n  metadata: {name: a, uid: x, generation: 2, creationTimestamp: 2026-04-01T00:00:00Z, managedFields: [{manager: k, fieldsV1: {'f:spec': {}}}]}\n  status: {conditions: []}\n",
			[]string{"a"},
		},
		"a list of one kind":              {head + "DataPurposeList\nitems:\n- metadata: {name: a}\n- {kind: DataPurpose, metadata: {name: b}}\n", []string{"a", "b"}},
		"lists in lists":                  {"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - " + strings.ReplaceAll(purpose("a"), "\n", "\n    ") + "\n", []string{"a"}},
		"workloads":                       {"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {metadata: {labels: {a: b}}}}\n---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c, namespace: m}\nspec: {jobTemplate: {spec: {template: {}}}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\n", []string{"here/Deployment/d", "m/CronJob/c", "here/Pod/p"}},
		"a workload once more":            {"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {}}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {}}\n", []string{"here/Deployment/d"}},
		"templates that are none of pods": {"apiVersion: x/v1\nkind: Task\nmetadata: {name: d}\nspec: {template: text}\n", nil},
		"what the operator wrote":         {head + "SidecarConfig\nmetadata: {name: d}\nspec: {unknown: 1}\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := Reader{Namespace: "here"}
			if err := r.Read("x.yaml", strings.NewReader(tt.text)); err != nil {
				t.Fatal(err)
			}
			if got := r.Result(); len(got.Problems) > 0 || !slices.Equal(names(got), tt.want) {
				t.Errorf("%q, %v", names(got), got.Problems)
			}
		})
	}
}

func TestMergesMeanWhatTheySay(t *testing.T) {
	r := read(t, head+"DataPurpose\nmetadata: {name: a}\nspec:\n  texts: [&t {language: en, title: T}, {<<: [{title: U}, *t], language: de}, *t]\n")
	var got []string
	for _, x := range r.Objects.Purposes[0].Spec.Texts {
		got = append(got, x.Language+x.Title)
	}
	if len(r.Problems) > 0 || !slices.Equal(got, []string{"enT", "deU", "enT"}) {
		t.Errorf("%q, %v", got, r.Problems)
	}
}

func TestReplaced(t *testing.T) {
	text := head + "DataPurpose\nmetadata: {name: a}\n"
	r := read(t, text+"---\n"+text)
	if len(r.Documents) != 2 || r.Documents[0].Replaces != nil || *r.Documents[1].Replaces != (Position{"x.yaml", 1, 1}) {
		t.Errorf("%+v", r.Documents)
	}
	if p, _ := r.Sources.At(policy.Ref{Kind: "DataPurpose", Name: "a"}, ""); p.Line != 5 {
		t.Errorf("%v", p)
	}
}

func TestFiles(t *testing.T) {
	fsys := fstest.MapFS{
		"b.yaml": {Data: []byte(head + "DataPurpose\nmetadata: {name: b}\n")}, "a/c.yml": {Data: []byte(head + "DataPurpose\nmetadata: {name: c}\n")},
		"a/kustomization.yaml": {Data: []byte("resources: []\n")}, "kustomization.yml": {Data: []byte("resources: []\n")}, "a/x.json": {Data: []byte("?")},
		".b.yaml": {Data: []byte("?")}, ".git/d.yaml": {Data: []byte("?")},
	}
	o, err := ReadFolder(fsys, ".")
	if err != nil || len(o.Purposes) != 2 || o.Purposes[0].Name != "c" {
		t.Errorf("%+v, %v", o.Purposes, err)
	}
	fsys["z.yaml"] = &fstest.MapFile{Data: []byte("a: [")}
	var p Problems
	if _, err := ReadFolder(fsys, "."); !errors.As(err, &p) || p[0].File != "z.yaml" {
		t.Errorf("%v", err)
	}
	if _, err := ReadFiles(fsys, "absent.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := Read(&o, strings.NewReader(head+"DataPurpose\nmetadata: {name: d, x: 1}\n")); !errors.As(err, &p) || len(o.Purposes) != 3 {
		t.Errorf("%+v, %v", o.Purposes, err)
	}
	broken := errors.New("broken pipe")
	if err := new(Reader).Read("-", iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// TestContentIsWhatKubectlSends compares the values of documents with those of the library that kubectl reads YAML with.
func TestContentIsWhatKubectlSends(t *testing.T) {
	for _, text := range []string{
		"a: 1\nb: 1.0\nc: 1e3\nd: 0x1f\ne: 0o17\nf: 017\ng: 1_000\nh: -5\ni: +7\nj: 0b11\nk: .5\nl: 9223372036854775807\nm: 9223372036854775808\nn: 1e30\no: -0.0\np: 1e17\nq: 12345678901234567890123",
		"a: y\nb: Yes\nc: on\nd: off\ne: N\nf: true\ng: 'yes'\nh: \"no\"\ni: !!str yes\nj: !!bool on\nk: yEs\nl: |\n  yes\n",
		"a:\nb: ~\nc: null\nd: ''\ne: Null\nf: \"\"", "a: 2026-04-01\nb: 2026-04-01T12:00:00Z\nc: 12:30\nd: 1:2:3\ne: 1.2.3", "1: a\nyes: d\n2.5: c\n\"x\": e",
		"a: !!binary aGFsbG8=\nb: !!int '3'\nc: !!float 3\nd: !!str 3\ne: !!null ''", "a: &x {b: [1, 2], c: d}\ne: *x\nf: {<<: *x, c: z}\ng: {<<: [*x, {c: q, h: 1}]}",
		"a: >\n  folded\n  text\nb: |-\n  kept\n\n  text\nc: \"\\u00e4\\n\"\nd: 'it''s'\ne: plain # comment\nf: a#b", "a: '<<'\n'<<': b", "a: [a, [b], {c: d}, ]",
	} {
		var want map[string]any
		body, err := yaml.YAMLToJSON([]byte(text))
		if err == nil {
			err = decodeJSON(body, &want)
		}
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, wrong := values(t, text)
		if len(wrong) > 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot  %#v %v\nwant %#v", text, got, wrong, want)
		}
	}
}
