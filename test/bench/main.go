package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/optup/optup/test/bench/harness"
)

const usage = `bench measures OptUp against its peers in one run and judges the ratios.

Usage: go run . [flags]

It prints a table and writes a file. It exits with 1 if a bound was missed or a row has no figures, and says which; with 2 if it was
called wrongly. What each row measures is in README.md.

Flags:
`

const examples = `
Examples:
  make bench                                              # everything, from the root of the repository
  go run . --list                                         # what there is
  go run . --run '^json\.' --out json.json                # some rows
  go run . --quick                                        # small sizes and two rounds: does everything run? Ratios say nothing then
`

type options struct {
	out, run    string
	rounds      int
	quick, list bool
	seed        uint64
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		exit(child(os.Args[2], os.Args[3:]))
	}
	o, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(bench(ctx, o, suites()))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.out, "out", "bench.json", "`file` for the results")
	f.StringVar(&o.run, "run", "", "measure rows whose id matches this regular `expression`; all without")
	f.IntVar(&o.rounds, "rounds", 0, "how often each side takes its turn (default 10, 2 with --quick)")
	f.BoolVar(&o.quick, "quick", false, "small sizes: a smoke test. Bounds are shown and not judged; rows without figures still fail")
	f.BoolVar(&o.list, "list", false, "list the rows and measure nothing")
	f.Uint64Var(&o.seed, "seed", 1, "`number` that all fixtures follow from")
	f.Usage = func() {
		fmt.Fprint(f.Output(), usage)
		f.VisitAll(func(x *flag.Flag) {
			name, what := flag.UnquoteUsage(x)
			fmt.Fprintf(f.Output(), "  --%-18s %s\n", strings.TrimSpace(x.Name+" "+name), what)
		})
		fmt.Fprint(f.Output(), examples)
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag; see --help", f.Arg(0))
	}
	if o.rounds == 0 {
		o.rounds = 10
		if o.quick {
			o.rounds = 2
		}
	}
	if o.rounds < 1 {
		return o, errors.New("--rounds must be at least 1")
	}
	return o, nil
}

func bench(ctx context.Context, o options, all []harness.Suite) error {
	expression, err := regexp.Compile(o.run)
	if err != nil {
		return fmt.Errorf("--run: %w", err)
	}
	if o.list {
		list(all)
		return nil
	}
	root, err := repository()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "optup-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	began := time.Now()
	env := &harness.Env{
		Rounds: o.rounds, Quick: o.quick, Seed: o.seed, Root: root, Dir: dir,
		Say: func(format string, args ...any) {
			fmt.Fprintf(os.Stderr, "%6.1fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
		},
	}
	if o.quick {
		all = unjudged(all)
	}
	results := harness.Run(ctx, env, all, expression.MatchString)
	harness.Print(os.Stdout, results)
	if err := harness.Save(o.out, results); err != nil {
		return err
	}
	env.Say("%d rows, written to %s", len(results), o.out)
	return harness.Verdict(results)
}

// unjudged takes the bounds away: at small sizes ratios say nothing.
func unjudged(all []harness.Suite) []harness.Suite {
	for i := range all {
		for j := range all[i].Rows {
			all[i].Rows[j].Must = harness.Must{}
		}
	}
	return all
}

func list(all []harness.Suite) {
	for _, s := range all {
		for _, r := range s.Rows {
			against := ""
			if r.Peer != "" {
				against = ", against " + r.Peer
			}
			must := "shown"
			if r.Must.Judged() {
				must = r.Must.String()
			}
			fmt.Printf("%-28s %-10s %s (%s%s)\n", r.ID, must, r.What, r.Unit, against)
		}
	}
}

// repository finds the root of the repository from this module's place in it.
func repository() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("run it in the folder of the module test/bench: %w", err)
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "..", "..")
	if _, err := os.Stat(filepath.Join(root, "cmd", "sidecar")); err != nil {
		return "", fmt.Errorf("run it in the folder of the module test/bench: %w", err)
	}
	return root, nil
}
