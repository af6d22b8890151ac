package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// ErrMissed reports that a bound was missed.
var ErrMissed = errors.New("a bound was missed")

// Result is one row as it is written to the file. A number that there is none of is absent.
type Result struct {
	ID       string   `json:"id"`
	What     string   `json:"what"`
	Unit     string   `json:"unit"`
	Ours     *float64 `json:"ours,omitempty"`
	Peer     *float64 `json:"peer,omitempty"`
	PeerName string   `json:"peerName,omitempty"`
	// Ratio is the median of ours/peer over the rounds, Spread the distance between its quartiles (of ours, where there is no peer).
	Ratio  *float64 `json:"ratio,omitempty"`
	Spread float64  `json:"spread"`
	// Target is the bound as text; Must tells that it decides the exit code.
	Target    string             `json:"target,omitempty"`
	Must      bool               `json:"must"`
	Pass      bool               `json:"pass"`
	Rounds    int                `json:"rounds"`
	Absolutes map[string]float64 `json:"absolutes,omitempty"`
	// Error tells why there are no figures.
	Error string `json:"error,omitempty"`
}

// Run measures the rows that are asked for, in the order of the suites. A suite that fails makes its rows fail and not the others'.
func Run(ctx context.Context, env *Env, suites []Suite, asked Asked) []Result {
	var out []Result
	for _, s := range suites {
		var rows []Row
		for _, r := range s.Rows {
			if asked(r.ID) {
				rows = append(rows, r)
			}
		}
		if len(rows) == 0 {
			continue
		}
		from := time.Now()
		env.Say("%s: %d rows", s.Name, len(rows))
		samples, err := s.Measure(ctx, env, asked)
		env.Say("%s: done in %s", s.Name, time.Since(from).Round(100*time.Millisecond))
		if err != nil {
			env.Say("%s: %v", s.Name, err)
		}
		for _, r := range rows {
			out = append(out, Judge(r, samples[r.ID], err))
		}
	}
	return out
}

// Judge makes a result of what was measured. A row without figures fails, whether it is judged or not.
func Judge(r Row, s Samples, err error) Result {
	out := Result{
		ID: r.ID, What: r.What, Unit: r.Unit, PeerName: r.Peer, Target: r.Must.String(), Must: r.Must.Judged(), Rounds: len(s.Ours),
		Absolutes: maps.Clone(s.Absolutes),
	}
	switch {
	case len(s.Ours) > 0:
	case err != nil:
		out.Error = err.Error()
		return out
	default:
		out.Error = "the suite measured nothing for this row"
		return out
	}
	ours, ratio := Median(s.Ours), math.NaN()
	out.Ours, out.Spread = number(ours), Spread(s.Ours)
	if r.Peer != "" {
		if len(s.Peer) != len(s.Ours) {
			out.Error = fmt.Sprintf("%d rounds of ours, %d of %s", len(s.Ours), len(s.Peer), r.Peer)
			return out
		}
		ratios := Ratios(s.Ours, s.Peer)
		ratio = Median(ratios)
		out.Peer, out.Ratio, out.Spread = number(Median(s.Peer)), number(ratio), Spread(ratios)
	}
	out.Pass = r.Must.holds(ours, ratio)
	return out
}

func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// Verdict is nil if nothing was missed; otherwise it names what was, and wraps ErrMissed. Rows without figures are missed, and so is a
// run without rows.
func Verdict(results []Result) error {
	var missed []string
	for _, r := range results {
		switch {
		case r.Error != "":
			missed = append(missed, r.ID+" (no figures: "+brief(r.Error)+")")
		case !r.Pass:
			missed = append(missed, fmt.Sprintf("%s (%s, must be %s)", r.ID, r.value(), r.Target))
		}
	}
	if len(results) == 0 {
		return fmt.Errorf("%w: no row was measured", ErrMissed)
	}
	if len(missed) == 0 {
		return nil
	}
	slices.Sort(missed)
	return fmt.Errorf("%w: %s", ErrMissed, strings.Join(missed, "; "))
}

// brief is the beginning of a text, on one line.
func brief(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if len(text) > 100 {
		text = strings.ToValidUTF8(text[:100], "") + "..."
	}
	return text
}
