package decide_test

import (
	"testing"

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
