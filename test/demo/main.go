package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/optup/optup/internal/shop"
	"github.com/optup/optup/test/road"
)

const (
	seed   = 1
	people = 10000
)

// figure is one line of the closing table.
type figure struct {
	Phase string `json:"phase"`
	Claim string `json:"claim"`
	Value any    `json:"value"`
	Want  any    `json:"want,omitempty"`
	Holds bool   `json:"holds"`
}

// demo is one run.
type demo struct {
	*road.Road
	started time.Time
	people  []shop.Customer
	truth   shop.Allowed
	figures []figure
}

func main() {
	helm := flag.String("helm", "bin/helm", "the helm binary")
	root := flag.String("root", ".", "root of the repository")
	out := flag.String("out", "dist/demo.json", "where to write the figures")
	flag.Parse()
	log.SetLogger(zap.New())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *root, *helm, *out); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, helm, out string) error {
	r, err := road.Open(root, helm)
	if err != nil {
		return err
	}
	customers := shop.People(seed, people)
	d := &demo{Road: r, started: time.Now(), people: customers, truth: shop.Truth(seed, people)}
	for _, phase := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"taking an earlier run away", d.Clear},
		{"installing OptUp with its chart", d.Install},
		{"bringing up the shop: crm, esp, marketing", d.shop},
		{"ungoverned: as it was before", d.ungoverned},
		{"declaring purposes, wordings, services and policies; importing consents", d.declare},
		{"observe: the same traffic, and what would have been denied", d.observe},
		{"enforce: the same programs, the same images", d.enforce},
		{"withdrawal: from the ledger's acknowledgement to the first request that denies", d.withdrawal},
		{"objection: the newsletter stops, the invoice goes on", d.objection},
		{"usable share", d.usableShare},
		{"memory", d.memory},
	} {
		fmt.Printf("==> [%4.0fs] %s\n", time.Since(d.started).Seconds(), phase.title)
		if err := phase.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", phase.title, err)
		}
	}
	d.note("demo", "seconds, from the running cluster to this table", int(time.Since(d.started).Seconds()))
	return d.finish(out)
}

// claim notes a figure that has to be what the shop's own data say.
func (d *demo) claim(phase, claim string, value, want any) {
	d.figures = append(d.figures, figure{phase, claim, value, want, fmt.Sprint(value) == fmt.Sprint(want)})
}

// note notes a figure that is shown as it is.
func (d *demo) note(phase, claim string, value any) {
	d.figures = append(d.figures, figure{Phase: phase, Claim: claim, Value: value, Holds: true})
}

// limit notes a figure that has to be below a bound.
func (d *demo) limit(phase, claim string, value, bound float64) {
	d.figures = append(d.figures, figure{phase, claim, value, fmt.Sprintf("< %g", bound), value < bound})
}

func (d *demo) finish(out string) error {
	failed := 0
	wide := 0
	for _, f := range d.figures {
		wide = max(wide, len(fmt.Sprint(f.Value)))
	}
	fmt.Printf("\n%-13s %-88s %-*s %s\n%s\n", "PHASE", "FIGURE", wide, "READ", "EXPECTED", strings.Repeat("-", 104+2*wide))
	for _, f := range d.figures {
		mark, want := "", ""
		if f.Want != nil {
			want = fmt.Sprint(f.Want)
		}
		if !f.Holds {
			mark, failed = "  <-- not as claimed", failed+1
		}
		fmt.Printf("%-13s %-88s %-*v %s%s\n", f.Phase, f.Claim, wide, f.Value, want, mark)
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetIndent("", "  ")
	if err := enc.Encode(map[string]any{"figures": d.figures, "failed": failed}); err != nil {
		return err
	}
	if err := os.WriteFile(out, buf.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Printf("\nEvery figure is in %s. The cluster and the shop are left running:\n  kubectl get datapurposes,consentpolicies,sidecarconfigs -A\n", out)
	if failed > 0 {
		return fmt.Errorf("%d claims were not observed", failed)
	}
	return nil
}
