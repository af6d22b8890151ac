package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/optup/optup/test/bench/harness"
)

func TestFlags(t *testing.T) {
	for name, tt := range map[string]struct {
		args   []string
		rounds int
		fails  bool
	}{
		"none":                      {nil, 10, false},
		"a smoke test":              {[]string{"--quick"}, 2, false},
		"rounds":                    {[]string{"--quick", "--rounds", "5"}, 5, false},
		"less than one round":       {[]string{"--rounds", "-1"}, 0, true},
		"something that is no flag": {[]string{"proxy"}, 0, true},
		"a flag that nobody knows":  {[]string{"--fast"}, 0, true},
		"help":                      {[]string{"--help"}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := parse(tt.args)
			if (err != nil) != tt.fails || (err == nil && o.rounds != tt.rounds) {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
	if _, err := parse([]string{"--help"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("--help gave %v", err)
	}
}

// TestExitCode: what was missed decides, whatever else passed, and the file is written all the same.
func TestExitCode(t *testing.T) {
	suite := func(must harness.Must, err error) harness.Suite {
		return harness.Suite{
			Name: "s", Rows: []harness.Row{{ID: "s.row", Peer: "p", Must: must}},
			Measure: func(context.Context, *harness.Env, harness.Asked) (map[string]harness.Samples, error) {
				if err != nil {
					return nil, err
				}
				return map[string]harness.Samples{"s.row": {Ours: []float64{1}, Peer: []float64{1}}}, nil
			},
		}
	}
	for name, tt := range map[string]struct {
		suites []harness.Suite
		o      options
		missed bool
	}{
		"everything holds":                      {[]harness.Suite{suite(harness.AtMost(1), nil)}, options{}, false},
		"a bound is missed":                     {[]harness.Suite{suite(harness.AtMost(1), nil), suite(harness.AtMost(0.9), nil)}, options{}, true},
		"a bound is missed in a smoke test":     {[]harness.Suite{suite(harness.AtMost(0.9), nil)}, options{quick: true}, false},
		"a peer is missing":                     {[]harness.Suite{suite(harness.AtMost(1), errors.New("no peer"))}, options{}, true},
		"a peer is missing in a smoke test":     {[]harness.Suite{suite(harness.AtMost(1), errors.New("no peer"))}, options{quick: true}, true},
		"an expression that matches no row":     {[]harness.Suite{suite(harness.AtMost(1), nil)}, options{run: "nothing"}, true},
		"an expression that cannot be compiled": {[]harness.Suite{suite(harness.AtMost(1), nil)}, options{run: "("}, true},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.rounds, tt.o.out = 1, filepath.Join(t.TempDir(), "bench.json")
			err := bench(context.Background(), tt.o, tt.suites)
			if (err != nil) != tt.missed {
				t.Fatalf("%v", err)
			}
			if _, err := os.Stat(tt.o.out); err != nil && tt.o.run != "(" {
				t.Error("there is no file")
			}
		})
	}
}

// TestRows: ids are stable names, each described in the README.
func TestRows(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range suites() {
		for _, r := range s.Rows {
			if seen[r.ID] || !regexp.MustCompile(`^[a-z]+(\.[a-z0-9]+)+$`).MatchString(r.ID) {
				t.Errorf("%q stands twice or is no id", r.ID)
			}
			seen[r.ID] = true
			if r.What == "" || r.Unit == "" {
				t.Errorf("%s does not say what it measures", r.ID)
			}
			documented := regexp.MustCompile(`\.(500|1000)$`).ReplaceAllString(r.ID, ".<rate>")
			if !strings.Contains(string(text), "`"+documented+"`") {
				t.Errorf("README.md does not describe `%s`", documented)
			}
		}
	}
}
