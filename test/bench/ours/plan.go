package ours

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/facts"
)

// plan decides for one purpose, and remembers what it decided for a state.
type plan struct {
	table *facts.Table
	plan  *decide.Plan
	memo  map[facts.State]bool
}

func newPlan(t *facts.Table, n int) (*plan, error) {
	p, err := planOf(n)
	return &plan{table: t, plan: p, memo: map[facts.State]bool{}}, err
}

func (p *plan) verdict(s facts.State) bool {
	if v, ok := p.memo[s]; ok {
		return v
	}
	c, _ := p.table.Facts(s)
	v := p.plan.Person(func(id consent.PurposeID) consent.Fact { f, _ := c.Fact(id); return f }, decide.Collected{}, now).Permit()
	p.memo[s] = v
	return v
}

// Allowed decides about the person with a tag, for a purpose.
func (t *Table) Allowed(tag consent.Tag, purpose int) bool {
	return t.plans[purpose].verdict(t.Facts.Lookup(tag))
}

// Batch decides about many people at once. states is room for as many.
func (t *Table) Batch(tags []consent.Tag, purpose int, states []facts.State, out []bool) {
	t.Facts.LookupBatch(tags, states)
	p := t.plans[purpose]
	for i := range tags {
		out[i] = p.verdict(states[i])
	}
}
