package decide

import (
	"math"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Facts gives what is known about one person for a purpose. The zero Fact is that of a person whom the ledger has never seen.
type Facts func(consent.PurposeID) consent.Fact

// Collected is when a person's data was collected. It counts where an endpoint declares such a time; a time that is declared and cannot
// be read is the zero time, which is before every grant.
type Collected struct {
	Declared bool
	At       time.Time
}

// Person decides about one person under the plan, for all that the plan includes: its purpose, access to the person's device, and the
// tracking that goes with it.
//
// Several grounds of a purpose are alternatives: one that carries is enough. Where none does, the reason is that of the first.
func (p *Plan) Person(facts Facts, collected Collected, now Now) Verdict {
	return p.person(facts, collected, now, nil)
}

// Unresolved decides about a person whom no identifier names: nothing is permitted, because a restriction could not be seen.
func (p *Plan) Unresolved() Verdict { return Verdict{Reason: PersonUnresolved} }

// NeedsFacts tells whether some ground of the plan rests on a record, or on the absence of an objection.
func (p *Plan) NeedsFacts() bool {
	return p.Purpose.DeviceAccess != "" || slices.ContainsFunc(p.Purpose.Grounds, needsFacts)
}

// Purposes are those whose facts Person asks for; the first is the plan's own.
func (p *Plan) Purposes() []consent.PurposeID {
	out := []consent.PurposeID{p.Purpose.Name}
	if d := p.Purpose.DeviceAccess; d != "" {
		out = append(out, d)
	}
	for _, t := range p.Tracking {
		if t.plan != nil {
			out = append(out, t.plan.Purposes()...)
		}
	}
	return out
}

func needsFacts(g ir.Ground) bool {
	switch g {
	case ir.GroundContract, ir.GroundLegalObligation, ir.GroundVitalInterest:
		return false
	default:
		return true
	}
}

// judgement is one decision about one person. Trace is nil unless somebody wants to know how it came about.
type judgement struct {
	plan      *Plan
	fact      consent.Fact
	collected Collected
	now       Now
	trace     *Trace
}

func (p *Plan) person(facts Facts, collected Collected, now Now, trace *Trace) Verdict {
	j := &judgement{plan: p, fact: facts(p.Purpose.Name), collected: collected, now: now, trace: trace}
	v := j.own()
	if !v.Permit() {
		return v
	}
	if reason := j.device(facts); reason != "" {
		return Verdict{Reason: reason}
	}
	if p.Purpose.Anonymous {
		v.Obligations = append(v.Obligations, ir.Anonymise)
	}
	owed := len(v.Obligations) > 0
	if v = p.owe(v); !v.Permit() {
		trace.gate(GateObligation, v.Reason, "")
		return v
	}
	if owed {
		trace.gate(GateObligation, "", "")
	}
	return p.track(v, facts, collected, now, trace)
}

// own decides for the plan's own purpose.
func (j *judgement) own() Verdict {
	p, f := j.plan, &j.fact
	if f.Restricted && !p.onlyStores() {
		return j.end(GateRestriction, Restricted) // GDPR Art. 18(2)
	}
	j.trace.gate(GateRestriction, "", "")
	if f.Suppressed != 0 && p.Purpose.Objection == ir.ObjectionDirectMarketing {
		return j.end(GateSuppression, Suppressed) // GDPR Art. 21(3): the objection outlives the erased record
	}
	j.trace.gate(GateSuppression, "", "")
	verdict := Verdict{Reason: NoGrant}
	for i, g := range p.Purpose.Grounds {
		v := j.ground(g)
		j.trace.ground(g, v.Reason)
		if v.Permit() {
			return v
		}
		if i == 0 {
			verdict = v
		}
	}
	return verdict
}

func (j *judgement) end(gate Gate, reason Reason) Verdict {
	j.trace.gate(gate, reason, "")
	return Verdict{Reason: reason}
}

func (p *Plan) onlyStores() bool {
	return len(p.Endpoint.Processing) == 1 && p.Endpoint.Processing[0] == ir.ProcessingStore
}

func (j *judgement) ground(g ir.Ground) Verdict {
	p, f := j.plan, &j.fact
	if needsFacts(g) {
		if !p.fresh(&j.now) {
			return j.end(GateFreshness, LedgerBehind)
		}
		j.trace.gate(GateFreshness, "", "")
		if f.Ambiguous {
			return j.end(GateIdentity, IdentityAmbiguous)
		}
		j.trace.gate(GateIdentity, "", "")
	}
	if len(p.Purpose.Special) > 0 && !carriesSpecial(g) {
		return j.end(GateCategory, SpecialCategoryConsentMissing)
	}
	if p.Purpose.BusinessOnly && !f.Business {
		return j.end(GateAddressee, AddresseeKind)
	}
	if g != ir.GroundConsent && g != ir.GroundSpecialCategoryConsent && p.tooYoung(f) {
		return j.end(GateAge, GuardianConsentMissing)
	}
	switch g {
	case ir.GroundConsent:
		return j.consent(g, OKConsent)
	case ir.GroundSpecialCategoryConsent:
		return j.consent(g, OKSpecialCategoryConsent)
	case ir.GroundExistingCustomer:
		return j.existingCustomer()
	case ir.GroundPresumedConsent:
		return j.presumed()
	case ir.GroundLegitimateInterest:
		return j.legitimateInterest()
	case ir.GroundContract:
		return Verdict{Reason: OKContract, Ground: g}
	case ir.GroundLegalObligation:
		return Verdict{Reason: OKLegalObligation, Ground: g}
	case ir.GroundVitalInterest:
		return Verdict{Reason: OKVitalInterest, Ground: g}
	case ir.GroundPublicTask:
		return j.publicTask()
	default:
		return Verdict{Reason: NoGrant}
	}
}

// carriesSpecial tells whether a ground can be one of GDPR Art. 9(2) at all: express consent (a), vital interests (c), and what a law
// demands (b, g, i). Everything else carries no special category, whatever Art. 6 says.
func carriesSpecial(g ir.Ground) bool {
	switch g {
	case ir.GroundSpecialCategoryConsent, ir.GroundVitalInterest, ir.GroundLegalObligation, ir.GroundPublicTask:
		return true
	default:
		return false
	}
}

// bound is the age from which on facts are not fresh any more, in nanoseconds.
type bound uint64

// boundOf gives the bound of a bundle; 0, so that nothing is ever fresh, for one that makes no sense.
func boundOf(b *ir.Bundle) bound {
	const longest = math.MaxInt64 / uint64(time.Millisecond)
	if b.FreshnessBoundMillis < 0 || uint64(b.FreshnessBoundMillis) >= longest {
		return 0
	}
	return bound(b.FreshnessBoundMillis)*bound(time.Millisecond) + 1
}

func (p *Plan) fresh(now *Now) bool {
	// An age below 0, which stands for never, is one beyond all bounds.
	return bound(now.Age) < p.bound && !now.Ledger.IsZero()
}

// tooYoung tells whether the verified age is below what the purpose needs; an unknown age is none.
func (p *Plan) tooYoung(f *consent.Fact) bool {
	return p.Purpose.MinimumAge > 0 && f.AgeYears < p.Purpose.MinimumAge
}

// objected tells whether an objection hits the plan's purpose that a grant based on position known did not take into account.
func (p *Plan) objected(f *consent.Fact, known consent.Position) bool {
	for _, o := range f.Objections {
		if o.Position > known && p.hit(o) {
			return true
		}
	}
	return false
}

func (p *Plan) hit(o consent.Objection) bool {
	marketing := p.Purpose.Objection == ir.ObjectionDirectMarketing
	switch o.Scope {
	case consent.ScopeAll:
		return marketing
	case consent.ScopeChannel:
		return marketing && o.Channel == p.Endpoint.Channel
	case consent.ScopePurpose:
		return p.Purpose.Objection != ir.ObjectionNone && o.Purpose == p.Purpose.Name
	default:
		return p.Purpose.Objection != ir.ObjectionNone // an objection that this version cannot read hits whatever can be objected to
	}
}

// device: storing on, or reading from, a person's device needs a grant of its own beside the legal ground (TDDDG §25(1), ePrivacy
// Directive Art. 5(3)). It rests on the consent that the access purpose asks for, whatever is done with the data.
func (j *judgement) device(facts Facts) Reason {
	name := j.plan.Purpose.DeviceAccess
	if name == "" {
		return ""
	}
	access := j.plan.device()
	if access == nil {
		j.trace.gate(GateDevice, DeviceAccessNotAllowed, string(name))
		return DeviceAccessNotAllowed
	}
	d := &judgement{plan: access, fact: facts(name), collected: Collected{}, now: j.now, trace: j.trace.inner()}
	v := d.own()
	j.trace.take(d.trace, name)
	if v.Permit() {
		j.trace.gate(GateDevice, "", string(name))
		return ""
	}
	reason := DeviceAccessNotAllowed
	if v.Reason == LedgerBehind {
		reason = LedgerBehind
	}
	j.trace.gate(GateDevice, reason, string(name))
	return reason
}

// owe takes off the obligations that the request meets, and denies where one remains that nobody has promised to meet.
func (p *Plan) owe(v Verdict) Verdict {
	v.Obligations = slices.DeleteFunc(v.Obligations, func(o Obligation) bool { return slices.Contains(p.met, o) })
	for _, o := range v.Obligations {
		if !slices.Contains(p.Honours, o) {
			return Verdict{Reason: ObligationUnmet, Ground: v.Ground, Obligations: v.Obligations}
		}
	}
	return v
}

// track decides about the tracking that the request would bring along.
func (p *Plan) track(v Verdict, facts Facts, collected Collected, now Now, trace *Trace) Verdict {
	for i := range p.Tracking {
		t := &p.Tracking[i]
		reason := NoGrant
		if t.plan != nil {
			inner := trace.inner()
			reason = t.plan.person(facts, collected, now, inner).Reason
			trace.take(inner, t.plan.Purpose.Name)
		}
		trace.gate(GateTracking, denial(reason), string(t.Switch.Tracking))
		switch {
		case reason.Permits():
		case t.OnMixed == ir.OnMixedDropAddressee && t.plan != nil:
			return Verdict{Reason: reason}
		default:
			v.Obligations = append(v.Obligations, t.Switch.Tracking.Off())
		}
	}
	return v
}

func denial(r Reason) Reason {
	if r.Permits() {
		return ""
	}
	return r
}
