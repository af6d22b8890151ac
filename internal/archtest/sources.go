package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxLines is the longest that a Go file written by hand may be.
const maxLines = 400

// skipped are folders that hold nothing written by hand.
var skipped = []string{".git", "bin", "dist", "node_modules"}

// skippedFiles are made by tools, or quoted word for word. In a work tree of its own, .git is a file.
var skippedFiles = []string{"go.sum", "LICENSE", ".git"}

// generated is how a generated Go file says so (go help generate).
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// banned are texts that no file of the repository holds, each with the reason.
var banned = []struct {
	what    *regexp.Regexp
	because string
}{
	{
		regexp.MustCompile(`(?:^|[^\w./-])/(?:work|root)(?:/|["'` + "`" + `\s:]|$)|(?:^|[^\w./-])/(?:home|Users)/\w+/`),
		"is a path of somebody's machine; take paths from flags, the environment or the repository's root",
	},
	{
		regexp.MustCompile(`\b(?:(?:index\.|registry-1\.)?docker\.io|ghcr\.io|quay\.io|gcr\.io|mcr\.microsoft\.com|registry\.k8s\.io|` +
			`public\.ecr\.aws|(?:proxy|sum)\.golang\.org|goproxy\.\w+|registry\.npmjs\.org|pypi\.org)\b`),
		"is the host of a registry; whoever installs says where images and modules come from",
	},
	{
		regexp.MustCompile(`(?://|#|/\*|<!--).*\b(?:TO` + `DO|FIX` + `ME|XX` + `X)\b`),
		"is a note to oneself; do it, or leave it out",
	},
}

// checkSources returns one plain-English line for everything in the files of the repository that breaks a house rule, sorted.
func checkSources(root fs.FS) ([]string, error) {
	var broken []string
	packages := map[string][]string{}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(skipped, entry.Name()):
			return fs.SkipDir
		case !entry.Type().IsRegular() || slices.Contains(skippedFiles, entry.Name()):
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if !utf8.Valid(text) {
			return nil // a picture or an archive
		}
		broken = append(broken, checkText(name, text)...)
		if path.Ext(name) != ".go" {
			return nil
		}
		broken = append(broken, checkLength(name, text)...)
		if !strings.HasSuffix(name, "_test.go") {
			broken = append(broken, checkClock(name, text)...)
			packages[path.Dir(name)] = append(packages[path.Dir(name)], path.Base(name))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for dir, files := range packages {
		found, err := checkDoc(root, dir, files)
		if err != nil {
			return nil, err
		}
		broken = append(broken, found...)
	}
	slices.Sort(broken)
	return broken, nil
}

// checkText finds what no file may hold.
func checkText(name string, text []byte) []string {
	var broken []string
	for number, line := range bytes.Split(text, []byte("\n")) {
		for _, rule := range banned {
			if found := rule.what.Find(line); found != nil {
				broken = append(broken, fmt.Sprintf("%s:%d: %q %s", name, number+1, bytes.TrimSpace(found), rule.because))
			}
		}
	}
	return broken
}

// checkLength finds files that are too long to be read at once.
func checkLength(name string, text []byte) []string {
	lines := bytes.Count(text, []byte("\n"))
	if lines <= maxLines || generated.Match(text) {
		return nil
	}
	return []string{fmt.Sprintf("%s has %d lines, more than %d; split it by what its parts are for", name, lines, maxLines)}
}

// checkClock finds pure packages that read the clock. What does not parse is the compiler's business.
func checkClock(name string, text []byte) []string {
	if !below(path.Dir(name), pure...) {
		return nil
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	var broken []string
	ast.Inspect(file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if from, ok := selector.X.(*ast.Ident); ok && from.Name == "time" && clockReads[selector.Sel.Name] {
			broken = append(broken, fmt.Sprintf("%s uses time.%s, but is pure: take the time as a value", files.Position(selector.Pos()),
				selector.Sel.Name))
		}
		return true
	})
	return broken
}

// checkDoc finds packages that do not say what they are for: in doc.go, a command in main.go too, and below hack in any file.
func checkDoc(root fs.FS, dir string, files []string) ([]string, error) {
	for _, name := range files {
		if name != "doc.go" && name != "main.go" && !below(dir, "hack") {
			continue
		}
		text, err := fs.ReadFile(root, path.Join(dir, name))
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			continue
		}
		want := "Package " + file.Name.Name + " "
		if file.Name.Name == "main" {
			want = "Command "
		}
		if (name != "main.go" || want == "Command ") && strings.HasPrefix(file.Doc.Text(), want) {
			return nil, nil
		}
	}
	return []string{fmt.Sprintf("%s: no doc.go says what the package is for and what it must not know (a command may say it in main.go)", dir)}, nil
}
