package decide_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/testkit"
)

// TestRememberedVerdictsAreThoseThatWouldBeWorkedOut: for random states, at random times forwards and backwards.
func TestRememberedVerdictsAreThoseThatWouldBeWorkedOut(t *testing.T) {
	hits, states := 0, uint64(0)
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		rec, table := linkedHistory(r), uint64(1+r.IntN(2))
		states++
		state := table<<32 | states<<(r.Uint64N(2)*16) // near and far
		facts := reduced(rec, decide.Now{Ledger: start.AddDate(1, 0, 0)}, decide.Timed(world())...)
		any := false
		for range 6 {
			now := randomNow(r)
			for _, p := range purposes {
				collected := decide.Collected{Declared: r.IntN(8) == 0}
				want := plans[p].Person(facts, collected, now)
				got, ok := plans[p].Recall(state, collected, now)
				if ok {
					hits++
				} else {
					got = plans[p].Learn(state, facts, collected, now)
				}
				if !reflect.DeepEqual(got, want) {
					return any, fmt.Sprintf("%s at %v: remembered %v, %+v, want %+v", p, now, ok, got, want)
				}
				any = any || (want.Permit() && p != "invoice")
			}
		}
		return any, ""
	})
	if hits < rounds {
		t.Fatalf("only %d verdicts were remembered", hits)
	}
}

func TestAVerdictIsForgottenWhenAGrantEnds(t *testing.T) {
	p := plansOf(t)["newsletter"]
	given := start
	f := consent.Fact{Grants: []consent.Grant{{
		Purpose: "newsletter", Notice: "newsletter", Status: consent.StatusGiven, Proof: consent.ProofMailboxConfirmed, Since: given,
	}}}
	facts := func(consent.PurposeID) consent.Fact { return f }
	end := given.AddDate(0, 0, 90) // unused
	const state = 1<<32 | 7
	at := func(ledger time.Time) decide.Now { return decide.Now{Ledger: ledger} }
	if v := p.Learn(state, facts, decide.Collected{}, at(end.Add(-time.Hour))); !v.Permit() {
		t.Fatal(v.Reason)
	}
	if v, ok := p.Recall(state, decide.Collected{}, at(end.Add(-time.Nanosecond))); !ok || !v.Permit() {
		t.Fatalf("%v %v", v.Reason, ok)
	}
	for _, now := range []decide.Now{at(end), decide.Never, {Ledger: end.Add(-time.Hour), Age: time.Hour}} {
		if v, ok := p.Recall(state, decide.Collected{}, now); ok {
			t.Fatalf("%v is remembered at %+v", v.Reason, now)
		}
		if v := p.Remembered(state, &now); v != nil {
			t.Fatalf("%v is at hand at %+v", v.Reason, now)
		}
	}
	if _, ok := p.Recall(state, decide.Collected{Declared: true}, at(end.Add(-time.Hour))); ok {
		t.Fatal("remembered, although it counts when the data was collected")
	}
	if _, ok := p.Recall(state+1<<32, decide.Collected{}, at(end.Add(-time.Hour))); ok {
		t.Fatal("remembered for another table")
	}
	if v, ok := p.Honouring([]decide.Obligation{ir.Anonymise}).Recall(state, decide.Collected{}, at(end.Add(-time.Hour))); ok {
		t.Fatalf("%v is remembered for somebody who promises something else", v.Reason)
	}
}

func TestRecallDoesNotAllocate(t *testing.T) {
	p := plansOf(t)["profiling"]
	facts := func(consent.PurposeID) consent.Fact { return consent.Fact{} }
	p.Learn(1<<32, facts, decide.Collected{}, moment)
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := p.Recall(1<<32, decide.Collected{}, moment); !ok {
			t.Fatal("not remembered")
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// TestPlansAreShared: requests that are alike get one plan, and others another one.
func TestPlansAreShared(t *testing.T) {
	b := world()
	b.Services[0].Endpoints[4].Fulfils = []ir.Fulfilment{{Obligation: ir.AddObjectionNotice, Pointer: "/notice"}}
	b.Rules[4].When = []ir.Condition{{Source: ir.SourceHeader, Name: "X", In: []string{"1", "2"}}}
	x := decide.NewIndex(b)
	plan := func(header, notice string) *decide.Plan {
		e, reason := x.Endpoint("POST", "s", 80, "/goods")
		if reason != "" {
			t.Fatal(reason)
		}
		p, _ := x.Plan(e, func(s ir.Source, name string) (string, bool) {
			if s == ir.SourceHeader {
				return header, name != decide.PurposeHeader
			}
			return notice, notice != ""
		})
		return p
	}
	if plan("1", "x") == nil || plan("1", "x") != plan("2", "y") {
		t.Error("like requests have different plans")
	}
	if plan("1", "") == plan("1", "x") {
		t.Error("a request that meets an obligation has the plan of one that does not")
	}
	if plan("3", "x") != nil {
		t.Error("a request that no rule matches has a plan")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 200 {
				if plan("1", "x") != plan("2", "z") {
					t.Error("like requests have different plans")
				}
				p := plan("1", "")
				facts := func(consent.PurposeID) consent.Fact { return consent.Fact{} }
				p.Learn(1<<32|uint64(i), facts, decide.Collected{}, moment)
				p.Recall(1<<32|uint64(i), decide.Collected{}, moment)
			}
		})
	}
	wg.Wait()
}

func BenchmarkRecall(b *testing.B) {
	x := decide.NewIndex(world())
	e, _ := x.Endpoint("POST", "s", 80, "/profiling")
	p, _ := x.Plan(e, nil)
	facts := func(consent.PurposeID) consent.Fact { return consent.Fact{} }
	for i := range uint64(2000) {
		p.Learn(1<<32|i, facts, decide.Collected{}, moment)
	}
	b.ReportAllocs()
	for i := range b.N {
		if _, ok := p.Recall(1<<32|uint64(i)%2000, decide.Collected{}, moment); !ok {
			b.Fatal("not remembered")
		}
	}
}

// TestJudgingByStatesIsDeciding: people in a table, with times where they count, are decided about as by their facts.
func TestJudgingByStatesIsDeciding(t *testing.T) {
	table := facts.New()
	n := 0
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		rec := linkedHistory(r)
		told := reduced(rec, decide.Now{Ledger: start.AddDate(1, 0, 0)}, decide.Timed(world())...)
		known := map[consent.PurposeID]consent.Fact{}
		for _, p := range purposes {
			if f := told(p); !reflect.DeepEqual(f, consent.Fact{}) {
				known[p] = f
			}
		}
		n++
		tag := consent.Tag{byte(n), byte(n >> 8), 1, 2, 3, 4, 5, byte(n)}
		if err := table.Apply(facts.Change{Tags: []consent.Tag{tag}, Facts: known}); err != nil {
			return false, err.Error()
		}
		any := false
		for range 4 {
			now := randomNow(r)
			for _, p := range purposes {
				collected := decide.Collected{Declared: r.IntN(8) == 0, At: start.AddDate(0, 0, r.IntN(60))}
				want := plans[p].Person(told, collected, now)
				var own decide.Verdict
				got := plans[p].Judge(table, table.Lookup(tag), &collected, &now, &own)
				if got == nil || !reflect.DeepEqual(*got, want) {
					return any, fmt.Sprintf("%s at %v: %+v, want %+v", p, now, got, want)
				}
				any = any || (want.Permit() && p != "invoice")
			}
		}
		return any, ""
	})
	if st := table.Stats(); st.Dated < rounds/20 || st.Combinations >= st.Identifiers {
		t.Fatalf("%+v", st)
	}
}

// TestWhatLastsIsDecidedLikeTheRest: people who differ by their times only, around the very moments at which their grants end.
func TestWhatLastsIsDecidedLikeTheRest(t *testing.T) {
	timed := decide.Timed(world())
	n, near := 0, 0
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		told := reduced(linkedHistory(r), decide.Now{Ledger: start.AddDate(1, 0, 0)}, timed...)
		table, any := facts.New(), false
		for range 4 {
			known, times := map[consent.PurposeID]consent.Fact{}, []time.Time{}
			later := func(at time.Time) time.Time {
				if at.IsZero() {
					return at
				}
				at = at.Add(time.Duration(r.IntN(40*24)) * time.Hour).Add(time.Duration(r.IntN(3)-1) * time.Nanosecond)
				times = append(times, at)
				return at
			}
			for _, p := range purposes {
				f := told(p)
				if reflect.DeepEqual(f, consent.Fact{}) {
					continue
				}
				f.Grants, f.Used = slices.Clone(f.Grants), later(f.Used)
				for i := range f.Grants {
					g := &f.Grants[i]
					g.Since, g.Renewed = later(g.Since), later(g.Renewed)
				}
				known[p] = f
			}
			n++
			tag := consent.Tag{byte(n), byte(n >> 8), byte(n >> 16), 2, 3, 4, 5, byte(n)}
			if err := table.Apply(facts.Change{Tags: []consent.Tag{tag}, Facts: known}); err != nil {
				return false, err.Error()
			}
			for range 3 {
				now := randomNow(r)
				if len(times) > 0 && r.IntN(4) > 0 {
					days := []int{90, 120}[r.IntN(2)] // those of the purposes
					now = decide.Now{Ledger: times[r.IntN(len(times))].AddDate(0, 0, days).Add(time.Duration(r.IntN(5)-2) * time.Second / 2)}
					near++
				}
				for _, p := range purposes {
					var own decide.Verdict
					var undated decide.Collected
					want := plans[p].Person(func(p consent.PurposeID) consent.Fact { return known[p] }, undated, now)
					got := plans[p].Judge(table, table.Lookup(tag), &undated, &now, &own)
					if got == nil || !reflect.DeepEqual(*got, want) {
						return any, fmt.Sprintf("%s at %v: %+v, want %+v", p, now, got, want)
					}
					any = any || (want.Permit() && p != "invoice")
				}
			}
		}
		return any, ""
	})
	if near < rounds/4 {
		t.Fatalf("only %d moments were close", near)
	}
}

// TestNothingIsRememberedOfALedgerThatWasNeverReached: without its time nobody knows what has ended.
func TestNothingIsRememberedOfALedgerThatWasNeverReached(t *testing.T) {
	table := facts.New()
	for name, plan := range plansOf(t) {
		var own, again decide.Verdict
		plan.Judge(table, table.Unknown(), &decide.Collected{}, &moment, &own)
		want := plan.Person(func(consent.PurposeID) consent.Fact { return consent.Fact{} }, decide.Collected{}, decide.Now{})
		if got := plan.Judge(table, table.Unknown(), &decide.Collected{}, &decide.Now{}, &again); got == nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestJudgingDoesNotAllocate(t *testing.T) {
	plans, table := plansOf(t), facts.New()
	given := consent.Grant{Notice: "newsletter", Status: consent.StatusGiven, Proof: consent.ProofMailboxConfirmed, Since: start}
	given.Purpose = "newsletter"
	_ = table.Apply(facts.Change{Tags: []consent.Tag{{1}}, Facts: map[consent.PurposeID]consent.Fact{"newsletter": {Grants: []consent.Grant{given}}}})
	for name, c := range map[string]struct {
		purpose consent.PurposeID
		now     decide.Now
	}{
		"a grant that lasts":   {"newsletter", decide.Now{Ledger: start.AddDate(0, 0, 1)}},
		"a grant that ended":   {"newsletter", decide.Now{Ledger: start.AddDate(1, 0, 0)}},
		"no grant":             {"profiling", moment},
		"no grant for letters": {"letters", moment},
	} {
		plan, now := plans[c.purpose], c.now
		s := table.Lookup(consent.Tag{1})
		var collected decide.Collected
		var own decide.Verdict
		if plan.Judge(table, s, &collected, &now, &own) == nil {
			t.Fatal("no verdict")
		}
		if n := testing.AllocsPerRun(100, func() {
			_ = plan.Judge(table, s, &collected, &now, &own)
		}); n >= 1 && !testkit.Race {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
