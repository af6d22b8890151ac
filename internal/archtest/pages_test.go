package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	namedTest    = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
	namedPackage = regexp.MustCompile("`((?:internal|cmd|controllers|api|test)(?:/[a-z0-9/]+)?)`")
	declaredTest = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
)

var namedFile = regexp.MustCompile("`([a-z][a-z0-9_/]*\\.(?:go|json|js|proto))`")

// TestPagesNameTestsThatExist: each test that the threat model and the page on architecture name is where they say. A name counts for the
// last package that was named before it in the same row; where none was, for any.
func TestPagesNameTestsThatExist(t *testing.T) {
	root := filepath.Join("..", "..")
	everywhere := map[string]bool{}
	for _, dir := range []string{"internal", "cmd", "controllers", "api", "test"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				for name := range testsIn(t, path) {
					everywhere[name] = true
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for page, least := range map[string]int{"threat-model.md": 50, "architecture.md": 50} {
		text, err := os.ReadFile(filepath.Join(root, "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		named := 0
		for _, row := range strings.Split(string(text), "\n") {
			tests := everywhere
			at := 0
			for _, m := range namedTest.FindAllStringIndex(row, -1) {
				if p := namedPackage.FindAllStringSubmatch(row[at:m[0]], -1); len(p) > 0 {
					tests = testsIn(t, filepath.Join(root, p[len(p)-1][1]))
				}
				at = m[0]
				named++
				if name := row[m[0]:m[1]]; !tests[name] && (len(tests) > 0 || !everywhere[name]) {
					t.Errorf("%s is not where %s says: %.120s", name, page, row)
				}
			}
		}
		if named < least {
			t.Errorf("only %d tests were found in %s", named, page)
		}
	}
}

// TestTheArchitectureNamesPlacesThatExist: packages, and files within one of the packages of their row.
func TestTheArchitectureNamesPlacesThatExist(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	packages, files := 0, 0
	for _, row := range strings.Split(string(text), "\n") {
		var within []string
		for _, m := range namedPackage.FindAllStringSubmatch(row, -1) {
			packages++
			if info, err := os.Stat(filepath.Join(root, m[1])); err != nil || !info.IsDir() {
				t.Errorf("there is no package %s: %.120s", m[1], row)
			}
			within = append(within, m[1])
		}
		for _, m := range namedFile.FindAllStringSubmatch(row, -1) {
			files++
			found := false
			for _, p := range append(within, "") {
				_, err := os.Stat(filepath.Join(root, p, m[1]))
				found = found || err == nil
			}
			if !found {
				t.Errorf("there is no %s in %v: %.120s", m[1], within, row)
			}
		}
	}
	if packages < 100 || files < 100 {
		t.Errorf("only %d packages and %d files were found", packages, files)
	}
}

// testsIn are the tests that the files of a folder declare.
func testsIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declaredTest.FindAllStringSubmatch(string(text), -1) {
			out[m[1]] = true
		}
	}
	return out
}
