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
	var own decide.Verdict
	v := t.plans[purpose].Judge(t.Facts, s, &undated, &now, &own)
	return v != nil && v.Permit() // a state is gone where it was changed meanwhile; nothing changes here
}

// Allowed decides about the person with a tag, for a purpose.
func (t *Table) Allowed(tag consent.Tag, purpose int) bool {
	return t.verdict(t.Facts.Lookup(tag), purpose)
}

// AllowedEmail decides about the person with an address. Somebody may be known by a hash of it only, so where the address is unknown, the
// hashes that follow from it are looked up, as the sidecar does.
func (t *Table) AllowedEmail(tagger *consent.Tagger, address []byte, purpose int) (bool, error) {
	tag, err := tagger.TagBytes(consent.IdentifierEmail, consent.FormPlain, address)
	if err != nil {
		return false, err
	}
	s := t.Facts.Lookup(tag)
	for _, form := range [...]consent.Form{consent.FormSHA256, consent.FormMD5} {
		if s.Known() {
			break
		}
		if tag, err = tagger.Derived(consent.IdentifierEmail, form, address); err != nil {
			return false, err
		}
		s = t.Facts.Lookup(tag)
	}
	return t.verdict(s, purpose), nil
}

// Batch decides about many people at once, in parts of a fixed size, so that room for the verdicts is on the stack.
func (t *Table) Batch(tags []consent.Tag, purpose int, states []facts.State, out []bool) {
	const part = 100
	var verdicts [part]decide.Verdict
	var done [part]bool
	t.Facts.LookupBatch(tags, states)
	for from := 0; from < len(tags); from += part {
		n := min(part, len(tags)-from)
		t.plans[purpose].JudgeAll(t.Facts, states[from:from+n], now, verdicts[:], done[:])
		for i := range n {
			out[from+i] = done[i] && verdicts[i].Permit()
		}
	}
}
