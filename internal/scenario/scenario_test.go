package scenario_test

import (
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/scenario"
	"github.com/optup/optup/internal/translate"
)

const folder = "../../test/corpus"

// loaded is the corpus, read once.
var loaded = sync.OnceValues(func() ([]scenario.Case, error) { return scenario.Load(os.DirFS(folder), nil) })

// cases gives the corpus; expectations may be changed.
func cases(t *testing.T) []scenario.Case {
	t.Helper()
	all, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	all = slices.Clone(all)
	for i := range all {
		all[i].Decisions = slices.Clone(all[i].Decisions)
	}
	return all
}

// TestDecisions holds compiler, decision function and JSON filter to every decision of the corpus.
func TestDecisions(t *testing.T) {
	bodies := 0
	for _, c := range cases(t) {
		outcomes, err := c.Run()
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		if len(outcomes) != len(c.Decisions) {
			t.Errorf("%s: %d of %d decisions were made", c.Name, len(outcomes), len(c.Decisions))
		}
		for _, o := range outcomes {
			if o.Decision.Expect.Forwarded.Given || o.Decision.Expect.Returned.Given {
				bodies++
			}
			for _, d := range o.Differences {
				t.Errorf("%s/%s: %s (%s)", c.Name, o.Decision.Name, d, c.Why)
			}
		}
	}
	if bodies == 0 {
		t.Error("no case expects a body")
	}
}

// TestADifferenceIsSeen changes what is expected, one member at a time.
func TestADifferenceIsSeen(t *testing.T) {
	for name, change := range map[string]func(*scenario.Expect){
		"effect is":      func(e *scenario.Expect) { e.Effect = "maybe" },
		"purpose is":     func(e *scenario.Expect) { e.Purpose += "x" },
		"reasons is":     func(e *scenario.Expect) { e.Reasons = append([]decide.Reason{"X"}, e.Reasons...) },
		"people is":      func(e *scenario.Expect) { e.People = append([]decide.Reason{"X"}, e.People...) },
		"obligations is": func(e *scenario.Expect) { e.Obligations = append([]decide.Obligation{"x"}, e.Obligations...) },
		"forwarded is":   func(e *scenario.Expect) { e.Forwarded = scenario.Body{Given: true, Value: "x"} },
		"returned is":    func(e *scenario.Expect) { e.Returned = scenario.Body{Given: true, Value: "x"} },
	} {
		t.Run(strings.TrimSuffix(name, " is"), func(t *testing.T) {
			for _, c := range cases(t) {
				for i := range c.Decisions {
					change(&c.Decisions[i].Expect)
				}
				outcomes, err := c.Run()
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range outcomes {
					if len(o.Differences) != 1 || !strings.HasPrefix(o.Differences[0], name) {
						t.Errorf("%s/%s: %q", c.Name, o.Decision.Name, o.Differences)
					}
				}
			}
		})
	}
}

func TestAPersonIsFoundByAHash(t *testing.T) {
	for _, c := range cases(t) {
		if !strings.Contains(c.Name, "one send reaches those who consented") {
			continue
		}
		address := "anna@example.org"
		for _, i := range consent.Derived(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: address}) {
			if got := c.Fact(i, "newsletter", scenario.Now); len(got.Grants) != 1 {
				t.Errorf("%s: %+v", i.Form, got)
			}
		}
		return
	}
	t.Fatal("the case is gone")
}

// TestOrderNeverMatters compiles shuffled input.
func TestOrderNeverMatters(t *testing.T) {
	all := cases(t)
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 1))
		again, err := scenario.Load(os.DirFS(folder), func(o *translate.Objects) {
			shuffle(r, o.Namespaces, o.Workloads)
			shuffle(r, o.Purposes, o.Notices)
			shuffle(r, o.Services, o.Policies)
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range all {
			for j, b := range c.Result.Bundles {
				if got := again[i].Result.Bundles[j]; got.Hash != b.Hash {
					t.Fatalf("%s: another order gives another bundle:\n%s\n%s", c.Name, b.Encoded, got.Encoded)
				}
			}
			if !reflect.DeepEqual(c.Result.Findings, again[i].Result.Findings) {
				t.Fatalf("%s: another order gives other findings", c.Name)
			}
		}
	}
}

func shuffle[A, B any](r *rand.Rand, a []A, b []B) {
	r.Shuffle(len(a), func(i, j int) { a[i], a[j] = a[j], a[i] })
	r.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
}
