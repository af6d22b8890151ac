package manifest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	yaml4 "go.yaml.in/yaml/v4"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

func decodeJSON(body []byte, into *map[string]any) error { return utiljson.Unmarshal(body, into) }

// values gives what the first document of a text stands for, and what is wrong with it.
func values(t *testing.T, text string) (any, []string) {
	t.Helper()
	var n yaml4.Node
	if err := yaml4.Unmarshal([]byte(text), &n); err != nil || len(n.Content) == 0 {
		return nil, []string{"no YAML"}
	}
	var wrong []string
	var expanded int
	tr := tree{expanded: &expanded, report: func(_ *yaml4.Node, _ *field.Path, message string) { wrong = append(wrong, message) }}
	return tr.value(n.Content[0], nil), wrong
}

// TestBombs: a few lines that stand for billions are refused before they are spelled out.
func TestBombs(t *testing.T) {
	var lists, merged, documents strings.Builder
	lists.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	merged.WriteString("a0: &a0 {k: x}\n")
	for i := range 30 {
		fmt.Fprintf(&lists, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
		fmt.Fprintf(&merged, "a%d: &a%d {<<: [%s]}\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
	}
	for range 1000 {
		documents.WriteString("---\napiVersion: v1\nkind: A\nx: &x [" + strings.Repeat("y, ", 30) + "]\nz: [" + strings.Repeat("*x, ", 30) + "]\n")
	}
	for name, text := range map[string]string{"lists": lists.String(), "merges": merged.String(), "many documents": documents.String()} {
		begin := time.Now()
		r := read(t, text)
		if err := r.Problems.Err(); err == nil || !strings.Contains(err.Error(), "the aliases of this file stand for more than") && !strings.Contains(err.Error(), "excessive aliasing") {
			t.Errorf("%s: %v", name, err)
		}
		// Spelled out, it would take years.
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("%s: %v", name, took)
		}
	}
	if r := read(t, "apiVersion: v1\nkind: A\nx: &x [1, 2]\ny: ["+strings.Repeat("*x, ", 1000)+"]\n"); len(r.Problems) > 0 {
		t.Errorf("modest aliases: %v", r.Problems)
	}
}

func TestAFileThatIsTooLarge(t *testing.T) {
	var r Reader
	if err := r.Read("f", strings.NewReader(strings.Repeat("# large\n", maxFile/8+1))); err != nil {
		t.Fatal(err)
	}
	if p := r.Result().Problems; len(p) != 1 || p[0].String() != "f: is larger than 64 MiB" {
		t.Errorf("%v", p)
	}
}

// many gives a stream of policies, each with a mistake.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "---\n%sConsentPolicy\nmetadata:\n  name: p%d\n  namespace: m\nspec:\n  targetRefs:\n  - kind: Deployment\n    name: mailer\n  rules:\n  - name: a\n    purpose: x\n    service:\n      name: s\n    endpoints:\n    - one\n    - two\n    onMising: Deny\n", head, i)
	}
	return b.String()
}

func TestThousandsOfObjects(t *testing.T) {
	const n = 5000
	took := func(n int) time.Duration {
		text := many(n)
		begin := time.Now()
		r := read(t, text)
		d := time.Since(begin)
		if len(r.Objects.Policies) != n || len(r.Problems) != n || len(r.Documents) != n || r.Problems[n-1].Line != n*19 {
			t.Fatalf("%d objects, %d problems, the last %v", len(r.Objects.Policies), len(r.Problems), r.Problems[n-1])
		}
		return d
	}
	few, all := took(n/10), took(n)
	// Ten times the input takes about ten times as long; if work grew with the square, a hundred times.
	if all > 40*few {
		t.Errorf("%d objects take %v, %d take %v", n/10, few, n, all)
	}
}

func BenchmarkRead(b *testing.B) {
	for _, n := range []int{500, 5000} {
		text := many(n)
		b.Run(fmt.Sprintf("objects=%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				var r Reader
				_ = r.Read("f", strings.NewReader(text))
			}
		})
	}
}

// FuzzRead: whatever the bytes, there are objects and problems, and every problem has a place.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"../../config/samples/*.yaml", "../../test/corpus/bases/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(pattern, err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	for _, text := range []string{
		"", "---", "a: &a [*a]", "a: &a {<<: *a}", "? [a]\n: b", "- a\n- b: [", "\xff", "\x00", "a: \t", "%YAML 1.2\n---\na: b", "a: 1\na: 2", "!!int x", "apiVersion: v1\nkind: List\nitems: [1, {}]",
		head + "ConsentPolicyList\nitems: [{metadata: {name: a}}]", "a: !!binary x", "<<: [1]", "*a", "&a a: *a", "{{ .Values }}", "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {metadata: []}}",
		"apiVersion: ent.optup.dev/\nkind: Touchpoint\nmetadata: {name: \"a\\e[31m\", namespace: \"a\\nb\"}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var r Reader
		begin := time.Now()
		if err := r.Read("f", strings.NewReader(string(text))); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%d bytes take %v", len(text), took)
		}
		lines := 2
		for _, end := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} { // YAML 1.1 has five
			lines += strings.Count(string(text), end)
		}
		res := r.Result()
		for _, p := range res.Problems {
			if p.Line < 1 || p.Line > lines || p.Message == "" {
				t.Errorf("%s, of %d lines", p, lines)
			}
			if s := p.String(); strings.ContainsAny(s, "\n\x1b") {
				t.Errorf("%q", s)
			}
		}
		for i := range res.Documents {
			if _, err := json.Marshal(res.Documents[i].Content); err != nil {
				t.Error(err)
			}
		}
	})
}

var oneWord = regexp.MustCompile(`^[A-Za-z0-9_.+~-]+$`)

// FuzzScalar: a plain word stands for what it stands for in kubectl's library.
func FuzzScalar(f *testing.F) {
	for _, text := range []string{"1", "yes", "n", "0x1f", "1e5", ".5", "~", "2026-01-01", "1_0", "0b1", "0o7", "017", "-.inf", "1.", "+1", "1e400", "<<", "TRUE"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !oneWord.MatchString(text) {
			return
		}
		text = "a: " + text
		got, wrong := values(t, text)
		body, err := yaml.YAMLToJSON([]byte(text))
		var want map[string]any
		if err != nil || len(wrong) > 0 || decodeJSON(body, &want) != nil || want == nil {
			return
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q\ngot  %#v\nwant %#v", text, got, want)
		}
	})
}
