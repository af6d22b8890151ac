package browser

import (
	"os"
	"path/filepath"
	"strings"
)

// Levels are the success criteria of WCAG 2.2 up to AA, as axe-core names them.
var levels = []string{"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"}

// Violation is one rule that a page breaks.
type Violation struct {
	ID, Help string
	Nodes    []struct{ HTML string }
}

// String tells rule and elements.
func (v Violation) String() string {
	var at []string
	for _, n := range v.Nodes {
		at = append(at, n.HTML)
	}
	return v.ID + ": " + v.Help + ":\n\t" + strings.Join(at, "\n\t")
}

// Axe checks the page that is open, and gives what it breaks. It counts how many rules were looked at, so that a check that looked at
// nothing is seen. The checks run from outside: no policy of the page has to allow them.
func (b *Browser) Axe() (violations []Violation, rules int) {
	b.t.Helper()
	source, err := os.ReadFile(filepath.Join(here(), "axe", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		missing(b.t, "this needs axe-core: make axe")
	}
	// The checks wait for timers, which run only where scripts do.
	b.scripts(true)
	defer b.scripts(b.options.Scripts)
	Eval[bool](b, string(source)+"; true")
	run := `axe.run(document, {runOnly: {type: "tag", values: ["` + strings.Join(levels, `","`) + `"]}, resultTypes: ["violations"]})
	  .then((r) => ({Violations: r.violations.map((v) => ({ID: v.id, Help: v.help, Nodes: v.nodes.map((n) => ({HTML: n.html}))})), Passes: r.passes.length}))`
	out := Eval[struct {
		Violations []Violation
		Passes     int
	}](b, run)
	return out.Violations, out.Passes + len(out.Violations)
}
