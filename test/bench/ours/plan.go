package ours

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/facts"
)

// undated is data of which nobody says when it was collected.
var undated decide.Collected

// verdict decides about people in a state, under the plan for a purpose, as the sidecar does: what was decided about the state before, or
// what the facts say.
func (t *Table) verdict(s facts.State, purpose int) bool {
	p := t.plans[purpose]
	if v := p.Remembered(t.Facts, s, &now); v != nil {
		return v.Reason.Permits()
	}
	return t.worked(p, s)
}

func (t *Table) worked(p *decide.Plan, s facts.State) bool {
	var own decide.Verdict
	v := p.Judge(t.Facts, s, &undated, &now, &own)
	return v != nil && v.Reason.Permits() // a state is gone where it was changed meanwhile; nothing changes here
}

// Allowed decides about the person with a tag, for a purpose.
func (t *Table) Allowed(tag consent.Tag, purpose int) bool {
	return t.verdict(t.Facts.Lookup(tag), purpose)
}

// AllowedEmail decides about the person with an address. Everybody here is known by an address, and the ledger says so, so nobody is looked
// for by its hashes.
func (t *Table) AllowedEmail(tagger *consent.Tagger, address []byte, purpose int) (bool, error) {
	tag, err := tagger.TagBytes(consent.IdentifierEmail, consent.FormPlain, address)
	if err != nil {
		return false, err
	}
	return t.verdict(t.Facts.Lookup(tag), purpose), nil
}

// Batch decides about many people at once, whose states are found together.
func (t *Table) Batch(tags []consent.Tag, purpose int, states []facts.State, out []bool) {
	t.Facts.LookupBatch(tags, states)
	for i := range tags {
		out[i] = t.verdict(states[i], purpose)
	}
}
