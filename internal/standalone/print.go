package standalone

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// say tells of progress, warn of what somebody has to look at. Both are one line or a few, with the time.
func (x *Instance) say(format string, args ...any) { x.tell(x.o.Out, format, args...) }

func (x *Instance) warn(format string, args ...any) { x.tell(x.o.Err, format, args...) }

func (x *Instance) tell(w io.Writer, format string, args ...any) {
	// A terminal that is gone is no reason to stop.
	_, _ = fmt.Fprintf(w, time.Now().Format(time.TimeOnly)+"  "+format+"\n", args...)
}

// findings tells what is wrong with the policies, where that is something else than the last time.
func (x *Instance) findings(p *policies) {
	lines := make([]string, 0, len(p.result.Findings))
	for _, f := range p.result.Findings {
		lines = append(lines, fmt.Sprintf("%s: %s: %s: %s", f.Resource, f.Field, f.Code, f.Message))
	}
	for _, l := range lines {
		if !slices.Contains(x.told, l) {
			x.warn("%s", l)
		}
	}
	if len(x.told) > 0 && len(lines) == 0 {
		x.say("nothing is wrong any more")
	}
	x.told = lines
}

// Print writes where everything is, and at last one line that says what to call.
func (s Summary) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "\nWORKLOAD\tDECLARED HOST\tCALL IT AT\tANSWERED BY\tPURPOSES")
	for _, r := range s.Routes {
		_, _ = fmt.Fprintf(t, "%s\t%s\thttp://%s\t%s\t%s\n", r.Workload, r.Host, r.Address, r.AnsweredBy, r.purposes())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(s.Hints) > 0 {
		_, _ = fmt.Fprintln(w)
	}
	for _, h := range s.Hints {
		_, _ = fmt.Fprintf(w, "%-28s %s\n", h.What+":", h.Command)
	}
	_, err := fmt.Fprintf(w, "\nReady. %s: %s\n", s.Try.What, s.Try.Command)
	return err
}
