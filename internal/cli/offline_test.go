package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/optup/optup/internal/ir"
)

const (
	corpus   = "../../test/corpus"
	dangling = corpus + "/purpose/a-rule-whose-purpose-is-missing-denies-and-says-so/input.yaml"
)

func TestCompile(t *testing.T) {
	c, err := Compile(CompileOptions{Files: []string{corpus + "/bases/shop.yaml"}})
	if err != nil || len(c.Findings) != 0 || len(c.Bundles) != 2 {
		t.Fatalf("%d bundles, %v, %v", len(c.Bundles), c.Findings, err)
	}
	for _, b := range c.Bundles {
		if ir.Hash(b.Bundle) != b.Hash {
			t.Errorf("%s: the hash is not that of the bundle", b.Workload)
		}
		if _, err := ir.Decode(b.Bundle); err != nil {
			t.Errorf("%s: %v", b.Workload, err)
		}
	}
	var out bytes.Buffer
	if err := PrintCompiled(&out, c); err != nil || !strings.Contains(out.String(), "Deployment/mailer") || !strings.Contains(out.String(), c.Bundles[0].Hash) {
		t.Errorf("%s%v", out.String(), err)
	}
}

func TestCompileLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		options CompileOptions
		want    []string
		wrong   string
	}{
		"one workload":                      {CompileOptions{Namespace: "marketing", Workload: "Deployment/mailer"}, []string{"Deployment/mailer"}, ""},
		"a ledger":                          {CompileOptions{Workload: "ConsentLedger/main"}, []string{"ConsentLedger/main"}, ""},
		"one namespace":                     {CompileOptions{Namespace: "consent"}, []string{"ConsentLedger/main"}, ""},
		"a workload that nobody names":      {CompileOptions{Namespace: "marketing", Workload: "Deployment/x"}, nil, "no such workload"},
		"a namespace that nobody governs":   {CompileOptions{Namespace: "crm", Workload: "Deployment/x"}, nil, "label consent.optup.dev/mode"},
		"a finding, with the bundle anyway": {CompileOptions{Files: []string{dangling}, Namespace: "marketing"}, []string{"Deployment/mailer"}, "PurposeNotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.options.Files = append([]string{corpus + "/bases/shop.yaml"}, tt.options.Files...)
			c, err := Compile(tt.options)
			var got []string
			for _, b := range c.Bundles {
				got = append(got, b.Workload)
			}
			var out bytes.Buffer
			if err := PrintFindings(&out, c); err != nil {
				t.Fatal(err)
			}
			if err != nil {
				out.WriteString(err.Error())
			}
			if !slices.Equal(got, tt.want) || !strings.Contains(out.String(), tt.wrong) || (tt.wrong == "" && out.Len() > 0) {
				t.Errorf("%q, %s", got, out.String())
			}
		})
	}
}

const policyOnly = `
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentPolicy
metadata: {name: p}
spec:
  targetRefs: [{kind: Job, name: nightly}]
  ungoverned: {action: Deny}
`

func TestCompileKnowsWorkloadsThatPoliciesName(t *testing.T) {
	governed := "apiVersion: v1\nkind: Namespace\nmetadata: {name: sales, labels: {consent.optup.dev/mode: enforce}}\n---"
	c, err := Compile(CompileOptions{Files: []string{"-"}, Input: strings.NewReader(governed + policyOnly), Namespace: "sales"})
	if err != nil || len(c.Bundles) != 1 || c.Bundles[0].Workload != "Job/nightly" {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = Compile(CompileOptions{Files: []string{"-"}, Input: strings.NewReader(policyOnly)})
	if err != nil || len(c.Bundles) != 0 || !slices.Equal(c.Ungoverned, []string{"default"}) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestCompileRefusesWhatItCannotRead(t *testing.T) {
	empty := t.TempDir()
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("apiVersion: consent.optup.dev/v1alpha1\nkind: ConsentPolicy\nmetadata: {name: p}\nspec: {moode: Enforce}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"absent.yaml", empty, bad} {
		if _, err := Compile(CompileOptions{Files: []string{f}}); err == nil || !strings.Contains(err.Error(), filepath.Base(f)) {
			t.Errorf("%s: %v", f, err)
		}
	}
	if _, err := Compile(CompileOptions{Files: []string{"../../config/samples"}}); err != nil {
		t.Errorf("what the operator wrote is in the way: %v", err)
	}
}

// TestCorpus runs the repository's own scenarios as anybody would run theirs.
func TestCorpus(t *testing.T) {
	all, err := Test(os.DirFS(corpus), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Errorf("only %d decisions", len(all))
	}
	for _, x := range all {
		if !x.Passed {
			t.Errorf("%s/%s: %q", x.Case, x.Decision, x.Differences)
		}
	}
	some, err := Test(os.DirFS(corpus), regexp.MustCompile("^objection/"))
	if err != nil || len(some) == 0 || len(some) >= len(all) {
		t.Errorf("%d of %d, %v", len(some), len(all), err)
	}
}

func TestAFailureIsPrintedWithItsReason(t *testing.T) {
	base, err := os.ReadFile(corpus + "/bases/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	folder := fstest.MapFS{
		"bases/shop.yaml":                   {Data: base},
		"a/newsletters-go/case.yaml":        {Data: []byte("uses: [shop]\nwhy: somebody thinks so\n")},
		"a/newsletters-go/decisions.yaml":   {Data: []byte("workload: Deployment/mailer\ndecisions:\n- name: without consent\n  request: {method: POST, host: api.esp, path: /v3/mail/send, body: {template_id: d-newsletter, personalizations: [{to: [{email: x@example.org}]}]}}\n  expect: {effect: permit}\n")},
		"a/nobody-is-there/case.yaml":       {Data: []byte("uses: [shop]\n")},
		"a/nobody-is-there/decisions.yaml":  {Data: []byte("workload: Deployment/x\ndecisions: []\n")},
		"a/nothing-is-asked/case.yaml":      {Data: []byte("uses: [shop]\n")},
		"a/nothing-is-asked/decisions.yaml": {Data: []byte("workload: Deployment/mailer\ndecisions: []\n")},
	}
	all, err := Test(folder, nil)
	if err != nil || len(all) != 2 || TestsFailed(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	var out bytes.Buffer
	if err := PrintTested(&out, all, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"FAIL  without consent", `effect is "permit-filtered", expected "permit"`, "expected because: somebody thinks so", "the case cannot be run", `no bundle for the workload "Deployment/x"`, "0 passed, 2 failed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	for name, f := range map[string]fstest.MapFS{"nothing": {}, "only empty cases": {
		"bases/shop.yaml": {Data: base}, "a/b/case.yaml": {Data: []byte("uses: [shop]\n")}, "a/b/decisions.yaml": {Data: []byte("workload: Deployment/mailer\n")},
	}} {
		if _, err := Test(f, nil); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}
