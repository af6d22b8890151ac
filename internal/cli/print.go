package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/optup/optup/api/v1alpha1"
)

// PrintJSON writes what a command returned, for programs.
func PrintJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// PrintChecks writes one line for each check, and one that sums up.
func PrintChecks(w io.Writer, checks []Check) error {
	p := &printer{w: w}
	count := map[Level]int{}
	for _, c := range checks {
		count[c.Level]++
		line := c.What
		if c.Object != "" {
			line = c.Object + ": " + line
		}
		if c.Do != "" {
			line += " -> " + c.Do
		}
		p.line("%s  %s", p.paint(c.Level.style(), fmt.Sprintf("%-4s", c.Level)), line)
	}
	p.line("%d checks: %d ok, %d warnings, %d failed", len(checks), count[OK], count[Warn], count[Fail])
	return p.err
}

// PrintStep writes one step that was taken.
func PrintStep(w io.Writer, s Step) error {
	p := &printer{w: w}
	p.line("done  %s", s)
	return p.err
}

// PrintUninstalled writes what would be done, if it was a dry run, and what remains.
func PrintUninstalled(w io.Writer, u Uninstalled) error {
	p := &printer{w: w}
	switch {
	case len(u.Steps) == 0:
		p.line("There is nothing to take away.")
	case u.DryRun:
		p.line("Would do, in this order:")
		for i, s := range u.Steps {
			p.line("%4d  %-12s %s", i+1, s.Phase, s)
		}
	}
	p.line("\nWhat remains:")
	for _, s := range u.Remains {
		p.line("  - %s", s)
	}
	if u.DryRun && len(u.Steps) > 0 {
		p.line("\nNothing was changed. --yes does it.")
	}
	return p.err
}

// PrintCompiled writes one line for each bundle.
func PrintCompiled(w io.Writer, c Compiled) error {
	p := &printer{w: w}
	if len(c.Bundles) == 0 {
		p.line("There is no bundle: no governed namespace has a workload, and there is no ledger.")
		return p.err
	}
	rows := [][]string{{"NAMESPACE", "WORKLOAD", "MODE", "RULES", "PURPOSES", "BYTES", "HASH"}}
	for _, b := range c.Bundles {
		mode, rules := b.Mode, fmt.Sprint(b.Rules)
		if mode == "" {
			mode, rules = "-", "-"
		}
		rows = append(rows, []string{b.Namespace, b.Workload, mode, rules, strings.Join(b.Purposes, ","), fmt.Sprint(len(b.Bundle)), b.Hash})
	}
	return table(w, rows)
}

// PrintBundles writes bundles in their canonical encoding, one a line: what `optup-sidecar run --bundle` takes.
func PrintBundles(w io.Writer, bundles []Bundle) error {
	p := &printer{w: w}
	for _, b := range bundles {
		p.line("%s", b.Bundle)
	}
	return p.err
}

// PrintFindings writes one line for each finding, and what was left out.
func PrintFindings(w io.Writer, c Compiled) error {
	p := &printer{w: w}
	for _, f := range c.Findings {
		where := ""
		if f.File != "" {
			where = f.at() + ": "
		}
		p.line("%s%s: %s: %s: %s", where, f.Resource, f.Field, f.Code, oneLine(f.Message))
	}
	for _, n := range c.Ungoverned {
		p.line("note: the files hold policies in %s, but no Namespace %s with the label %s: without it nothing there is governed.", n, n, v1alpha1.LabelMode)
	}
	return p.err
}

// PrintTested writes one line for each decision, with what is not as expected below it. Quiet leaves out what passed.
func PrintTested(w io.Writer, all []Tested, quiet bool) error {
	p := &printer{w: w}
	last, cases := "", map[string]bool{}
	for _, t := range all {
		cases[t.Case] = true
		if quiet && t.Passed {
			continue
		}
		if t.Case != last {
			p.line("%s", t.Case)
			last = t.Case
		}
		mark := p.paint(Good, "ok  ")
		if !t.Passed {
			mark = p.paint(Bad, "FAIL")
		}
		p.line("  %s  %s", mark, t.title())
		for _, d := range t.Differences {
			p.line("        %s", d)
		}
		if !t.Passed && t.Why != "" {
			p.line("        expected because: %s", t.Why)
		}
	}
	p.line("%d decisions of %d cases: %d passed, %d failed", len(all), len(cases), len(all)-TestsFailed(all), TestsFailed(all))
	return p.err
}

// printer remembers the first error of writing.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
