package ours

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/facts"
)

// Decisions are made as the sidecar makes them: by what was decided about the state before, or by what the facts say.

// undated is data of which nobody says when it was collected.
var undated decide.Collected

func (t *Table) worked(p *decide.Plan, s facts.State) bool {
	var own decide.Verdict
	v := p.Judge(t.Facts, s, &undated, &now, &own)
	return v != nil && v.Reason.Permits() // a state is gone where it was changed meanwhile; nothing changes here
}

// Allowed decides about the person with a tag, for a purpose.
func (t *Table) Allowed(tag *consent.Tag, purpose int) bool {
	s, p := t.Facts.LookupAt(tag), t.plans[purpose]
	if v := p.Remembered(s, &now); v != nil {
		return v.Reason.Permits()
	}
	return t.worked(p, s)
}

// AllowedEmail decides about the person with an address. Everybody here is known by an address, and the ledger says so, so nobody is looked
// for by its hashes.
func (t *Table) AllowedEmail(tagger *consent.Tagger, address []byte, purpose int) (bool, error) {
	tag, err := tagger.TagBytes(consent.IdentifierEmail, consent.FormPlain, address)
	if err != nil {
		return false, err
	}
	return t.Allowed(&tag, purpose), nil
}

// Batch decides about many people at once, whose states are found together.
func (t *Table) Batch(tags []consent.Tag, purpose int, states []facts.State, out []bool) {
	t.Facts.LookupBatch(tags, states)
	p := t.plans[purpose]
	for i := range tags {
		if v := p.Remembered(states[i], &now); v != nil {
			out[i] = v.Reason.Permits()
		} else {
			out[i] = t.worked(p, states[i])
		}
	}
}
