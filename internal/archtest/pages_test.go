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

// TestTheThreatModelNamesTestsThatExist: each test that it names is where it says. A name counts for the last package that was named
// before it in the same row; where none was, for any.
func TestTheThreatModelNamesTestsThatExist(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "threat-model.md"))
	if err != nil {
		t.Fatal(err)
	}
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
				t.Errorf("%s is not where the threat model says: %.120s", name, row)
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d tests were found in the table", named)
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
