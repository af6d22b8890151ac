package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMedianAndSpread(t *testing.T) {
	for name, tt := range map[string]struct {
		values         []float64
		median, spread float64
	}{
		"an odd number":                     {[]float64{9, 1, 5}, 5, 4},
		"an even number":                    {[]float64{4, 1, 3, 2}, 2.5, 1.5},
		"one":                               {[]float64{7}, 7, 0},
		"one that is far off moves neither": {[]float64{1, 2, 3, 4, 1e9}, 3, 2},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(tt.values)
			if m, s := Median(tt.values), Spread(tt.values); m != tt.median || s != tt.spread {
				t.Errorf("median %v, spread %v", m, s)
			}
			if !slices.Equal(before, tt.values) {
				t.Error("the values were moved")
			}
		})
	}
	if !math.IsNaN(Median(nil)) {
		t.Error("nothing has a median")
	}
}

func TestTurns(t *testing.T) {
	var order []string
	side := func(name string, value float64) Side {
		return Side{Name: name, Run: func(round int) (float64, error) {
			order = append(order, fmt.Sprint(name, round))
			return value + float64(round), nil
		}}
	}
	got, err := Turns(context.Background(), 3, side("a", 10), side("b", 20))
	if err != nil {
		t.Fatal(err)
	}
	if want := "[[10 11 12] [20 21 22]]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s: the warm-up must not count", got, want)
	}
	if want := []string{"b-1", "a-1", "a0", "b0", "b1", "a1", "a2", "b2"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	broken := errors.New("no such peer")
	if _, err := Turns(context.Background(), 3, side("a", 1), Side{Name: "b", Run: func(int) (float64, error) { return 0, broken }}); !errors.Is(err, broken) {
		t.Errorf("a side that fails gave %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Turns(ctx, 3, side("a", 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("an end from outside gave %v", err)
	}
}

func TestVerdict(t *testing.T) {
	pair := func(ours, peer float64) Samples {
		return Samples{Ours: []float64{ours, ours}, Peer: []float64{peer, peer}}
	}
	for name, tt := range map[string]struct {
		row     Row
		samples Samples
		err     error
		missed  bool
	}{
		"a ratio at the bound":                    {Row{Peer: "p", Must: AtMost(0.5)}, pair(1, 2), nil, false},
		"a ratio above it":                        {Row{Peer: "p", Must: AtMost(0.5)}, pair(1.01, 2), nil, true},
		"at a bound that has to be passed":        {Row{Peer: "p", Must: Below(1)}, pair(2, 2), nil, true},
		"beyond a bound that has to be passed":    {Row{Peer: "p", Must: Below(1)}, pair(1.99, 2), nil, false},
		"an own value at the bound":               {Row{Must: OwnAtMost(16)}, Samples{Ours: []float64{16}}, nil, false},
		"an own value above it":                   {Row{Must: OwnAtMost(16)}, Samples{Ours: []float64{16.1}}, nil, true},
		"none may be none":                        {Row{Must: OwnAtMost(0)}, Samples{Ours: []float64{0}}, nil, false},
		"not judged":                              {Row{Peer: "p"}, pair(100, 1), nil, false},
		"a peer that took no time":                {Row{Peer: "p", Must: AtMost(0.5)}, pair(1, 0), nil, true},
		"both took no time":                       {Row{Peer: "p", Must: AtMost(0.5)}, pair(0, 0), nil, true},
		"a peer that is missing":                  {Row{Peer: "p", Must: AtMost(0.5)}, Samples{Ours: []float64{1}}, nil, true},
		"a peer that could not be built":          {Row{Peer: "p", Must: AtMost(0.5)}, Samples{}, errors.New("no compiler"), true},
		"no figures and not judged":               {Row{Peer: "p"}, Samples{}, nil, true},
		"figures from before another row's error": {Row{Peer: "p", Must: AtMost(0.5)}, pair(1, 2), errors.New("another row"), false},
	} {
		t.Run(name, func(t *testing.T) {
			tt.row.ID = "row.under.test"
			err := Verdict([]Result{Judge(Row{ID: "sound"}, Samples{Ours: []float64{1}}, nil), Judge(tt.row, tt.samples, tt.err)})
			if errors.Is(err, ErrMissed) != tt.missed {
				t.Fatalf("verdict %v", err)
			}
			if tt.missed && (!strings.Contains(err.Error(), "row.under.test") || strings.Contains(err.Error(), "sound")) {
				t.Errorf("it does not name what was missed: %v", err)
			}
		})
	}
	if err := Verdict(nil); !errors.Is(err, ErrMissed) {
		t.Errorf("a run without rows: %v", err)
	}
}

// TestTheRatioIsThatOfARound: a machine that gets slower half way through must not change it.
func TestTheRatioIsThatOfARound(t *testing.T) {
	r := Judge(Row{ID: "x", Peer: "p", Must: AtMost(0.5)}, Samples{Ours: []float64{1, 1, 10, 10}, Peer: []float64{2, 2, 20, 20}}, nil)
	if *r.Ratio != 0.5 || r.Spread != 0 || !r.Pass || r.Rounds != 4 {
		t.Errorf("%+v", r)
	}
}

func TestRunMeasuresWhatIsAskedFor(t *testing.T) {
	env := &Env{Rounds: 1, Say: func(string, ...any) {}}
	measured := 0
	suite := func(err error, ids ...string) Suite {
		s := Suite{Name: "suite", Measure: func(context.Context, *Env, Asked) (map[string]Samples, error) {
			measured++
			return map[string]Samples{ids[0]: {Ours: []float64{1}}}, err
		}}
		for _, id := range ids {
			s.Rows = append(s.Rows, Row{ID: id})
		}
		return s
	}
	suites := []Suite{suite(nil, "a.one"), suite(errors.New("broken"), "b.one", "b.two"), suite(nil, "c.one")}
	got := Run(context.Background(), env, suites, func(id string) bool { return id != "c.one" })
	if len(got) != 3 || measured != 2 {
		t.Fatalf("%d rows of %d suites", len(got), measured)
	}
	if got[0].Error != "" || got[1].Error != "" || got[2].Error != "broken" {
		t.Errorf("%+v", got)
	}
}

func TestReport(t *testing.T) {
	rows := []Result{
		Judge(Row{ID: "a", Unit: "ns", Peer: "map", Must: AtMost(0.6)}, Samples{Ours: []float64{50}, Peer: []float64{100}, Absolutes: map[string]float64{"people": 1000}}, nil),
		Judge(Row{ID: "b", Unit: "ns", Peer: "map", Must: AtMost(0.1)}, Samples{Ours: []float64{50}, Peer: []float64{100}}, nil),
		Judge(Row{ID: "c", Unit: "ns"}, Samples{Ours: []float64{5}}, nil),
		Judge(Row{ID: "d", Must: OwnAtMost(1)}, Samples{}, errors.New("broken")),
		Judge(Row{ID: "e", Peer: "p"}, Samples{Ours: []float64{1}, Peer: []float64{0}}, nil),
	}
	var out bytes.Buffer
	Print(&out, rows)
	for _, want := range []string{"0.5x", "ok", "MISSED", "shown", "FAILED", "a: people 1000"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	file := filepath.Join(t.TempDir(), "dist", "bench.json")
	if err := Save(file, rows); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var back []Result
	if err := json.Unmarshal(text, &back); err != nil || len(back) != len(rows) || *back[0].Ratio != 0.5 || back[1].Pass || back[4].Ratio != nil {
		t.Fatalf("%v %s", err, text)
	}
}
