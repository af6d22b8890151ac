package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/optup/optup/internal/ledger/problem"
)

// PrintHead writes where a ledger stands.
func PrintHead(w io.Writer, h Head) error {
	newest := "-"
	if !h.At.IsZero() {
		newest = h.At.Format(time.RFC3339)
	}
	return table(w, [][]string{
		{"controller", h.Controller},
		{"position", fmt.Sprint(h.Position)},
		{"newest event", newest},
		{"epoch", h.Epoch},
		{"key", h.KeyID},
		{"public key", h.PublicKey},
		{"ledger's time", h.Time.Format(time.RFC3339)},
	})
}

// PrintAppended writes what became of an event.
func PrintAppended(w io.Writer, a Appended) error {
	p := &printer{w: w}
	again := ""
	if a.Replayed {
		again = " (it had been appended before)"
	}
	p.line("appended at position %d, %s%s", a.Position, a.At.Format(time.RFC3339), again)
	return p.err
}

// PrintImported writes the report about a file.
func PrintImported(w io.Writer, i Imported) error {
	p := &printer{w: w}
	if i.DryRun {
		p.line("A dry run: nothing was appended.")
	}
	p.line("%d rows: %d appended, %d known from before, %d refused; position %d", i.Rows, i.Appended, i.Replayed, i.Refused, i.Position)
	if i.Unproven > 0 {
		p.line("%d grants without evidence permit nothing until the person confirms.", i.Unproven)
	}
	for _, u := range i.Unknown {
		p.line("Nobody has declared the %s: its rows permit nothing yet.", u)
	}
	printItems(p, i.Errors)
	if more := i.Refused - len(i.Errors); more > 0 {
		p.line("  and %d more", more)
	}
	return p.err
}

// PrintProblem writes why a ledger refused.
func PrintProblem(w io.Writer, x *problem.Problem) error {
	p := &printer{w: w}
	p.line("%s (%d): %s", x.Title, x.Status, x.Detail)
	printItems(p, x.Errors)
	return p.err
}

func printItems(p *printer, items []problem.Item) {
	for _, x := range items {
		var at []string
		if x.Line > 0 {
			at = append(at, fmt.Sprintf("line %d", x.Line))
		}
		if x.Member != "" {
			at = append(at, x.Member)
		}
		p.line("  %s: %s", strings.Join(at, ", "), x.Detail)
	}
}

// PrintPerson writes what a ledger knows about a person. The person is not named: whoever asks knows whom they asked for.
func PrintPerson(w io.Writer, x Person) error {
	p := &printer{w: w}
	if !x.Known {
		p.line("The ledger has never seen this person (position %d).", x.Position)
	} else if r := x.Record; r != nil {
		p.line("Known, newest event at position %d of %d.", r.Position, x.Position)
		for _, flag := range []struct {
			set  bool
			text string
		}{
			{r.Restricted, "processing is restricted (GDPR Art. 18)"},
			{r.Suppressed > 0, fmt.Sprintf("suppressed at position %d", r.Suppressed)},
			{r.Business, "a business"},
			{r.AgeYears > 0, fmt.Sprintf("%d years old, verified", r.AgeYears)},
		} {
			if flag.set {
				p.line("  %s", flag.text)
			}
		}
		for _, g := range r.Grants {
			proof := string(g.Proof)
			if proof == "" {
				proof = "no proof"
			}
			p.line("  grant at %d: %s, %s, notice %s, %s, since %s", g.Position, g.Purpose, g.Status, g.Notice, proof, g.Since.Format(time.DateOnly))
		}
		for _, o := range r.Objections {
			p.line("  objection at %d: %s", o.Position, strings.TrimSpace(fmt.Sprintf("%s %s %s", o.Scope, o.Channel, o.Purpose)))
		}
		for _, s := range r.Relationships {
			p.line("  sale at %d: %s, objection notice shown: %t, %s", s.Position, strings.Join(s.Goods, ","), s.ObjectionNotice, s.Since.Format(time.DateOnly))
		}
		for _, n := range r.Noes {
			p.line("  no at %d: %s", n.Position, n.Purpose)
		}
	}
	if p.err != nil || len(x.Decisions) == 0 {
		return p.err
	}
	rows := [][]string{{"PURPOSE", "PROCESSING", "DECISION", "GROUND"}}
	for _, d := range x.Decisions {
		rows = append(rows, []string{d.Purpose, d.Processing, d.Reason, d.Ground})
	}
	return table(w, rows)
}

// table writes rows in columns.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, r := range rows {
		if _, err := fmt.Fprintln(t, strings.Join(r, "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}
