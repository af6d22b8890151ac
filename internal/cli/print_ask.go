package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/explain"
	"github.com/optup/optup/internal/ir"
)

// PrintDecided writes what becomes of one request.
func PrintDecided(w io.Writer, d Decided) error {
	p := &printer{w: w}
	p.effect(d.Effect, d.Mode, d.Sent)
	p.line("  request      %s, sent by %s", d.Request, d.Workload)
	if d.Purpose != "" {
		p.line("  purpose      %s", d.Purpose)
	}
	for _, r := range d.Reasons {
		p.line("  reason       %s", r)
	}
	for i, r := range d.People {
		p.line("  person %-5d %s", i+1, r)
	}
	for _, o := range d.Obligations {
		p.line("  obligation   %s", o)
	}
	p.body("forwarded", d.Forwarded)
	p.body("returned", d.Returned)
	return p.err
}

// String gives the code and the sentence.
func (s Said) String() string {
	out := string(s.Code) + ": " + s.Says
	if s.Law != "" {
		out += " (" + s.Law + ")"
	}
	return out
}

// effect writes the outcome in a sentence.
func (p *printer) effect(e decide.Effect, mode ir.Mode, sent int) {
	style, says := Good, "everybody's data may be used."
	switch {
	case e == decide.Deny && mode == ir.ModeObserve:
		style, says = Caution, "the policy only observes, so the request goes through nevertheless."
	case e == decide.Deny:
		style, says = Bad, "nothing is sent."
	case e == decide.PermitFiltered && mode == ir.ModeObserve:
		style, says = Caution, "the policy only observes, so nothing is taken out."
	case e == decide.PermitFiltered && sent == 0:
		style, says = Caution, "nobody is left, so nothing is sent; the workload is answered as if it had been accepted."
	case e == decide.PermitFiltered:
		style, says = Caution, "with some people or fields taken out."
	}
	if sent > 1 {
		says = strings.TrimSuffix(says, ".") + fmt.Sprintf("; it is sent in %d groups, because not all agreed to the same tracking.", sent)
	}
	p.line("%s: %s", p.paint(style, strings.ToUpper(string(e))), says)
}

func (p *printer) body(what string, v any) {
	if v == nil {
		return
	}
	data, err := json.Marshal(v)
	if err != nil {
		p.err = err
		return
	}
	p.line("  %-12s %s", what, data)
}

// PrintExplanation writes how a decision came about, gate by gate.
func PrintExplanation(w io.Writer, e explain.Explanation) error {
	p := &printer{w: w}
	if e.Case != "" {
		p.line("%s", p.paint(Strong, e.Case+"/"+e.Decision))
	}
	p.effect(e.Effect, e.Mode, e.Sent)
	p.line("%s, sent by %s", e.Request, e.Workload)
	p.line("\n%s", p.paint(Strong, "The request"))
	p.answers(e.Gates)
	for _, one := range e.People {
		verdict, style := "may be used", Good
		if !one.Permitted {
			verdict, style = "may not be used", Bad
		}
		p.line("\n%s: %s, %s", p.paint(Strong, fmt.Sprintf("Person %d of %d (%s)", one.Number, len(e.People), one.Where)), p.paint(style, verdict), inWords([]decide.Reason{one.Reason})[0])
		p.answers(one.Gates)
		for _, o := range one.Obligations {
			p.line("  to do  %s", o)
		}
	}
	if len(e.Obligations) > 0 {
		p.line("\nIn all, the request has to meet: %s.", joined(e.Obligations))
	}
	p.line("")
	return p.err
}

func joined[T ~string](in []T) string {
	out := make([]string, len(in))
	for i, x := range in {
		out[i] = string(x)
	}
	return strings.Join(out, ", ")
}

func (p *printer) answers(all []explain.Answer) {
	for _, a := range all {
		mark := map[explain.Result]string{
			explain.Passed: p.paint(Good, "ok"), explain.Failed: p.paint(Bad, "no"), explain.NotMatched: p.paint(Faint, "--"),
		}[a.Result]
		says := a.Says
		if a.Result == explain.Failed {
			says += " " + source(a)
		}
		if a.Purpose != "" {
			says = "[" + string(a.Purpose) + "] " + says
		}
		p.line("  %s  %-12s %s", mark, a.Gate, strings.TrimSpace(says))
		for _, c := range a.Causes {
			p.line("                     %s", p.paint(Faint, cause(c)))
		}
	}
}

func cause(c explain.Cause) string {
	out := c.Resource
	if c.File != "" {
		out += "  " + c.File
		if c.Line > 0 {
			out += fmt.Sprintf(":%d", c.Line)
		}
	}
	if c.Field != "" {
		out += "  " + c.Field
	}
	return out
}

// source is the code of a reason and where the rule is written down.
func source(a explain.Answer) string {
	switch {
	case a.Reason == "":
		return ""
	case a.Law == "":
		return "[" + string(a.Reason) + "]"
	default:
		return "[" + string(a.Reason) + ", " + a.Law + "]"
	}
}
