package decide_test

import (
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/facts"
)

func BenchmarkJudge(b *testing.B) {
	x := decide.NewIndex(world())
	e, _ := x.Endpoint("POST", "s", 80, "/profiling")
	p, _ := x.Plan(e, nil)
	table := facts.New()
	_ = table.Apply(facts.Change{Tags: []consent.Tag{{1}}, Facts: map[consent.PurposeID]consent.Fact{"profiling": {Restricted: true}}})
	s := table.Lookup(consent.Tag{1})
	now, own := moment, decide.Verdict{}
	b.ReportAllocs()
	for range b.N {
		if p.Judge(table, s, &decide.Collected{}, &now, &own) == nil {
			b.Fatal("gone")
		}
	}
}

// BenchmarkJudgeTimed is about people whose grants end by themselves, each at another time.
func BenchmarkJudgeTimed(b *testing.B) {
	plan, table := plansOf(b)["newsletter"], facts.New()
	states := make([]facts.State, 1000)
	for i := range states {
		given := consent.Grant{Purpose: "newsletter", Notice: "newsletter", Status: consent.StatusGiven, Proof: consent.ProofMailboxConfirmed}
		given.Since = start.Add(time.Duration(i) * time.Minute)
		tag := consent.Tag{byte(i), byte(i >> 8), 1}
		_ = table.Apply(facts.Change{Tags: []consent.Tag{tag}, Facts: map[consent.PurposeID]consent.Fact{"newsletter": {Grants: []consent.Grant{given}}}})
		states[i] = table.Lookup(tag)
	}
	now, own := decide.Now{Ledger: start.AddDate(0, 0, 30)}, decide.Verdict{}
	b.ReportAllocs()
	for i := range b.N {
		if v := plan.Judge(table, states[i%len(states)], &decide.Collected{}, &now, &own); v == nil || !v.Permit() {
			b.Fatal(v)
		}
	}
}
