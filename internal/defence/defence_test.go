package defence

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// all are the defences by the name of their tag.
var all = map[string]bool{
	"absent":      Absent,
	"charset":     Charset,
	"coding":      Coding,
	"each":        Each,
	"endpoint":    Endpoint,
	"fields":      Fields,
	"identifiers": Identifiers,
	"lists":       Lists,
	"nameless":    Nameless,
	"names":       Names,
	"override":    Override,
	"path":        Path,
	"query":       Query,
	"ranges":      Ranges,
	"telling":     Telling,
	"types":       Types,
}

func TestEveryDefenceIsOn(t *testing.T) {
	for name, on := range all {
		if !on {
			t.Errorf("%s is off in an ordinary build", name)
		}
	}
	files, err := filepath.Glob("*_off.go")
	if err != nil || len(files) != len(all) {
		t.Errorf("%d files turn a defence off, and %d defences are named here: %v", len(files), len(all), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(f, "_off.go")
		text, err := os.ReadFile(f)
		if err != nil || !strings.HasPrefix(string(text), "//go:build defect_"+name+"\n") {
			t.Errorf("%s does not need the tag defect_%s: %v", f, name, err)
		}
	}
}

// TestNoBuildOfTheProductTurnsADefenceOff reads everything that builds: the Makefile, what makes images and charts, and CI. No tag of a
// defence stands in it, and where the product's programs are built no tag at all.
func TestNoBuildOfTheProductTurnsADefenceOff(t *testing.T) {
	defects, tags := regexp.MustCompile(`defect_`), regexp.MustCompile(`-tags|defect_`)
	seen := 0
	for _, root := range []string{"../../Makefile", "../../hack", "../../charts", "../../config", "../../.ci"} {
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(name)
			never := defects // programs of others, which hack builds, have tags of their own
			if filepath.Ext(name) != ".go" {
				never = tags
			}
			if seen++; never.Match(text) {
				t.Errorf("%s names build tags", name)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if seen < 10 {
		t.Errorf("only %d files were read", seen)
	}
	if flags := os.Getenv("GOFLAGS"); tags.MatchString(flags) {
		t.Errorf("GOFLAGS is %q", flags)
	}
}
