package archtest

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// root is the repository, seen from this package.
const root = "../.."

func TestImportsKeepToTheLayers(t *testing.T) {
	packages, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	g, own := graphOf(packages)
	if !slices.Contains(own, ".") || !slices.Contains(own, "internal/ir") || g["internal/compile"] == nil {
		t.Fatalf("the module was not found at %s; its packages: %q", root, own)
	}
	for _, line := range append(checkImports(g, own), checkTests(testsOf(packages))...) {
		t.Error(line)
	}
}

func TestTestsKeepOffKubernetesWhereThePackageDoes(t *testing.T) {
	for name, test := range map[string]struct {
		tests graph
		want  string
	}{
		"a test of the ledger with a Kubernetes library": {graph{"internal/ledger/api": {"testing", "sigs.k8s.io/yaml"}}, "a test of internal/ledger/api imports sigs.k8s.io/yaml"},
		"a test of the controllers with one":             {graph{"controllers": {"k8s.io/api/core/v1"}}, ""},
		"a test of the ledger with another library":      {graph{"internal/ledger/api": {"go.yaml.in/yaml/v3"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(checkTests(test.tests), "\n"); (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("want %q, got %q", test.want, got)
			}
		})
	}
}

func TestSourcesKeepToTheHouseRules(t *testing.T) {
	broken, err := checkSources(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range broken {
		t.Error(line)
	}
}

func TestEveryLayerNamesPackagesThatExist(t *testing.T) {
	for _, l := range layers {
		for _, pkg := range l.packages {
			if _, err := os.Stat(root + "/" + pkg); err != nil && !slices.Contains(planned, pkg) {
				t.Errorf("%s names %s, which is not there", l.name, pkg)
			}
		}
	}
}

// planned are packages that have their place before they are written.
var planned = []string{}

func TestImportRulesAreSeenToFail(t *testing.T) {
	for name, test := range map[string]struct {
		graph graph
		// want is part of the only line; empty if nothing is broken.
		want string
	}{
		"a sound road from a binary to a contract":         {graph{"cmd/sidecar": {"internal/proxy"}, "internal/proxy": {"internal/decide"}, "internal/decide": {"internal/ir"}, "internal/ir": {"strings"}}, ""},
		"a package that nobody entered":                    {graph{"internal/novel": {"strings"}}, "internal/novel stands in no layer"},
		"a name that says nothing":                         {graph{"internal/proxy/utils": {"strings"}}, `"utils" says nothing`},
		"an import that goes up":                           {graph{"internal/decide": {"internal/proxy"}}, "imports go one way only"},
		"a contract that imports a pure function":          {graph{"internal/ir": {"internal/decide"}}, "imports go one way only"},
		"a product package that imports what tests use":    {graph{"internal/proxy": {"internal/testkit"}}, "for tests only"},
		"a test package may import anything":               {graph{"internal/testkit": {"k8s.io/api/core/v1", "internal/proxy"}}, ""},
		"a part that depends on the controllers":           {graph{"internal/distribute/server": {"controllers"}}, "which only the binaries import"},
		"the wiring of the operator imports controllers":   {graph{"internal/manager": {"controllers"}}, ""},
		"a pure package with a context":                    {graph{"internal/decide": {"context"}}, "a pure function ends by itself"},
		"a pure package with the network":                  {graph{"internal/compile": {"net"}}, "leave the network"},
		"a pure package with addresses as values":          {graph{"internal/compile": {"net/netip"}}, ""},
		"a contract with a library":                        {graph{"internal/consent": {"github.com/some/library"}}, "standard library alone"},
		"the filter with its processor":                    {graph{"internal/jsonfilter": {"golang.org/x/sys/cpu"}}, ""},
		"the filter with another library":                  {graph{"internal/jsonfilter": {"github.com/some/library"}}, "needs to know what the processor"},
		"API types that import internals":                  {graph{"api/v1alpha1": {"internal/ir"}}, "clients import the types"},
		"API types with a controller library":              {graph{"api/v1alpha1": {"sigs.k8s.io/controller-runtime"}}, "clients import the types"},
		"the demo shop that knows OptUp":                   {graph{"internal/shop": {"internal/consent"}}, "know nothing of OptUp"},
		"the sidecar that links Kubernetes by a detour":    {graph{"cmd/sidecar": {"internal/proxy"}, "internal/proxy": {"example.com/x"}, "example.com/x": {"k8s.io/api/core/v1"}}, "cmd/sidecar -> internal/proxy -> example.com/x -> k8s.io/api/core/v1"},
		"the ledger that links Kubernetes":                 {graph{"internal/ledger/api": {"sigs.k8s.io/yaml"}}, "link no Kubernetes library"},
		"tokens that need Kubernetes":                      {graph{"internal/identity": {"k8s.io/client-go/rest"}}, "link no Kubernetes library"},
		"the sidecar that links a database":                {graph{"cmd/sidecar": {"internal/ledger/store/sqlite"}}, "links no database driver"},
		"the ledger may link a database":                   {graph{"cmd/ledger": {"modernc.org/sqlite"}}, ""},
		"a binary that links a test package by a detour":   {graph{"cmd/ledger": {"example.com/x"}, "example.com/x": {"internal/testkit"}}, "no part of a binary"},
		"packages whose names merely begin like a layer's": {graph{"internal/irx": {"strings"}}, "stands in no layer"},
	} {
		t.Run(name, func(t *testing.T) {
			var own []string
			for pkg := range test.graph {
				if !external(pkg) {
					own = append(own, pkg)
				}
			}
			broken := strings.Join(checkImports(test.graph, own), "\n")
			if test.want == "" && broken != "" {
				t.Errorf("nothing is wrong with it, but: %s", broken)
			}
			if !strings.Contains(broken, test.want) {
				t.Errorf("want a line with %q, got %q", test.want, broken)
			}
		})
	}
}

func TestHouseRulesAreSeenToFail(t *testing.T) {
	long := "// Package long is long.\npackage long\n" + strings.Repeat("// line\n", maxLines)
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, test := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"a package with its doc.go":               {fstest.MapFS{"internal/x/doc.go": file("// Package x is for y.\npackage x\n"), "internal/x/a.go": file("package x\n")}, ""},
		"a package without one":                   {fstest.MapFS{"internal/x/a.go": file("// Package x is for y.\npackage x\n")}, "no doc.go says"},
		"a doc.go without a sentence":             {fstest.MapFS{"internal/x/doc.go": file("package x\n")}, "no doc.go says"},
		"a folder of tests only":                  {fstest.MapFS{"test/x/a_test.go": file("package x\n")}, ""},
		"a command that says it in main.go":       {fstest.MapFS{"cmd/x/main.go": file("// Command x does y.\npackage main\n")}, ""},
		"a command that says nothing":             {fstest.MapFS{"cmd/x/main.go": file("package main\n")}, "no doc.go says"},
		"a long file":                             {fstest.MapFS{"internal/long/doc.go": file(long)}, "more than 400"},
		"a long generated file":                   {fstest.MapFS{"internal/long/doc.go": file("// Code generated by x. DO NOT EDIT.\n\n" + long)}, ""},
		"a machine's path":                        {fstest.MapFS{"Makefile": file("STATE = /" + "work/state\n")}, "Makefile:1"},
		"a machine's path in quotes":              {fstest.MapFS{"a.yaml": file("home: \"/" + "root\"\n")}, "somebody's machine"},
		"somebody's home":                         {fstest.MapFS{"a.md": file("cd /" + "home/anna/optup\n")}, "somebody's machine"},
		"paths that merely look like it":          {fstest.MapFS{"a.md": file("internal/" + "workload, keys/" + "root, /" + "workloads, /" + "home\n")}, ""},
		"a registry's host":                       {fstest.MapFS{"a.yaml": file("image: ghcr" + ".io/x/y:1\n")}, "host of a registry"},
		"a proxy for modules":                     {fstest.MapFS{"Makefile": file("GOPROXY=https://proxy." + "golang.org\n")}, "host of a registry"},
		"a note to oneself":                       {fstest.MapFS{"a.sh": file("# TO" + "DO: later\n")}, "note to oneself"},
		"a word in code that is no note":          {fstest.MapFS{"a.sh": file("echo TO" + "DO\n")}, ""},
		"what tools wrote is left alone":          {fstest.MapFS{"go.sum": file("ghcr" + ".io v1\n"), "bin/x": file("/" + "work/x\n")}, ""},
		"a picture is left alone":                 {fstest.MapFS{"docs/a.png": file("\xff\xfe /" + "work/x\n")}, ""},
		"a pure package that reads the clock":     {fstest.MapFS{"internal/decide/doc.go": file("// Package decide is for y.\npackage decide\n\nimport \"time\"\n\nvar now = time.Now()\n")}, "uses time.Now"},
		"a pure package that computes with times": {fstest.MapFS{"internal/decide/doc.go": file("// Package decide is for y.\npackage decide\n\nimport \"time\"\n\nvar d = time.Hour\n")}, ""},
		"a test of a pure package may wait":       {fstest.MapFS{"internal/decide/a_test.go": file("package decide\n\nimport \"time\"\n\nvar now = time.Now()\n")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := checkSources(test.files)
			if err != nil {
				t.Fatal(err)
			}
			broken := strings.Join(lines, "\n")
			if test.want == "" && broken != "" {
				t.Errorf("nothing is wrong with it, but: %s", broken)
			}
			if !strings.Contains(broken, test.want) {
				t.Errorf("want a line with %q, got %q", test.want, broken)
			}
		})
	}
}
