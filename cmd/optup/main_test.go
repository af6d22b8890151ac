package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// run gives what a command line prints and how it ends.
func run(t *testing.T, stdin string, args ...string) (string, string, error) {
	t.Helper()
	var out, wrong bytes.Buffer
	c := command()
	c.SetArgs(args)
	c.SetIn(strings.NewReader(stdin))
	c.SetOut(&out)
	c.SetErr(&wrong)
	err := c.ExecuteContext(t.Context())
	return out.String(), wrong.String(), err
}

func TestEveryCommandHelps(t *testing.T) {
	var walk func(*cobra.Command)
	seen := 0
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if !c.Runnable() || c.Name() == "help" || c.Parent().Name() == "completion" {
			return
		}
		seen++
		if c.Short == "" || c.Example == "" {
			t.Errorf("%s says too little", c.CommandPath())
		}
		if !strings.Contains(c.Long, "\nExit codes:\n  0  ") || !strings.HasSuffix(c.Long, "\n  2  the command could not do its work") {
			t.Errorf("%s does not say how it ends", c.CommandPath())
		}
		for _, line := range strings.Split(c.Example, "\n") {
			if !strings.HasPrefix(line, "  optup ") && !strings.Contains(line, "| optup ") {
				t.Errorf("%s: example %q", c.CommandPath(), line)
			}
		}
	}
	walk(command())
	if seen < 10 {
		t.Errorf("only %d commands", seen)
	}
}

func TestEndings(t *testing.T) {
	const corpus = "../../test/corpus"
	dangling := corpus + "/purpose/a-rule-whose-purpose-is-missing-denies-and-says-so/input.yaml"
	const api = "../../internal/openapi/testdata/crm.yaml"
	shop := corpus + "/bases/shop.yaml"
	ask := func(more ...string) []string { return append([]string{"-f", shop, "--url"}, more...) }
	report := filepath.Join(t.TempDir(), "report.xml")
	for name, tt := range map[string]struct {
		args  []string
		found bool   // exit code 1
		wrong string // part of the error of exit code 2
		out   string
	}{
		"tests that pass":                 {[]string{"test", corpus}, false, "", " 0 failed"},
		"tests that are not there":        {[]string{"test", t.TempDir()}, false, "no case", ""},
		"an expression that is none":      {[]string{"test", corpus, "--run", "("}, false, "--run", ""},
		"files to check that are sound":   {[]string{"lint", shop, "--strict"}, false, "", " 0 errors, 0 warnings"},
		"files to check that are not":     {[]string{"lint", dangling}, true, "", "error: ConsentPolicy"},
		"for GitHub":                      {[]string{"lint", dangling, "-o", "github"}, true, "", "::error file="},
		"GitHub is for lint":              {[]string{"version", "-o", "github"}, false, "text or json", ""},
		"a file that is not there":        {[]string{"lint", "absent.yaml"}, false, "absent.yaml", ""},
		"nothing to check":                {[]string{"lint"}, false, "at least 1", ""},
		"sound files":                     {[]string{"compile", "-f", corpus + "/bases/shop.yaml", "--strict"}, false, "", "Deployment/mailer"},
		"findings":                        {[]string{"compile", "-f", corpus + "/bases", "-f", dangling}, false, "", "Deployment/mailer"},
		"findings, strictly":              {[]string{"compile", "-f", corpus + "/bases", "-f", dangling, "--strict"}, true, "", "Deployment/mailer"},
		"one bundle":                      {[]string{"compile", "-f", corpus + "/bases", "--workload", "Deployment/mailer"}, false, "", `{"schema":1,`},
		"no file":                         {[]string{"compile"}, false, "filename", ""},
		"an output that is none":          {[]string{"version", "-o", "yaml"}, false, "text or json", ""},
		"the version":                     {[]string{"version"}, false, "", "consent.optup.dev/v1alpha1"},
		"an API to import":                {[]string{"import", "openapi", api, "--name", "crm", "-n", "shop"}, false, "", "metadata: {name: crm, namespace: shop}"},
		"an API to import, as JSON":       {[]string{"import", "openapi", api, "-o", "json"}, false, "", `"what": "undeclared"`},
		"an API to import in part":        {[]string{"import", "openapi", api, "--path", "/nowhere/*"}, false, "none of the document's 9 operations", ""},
		"a confidence that is none":       {[]string{"import", "openapi", api, "--min-confidence", "some"}, false, "low, medium or high", ""},
		"an API that is not there":        {[]string{"import", "openapi", "none.yaml"}, false, "none.yaml", ""},
		"a ledger to purge, abbreviated":  {[]string{"uninstall", "--yes", "--purge-ledgers", "main"}, false, "full name", ""},
		"a ledger that is not named":      {[]string{"ledger", "head"}, false, "which ledger", ""},
		"a ledger named twice":            {[]string{"ledger", "head", "--ledger", "https://x", "-n", "consent"}, false, "not both", ""},
		"an objection to nothing":         {[]string{"ledger", "object", "--scope", "channel", "--ledger", "https://x"}, false, "a channel", ""},
		"a withdrawal of nothing":         {[]string{"ledger", "withdraw", "--ledger", "https://x"}, false, "a purpose", ""},
		"tests, quietly":                  {[]string{"test", corpus, "-q", "--junit", report, "--color", "always"}, false, "", " 0 failed"},
		"a report that cannot be written": {[]string{"test", corpus, "-q", "--junit", t.TempDir()}, false, "--junit", ""},
		"a colour that is none":           {[]string{"version", "--color", "red"}, false, "auto, always or never", ""},
		"a request that is permitted":     {append([]string{"decide"}, ask("http://customers.crm/v1/customers")...), false, "", "PERMIT: "},
		"a request that is denied":        {append([]string{"decide"}, ask("http://example.org/")...), true, "", "HOST_UNDECLARED"},
		"a request that is none":          {append([]string{"decide"}, ask("example")...), false, "--url", ""},
		"a denial, explained":             {append([]string{"explain"}, ask("http://example.org/")...), false, "", "no  host"},
		"a test, explained":               {[]string{"explain", corpus, "--run", "^objection/"}, false, "", "Person 1 of 1"},
		"tests, explained as JSON":        {[]string{"explain", corpus, "--run", "^objection/", "-o", "json"}, false, "", `"gate": "restriction"`},
		"tests and a request":             {append([]string{"explain", corpus}, ask("http://x/")...), false, "not both", ""},
		"the same manifests":              {[]string{"diff", shop, shop, "--corpus", corpus}, false, "", "0 newly permitted"},
		"other manifests":                 {[]string{"diff", corpus + "/bases", dangling, "--corpus", corpus, "--keep-bases"}, true, "", "newly denied"},
		"manifests that are not there":    {[]string{"diff", shop, "absent.yaml", "--corpus", corpus}, false, "absent.yaml", ""},
		"a diff over nothing":             {[]string{"diff", shop, shop}, false, "corpus", ""},
		"completion":                      {[]string{"completion", "bash"}, false, "", "__start_optup"},
		"the workloads of files":          {[]string{"__complete", "decide", "-f", shop, "--workload", "Dep"}, false, "", "Deployment/mailer"},
		"the outputs":                     {[]string{"__complete", "decide", "-o", ""}, false, "", "json"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := run(t, "", tt.args...)
			switch {
			case tt.found != errors.Is(err, errFound):
				t.Errorf("found: %v", err)
			case !tt.found && (err == nil) != (tt.wrong == ""), tt.wrong != "" && !strings.Contains(err.Error(), tt.wrong):
				t.Errorf("error %v, want %q", err, tt.wrong)
			case !strings.Contains(out, tt.out):
				t.Errorf("printed %q", out)
			}
		})
	}
}

// TestPeopleAreNoArguments: arguments stay in histories and process lists.
func TestPeopleAreNoArguments(t *testing.T) {
	for _, name := range []string{"withdraw", "object", "lookup"} {
		if _, _, err := run(t, "", "ledger", name, "anna@example.org", "--purpose", "x"); err == nil {
			t.Errorf("%s takes a person as an argument", name)
		}
	}
	_, _, err := run(t, "anna at home\n", "ledger", "lookup", "--ledger", "https://x", "--token-file", "x")
	if err == nil || !strings.Contains(err.Error(), "no identifier") || strings.Contains(err.Error(), "anna") {
		t.Errorf("%v", err)
	}
}

func TestAFileIsNamedByItsContent(t *testing.T) {
	var keys []string
	for _, text := range []string{"a", "a", "b"} {
		name := filepath.Join(t.TempDir(), "x.csv")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		key, err := contentKey(f)
		if err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(f); err != nil || string(rest) != text {
			t.Errorf("%q is left to send, %v", rest, err)
		}
		keys = append(keys, key)
	}
	if keys[0] != keys[1] || slices.Contains(keys[:2], keys[2]) || len(keys[0]) > 255 {
		t.Errorf("%q", keys)
	}
}

func TestStandardInputIsChecked(t *testing.T) {
	const twice = "apiVersion: v1\nkind: Namespace\nmetadata: {name: m}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: m}\n"
	for _, strict := range []bool{false, true} {
		out, _, err := run(t, twice, "lint", "-", "--strict="+strconv.FormatBool(strict))
		if !strings.HasPrefix(out, "-:7:12: warning: Namespace m: metadata.name: ") || errors.Is(err, errFound) != strict || strings.Contains(out, "\x1b") {
			t.Errorf("%s%v", out, err)
		}
	}
}

func TestCompletion(t *testing.T) {
	const bases = "../../test/corpus/bases"
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"shells":             {[]string{"completion", "bash"}, "__start_optup"},
		"files of lint":      {[]string{"__complete", "lint", ""}, "yaml\nyml\n:8\n"},
		"outputs":            {[]string{"__complete", "version", "-o", ""}, "text\njson\n:4\n"},
		"outputs of lint":    {[]string{"__complete", "lint", "-o", ""}, "github\n"},
		"workloads":          {[]string{"__complete", "compile", "-f", bases, "--workload", ""}, "Deployment/mailer\n"},
		"namespaces":         {[]string{"__complete", "compile", "-f", bases, "-n", ""}, "marketing\n"},
		"nothing to compile": {[]string{"__complete", "compile", "-f", "absent", "-n", ""}, ":4\n"},
	} {
		if out, _, err := run(t, "", tt.args...); err != nil || !strings.Contains(out, tt.want) {
			t.Errorf("%s: %s%v", name, out, err)
		}
	}
}
