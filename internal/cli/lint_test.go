package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const api = "apiVersion: consent.optup.dev/v1alpha1\nkind: "

// sound is a set of objects that belong together.
const sound = api + `DataPurpose
metadata: {name: newsletter}
spec:
  controller: A GmbH
  dpv: dpv:DirectMarketing
  texts: [{language: en, title: Newsletter}]
  legalGrounds: [consent]
  processing: [send]
  channels: [email]
  objection: DirectMarketing
  allowedNamespaces: {names: [default, m]}
---
` + api + `ConsentLedger
metadata: {name: main}
spec: {controller: A GmbH, storage: {sqlite: {size: 1Gi}}}
---
` + api + `DataService
metadata: {name: mail}
spec:
  hosts: [api.esp]
  ports: [{port: 80, protocol: HTTP}]
  party: {role: Processor}
  endpoints: [{name: send, methods: [POST], path: /send, processing: [send], channel: email, request: {addressees: [{each: "/to/*", type: email}]}}]
---
` + api + `ConsentNotice
metadata: {name: newsletter-v1}
spec:
  controller: A GmbH
  series: newsletter
  version: 1
  texts: [{language: en, text: I would like to receive news.}]
  covers: {purposes: [newsletter], processing: [send], channels: [email]}
---
`

func policyOf(spec string) string {
	return api + "ConsentPolicy\nmetadata: {name: p}\nspec:\n  rules:\n  - name: a\n    purpose: newsletter\n    service: {name: mail}\n    endpoints: [send]\n" + spec
}

func TestLint(t *testing.T) {
	// line is the first of a policy behind sound.
	line := strings.Count(sound, "\n") + 1
	at := func(line, column int, rest string) string { return fmt.Sprintf("-:%d:%d: %s", line, column, rest) }
	for name, tt := range map[string]struct {
		text    string
		options LintOptions
		// want are the lines; one that ends in "..." is given by its beginning. The summary is left out.
		want []string
	}{
		"nothing is wrong": {policyOf(""), LintOptions{}, nil},
		"a field that nobody knows": {
			policyOf("    onMising: Deny\n"), LintOptions{}, []string{at(line+9, 5, "error: ConsentPolicy default/p: spec.rules[0].onMising: unknown field; did you mean onMissing?")},
		},
		"what the API server refuses": {
			policyOf("    onMissing: Drop\n"), LintOptions{}, []string{at(line+9, 5, `error: ConsentPolicy default/p: spec.rules[0].onMissing: Unsupported value: "Drop"...`)},
		},
		"a rule of the definition": {
			policyOf("  freshnessBound: 1s\n"), LintOptions{}, []string{at(line+9, 3, "error: ConsentPolicy default/p: spec.freshnessBound: Invalid value: \"1s\": freshnessBound lies between 5s and 1h")},
		},
		"another type is said once": {
			policyOf("    onMissing: 7\n"), LintOptions{}, []string{at(line+9, 5, "error: ConsentPolicy default/p: spec.rules[0].onMissing: must be text, and is a number; put it in quotes")},
		},
		"what the compiler finds": {
			strings.Replace(policyOf(""), "purpose: newsletter", "purpose: newsleter", 1),
			LintOptions{},
			[]string{at(line+6, 5, `error: ConsentPolicy default/p: spec.rules[0].purpose: DataPurpose "newsleter" does not exist...`)},
		},
		"what the compiler warns of": {
			policyOf("    onMissing: DropRecord\n"), LintOptions{}, []string{at(line+9, 5, `warning: ConsentPolicy default/p: spec.rules[0].onMissing: No endpoint of rule "a" has records...`)},
		},
		"in another namespace": {
			strings.Replace(policyOf(""), "service: {name: mail}", "service: {namespace: default, name: mail}", 1),
			LintOptions{Namespace: "m"},
			[]string{at(line+7, 5, `error: ConsentPolicy m/p: spec.rules[0].service: DataService "default/mail" does not exist...`)},
		},
		"each object alone": {strings.Replace(policyOf(""), "purpose: newsletter", "purpose: newsleter", 1), LintOptions{Alone: true}, nil},
		"a document that cannot be read hides no other mistake, and makes nothing dangle": {
			strings.Replace(policyOf("    onMising: Deny\n"), "purpose: newsletter", "purpose: other", 1) + "---\na: [\n",
			LintOptions{},
			[]string{
				at(line+9, 5, "error: ConsentPolicy default/p: spec.rules[0].onMising: unknown field; did you mean onMissing?"),
				at(line+12, 1, "error: is no YAML: did not find expected node content, while parsing a flow node from line..."),
			},
		},
		"a value that could not be read is not missed": {
			api + "DataPurpose\nmetadata: {name: x}\nspec:\n  controller: 7\n  dpv: dpv:X\n  texts: [{language: en, title: T}]\n  legalGrounds: [contract]\n  processing: [show]\n  objection: None\n",
			LintOptions{},
			[]string{at(line+4, 3, "error: DataPurpose x: spec.controller: must be text, and is a number; put it in quotes")},
		},
		"one object twice": {
			policyOf("") + "---\n" + policyOf(""),
			LintOptions{},
			[]string{at(line+12, 12, fmt.Sprintf("warning: ConsentPolicy default/p: metadata.name: takes the place of the one at -:%d:1, which does not count", line))},
		},
		"a namespace where there is none": {
			strings.Replace(sound[:strings.Index(sound, "---")], "name: newsletter", "name: newsletter, namespace: m", 1) + "---\n" + policyOf(""),
			LintOptions{},
			[]string{
				at(line+2, 12, "warning: DataPurpose newsletter: metadata.name: takes the place of the one at -:1:1, which does not count"),
				at(line+2, 30, "warning: DataPurpose newsletter: metadata.namespace: does not count: a DataPurpose stands in no namespace"),
			},
		},
		"an object of a list": {
			"apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(policyOf("  freshnessBound: 1s\n"), "\n", "\n  ") + "\n",
			LintOptions{},
			[]string{at(line+12, 5, "error: ConsentPolicy default/p: spec.freshnessBound: Invalid value: \"1s\": freshnessBound...")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tt.options.Files, tt.options.Input = []string{"-"}, strings.NewReader(sound+tt.text)
			l, err := Lint(t.Context(), tt.options)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := PrintLinted(&out, l); err != nil {
				t.Fatal(err)
			}
			got := strings.Split(strings.TrimSpace(out.String()), "\n")
			got = got[:len(got)-1]
			if !slices.EqualFunc(got, tt.want, func(got, want string) bool {
				start, open := strings.CutSuffix(want, "...")
				return got == want || open && strings.HasPrefix(got, start)
			}) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if l.Errors+l.Warnings != len(tt.want) || l.Bad(true) != (len(tt.want) > 0) || l.Bad(false) != (l.Errors > 0) {
				t.Errorf("%+v", l)
			}
		})
	}
}

func TestLintReadsFoldersInOrder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a/sound.yaml", sound)
	write("z.yml", policyOf("    onMising: Deny\n"))
	write("b.yaml", api+"ConsentPolcy\nmetadata: {name: p}\n")
	write("kustomization.yaml", "resources: []\n")
	l, err := Lint(t.Context(), LintOptions{Files: []string{dir}})
	if err != nil || l.Files != 3 || len(l.Remarks) != 2 || l.Remarks[0].File != filepath.Join(dir, "b.yaml") || l.Remarks[1].File != filepath.Join(dir, "z.yml") || !l.Incomplete {
		t.Fatalf("%+v, %v", l, err)
	}
	for _, f := range []string{filepath.Join(dir, "absent.yaml"), t.TempDir()} {
		if _, err := Lint(t.Context(), LintOptions{Files: []string{f}}); err == nil || !strings.Contains(err.Error(), f) {
			t.Errorf("%v", err)
		}
	}
}

func TestSamplesAndCorpusAreClean(t *testing.T) {
	worlds, err := filepath.Glob(corpus + "/bases/*.yaml")
	if err != nil || len(worlds) == 0 {
		t.Fatalf("%q, %v", worlds, err)
	}
	// Two worlds add to others.
	with := map[string]string{corpus + "/bases/devices.yaml": corpus + "/bases/shop.yaml", corpus + "/bases/transfers.yaml": corpus + "/bases/adnetwork.yaml"}
	for _, world := range append(worlds, "../../config/samples") {
		files := []string{world}
		if base := with[world]; base != "" {
			files = []string{base, world}
		}
		l, err := Lint(t.Context(), LintOptions{Files: files})
		if err != nil || l.Errors > 0 || l.Objects == 0 {
			t.Errorf("%s: %+v, %v", world, l, err)
		}
	}
}

func TestPrintLinted(t *testing.T) {
	l := Linted{Files: 1, Objects: 2, Errors: 1, Warnings: 1, Incomplete: true, Remarks: []Remark{
		{Place{"a,b.yaml", 3, 5}, SeverityError, "ConsentPolicy m/p", "spec.rules[0]", "PurposeNotFound", "100% wrong\nin two lines"},
		{Place{}, SeverityWarning, "SidecarConfig m/x", "", "", "no file"},
	}}
	print := func(f func(*bytes.Buffer) error) string {
		t.Helper()
		var out bytes.Buffer
		if err := f(&out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for name, tt := range map[string]struct{ got, want string }{
		"plain": {
			print(func(w *bytes.Buffer) error { return PrintLinted(w, l) }),
			"a,b.yaml:3:5: error: ConsentPolicy m/p: spec.rules[0]: 100% wrong in two lines\nwarning: SidecarConfig m/x: no file\n" +
				"2 objects in 1 file: 1 error, 1 warning; what objects refer to was not checked, since not every document could be read\n",
		},
		"colours": {
			print(func(w *bytes.Buffer) error { return PrintLinted(colored{w}, Linted{Remarks: l.Remarks[1:]}) }),
			"\x1b[33mwarning\x1b[0m: SidecarConfig m/x: no file\n0 objects in 0 files: 0 errors, 0 warnings\n",
		},
		"GitHub": {
			print(func(w *bytes.Buffer) error { return PrintLintedForGitHub(w, l) }),
			"::error file=a%2Cb.yaml,line=3,col=5::ConsentPolicy m/p: spec.rules[0]: 100%25 wrong in two lines\n::warning::SidecarConfig m/x: no file\n",
		},
	} {
		if tt.got != tt.want {
			t.Errorf("%s\ngot  %q\nwant %q", name, tt.got, tt.want)
		}
	}
	body := print(func(w *bytes.Buffer) error { return PrintJSON(w, l) })
	var flat struct {
		Remarks []map[string]any `json:"remarks"`
	}
	if err := json.Unmarshal([]byte(body), &flat); err != nil || flat.Remarks[0]["line"] != 3.0 || flat.Remarks[0]["code"] != "PurposeNotFound" || flat.Remarks[1]["file"] != nil {
		t.Errorf("%s, %v", body, err)
	}
}

func TestFindingsOfCompileHaveAPlace(t *testing.T) {
	c, err := Compile(CompileOptions{Files: []string{corpus + "/bases/shop.yaml", dangling}})
	if err != nil || len(c.Findings) == 0 || c.Findings[0].File != filepath.Clean(dangling) && c.Findings[0].File != dangling || c.Findings[0].Line == 0 {
		t.Fatalf("%+v, %v", c.Findings, err)
	}
	var out bytes.Buffer
	if err := PrintFindings(&out, c); err != nil || !strings.HasPrefix(out.String(), fmt.Sprintf("%s:%d:%d: ConsentPolicy ", dangling, c.Findings[0].Line, c.Findings[0].Column)) {
		t.Errorf("%s, %v", out.String(), err)
	}
}

func BenchmarkLint(b *testing.B) {
	dir := b.TempDir()
	for i := range 200 {
		text := strings.NewReplacer("name: newsletter}", fmt.Sprintf("name: newsletter-%d}", i), "name: mail}", fmt.Sprintf("name: mail-%d}", i), "[api.esp]", fmt.Sprintf("[api%d.esp]", i)).Replace(sound)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.yaml", i)), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if l, err := Lint(b.Context(), LintOptions{Files: []string{dir}}); err != nil || l.Files != 200 {
			b.Fatal(err)
		}
	}
}

// FuzzLint: whatever the bytes, there are remarks, from reading to compiling.
func FuzzLint(f *testing.F) {
	f.Add([]byte(sound + policyOf("")))
	f.Add([]byte(policyOf("    onMising: Deny\n  freshnessBound: 1s\n")))
	f.Add([]byte(api + "Touchpoint\nmetadata: {name: t}\nspec: {}\n---\n" + api + "EnforcementExemption\nmetadata: {name: e}\nspec: {}\n"))
	for _, pattern := range []string{"../../config/samples/*.yaml", corpus + "/bases/*.yaml"} {
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
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Lint(t.Context(), LintOptions{Files: []string{"-"}, Input: bytes.NewReader(text)})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := PrintLinted(&out, l); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != len(l.Remarks)+1 {
			t.Errorf("%s%v", out.String(), err)
		}
	})
}
