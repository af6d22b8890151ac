package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/optup/optup/internal/ir"
)

// PrintDifference writes what changes, and sums it up.
func PrintDifference(w io.Writer, d Difference) error {
	p := &printer{w: w}
	title := map[Kind]string{
		NewlyPermitted: p.paint(Bad, "NEWLY PERMITTED"), NewlyDenied: p.paint(Caution, "newly denied"), OtherChange: p.paint(Faint, "other change"),
	}
	for _, c := range d.Changed {
		p.line("%s  %s/%s", title[c.Kind], c.Case, c.Decision)
		p.line("    before  %s", c.Before)
		p.line("    after   %s", c.After)
		for _, s := range c.Data {
			p.line("    data    %s", s)
		}
	}
	for _, b := range d.Bundles {
		switch {
		case b.Before == "":
			p.line("bundle   %s is new, %s", named(b.Namespace, b.Workload), short(b.After))
		case b.After == "":
			p.line("bundle   %s is %s: the workload is no longer governed", named(b.Namespace, b.Workload), p.paint(Bad, "gone"))
		default:
			p.line("bundle   %s changes, %s -> %s", named(b.Namespace, b.Workload), short(b.Before), short(b.After))
		}
	}
	for _, f := range d.Appeared {
		p.line("finding  %s: %s: %s: %s: %s", p.paint(Caution, "new"), f.Resource, f.Field, f.Code, oneLine(f.Message))
	}
	for _, f := range d.Gone {
		p.line("finding  gone: %s: %s: %s: %s", f.Resource, f.Field, f.Code, oneLine(f.Message))
	}
	if d.Ungoverned > 0 {
		p.line("note: %d decisions are about workloads that neither set governs; they were left out.", d.Ungoverned)
	}
	p.line("%d decisions: %d newly permitted, %d newly denied, %d other changes, %d the same. %d bundles change; %d findings are new, %d gone.",
		d.Decisions-d.Ungoverned, d.Count(NewlyPermitted), d.Count(NewlyDenied), d.Count(OtherChange), d.Decisions-d.Ungoverned-len(d.Changed),
		len(d.Bundles), len(d.Appeared), len(d.Gone))
	return p.err
}

// String gives one line.
func (s Side) String() string {
	if !s.Governed {
		return "not governed: the workload has no bundle, so nothing is decided"
	}
	out := string(s.Effect)
	if s.Mode == ir.ModeObserve {
		out += " (observed only)"
	}
	if s.Purpose != "" {
		out += ", purpose " + string(s.Purpose)
	}
	out += ": " + joined(s.Reasons)
	if len(s.People) > 0 {
		out += fmt.Sprintf("; people: %s", joined(s.People))
	}
	if len(s.Obligations) > 0 {
		out += "; to do: " + joined(s.Obligations)
	}
	return strings.TrimSuffix(out, ": ")
}

func short(hash string) string { return hash[:min(12, len(hash))] }
