package decide

import (
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Person decides about one person under the plan. The zero Fact is that of a person whom the ledger has never seen.
// RecordTime is when the data was collected; it counts where the endpoint declares such a time.
//
// Several grounds of a purpose are alternatives: one that carries is enough. Where none does, the reason is that of the first.
func (p *Plan) Person(f consent.Fact, recordTime time.Time, now Now) Verdict {
	if f.Restricted && !p.onlyStores() {
		return Verdict{Reason: Restricted} // GDPR Art. 18(2)
	}
	if f.Suppressed != 0 && p.Purpose.Objection == ir.ObjectionDirectMarketing {
		return Verdict{Reason: Suppressed} // GDPR Art. 21(3): the objection outlives the erased record
	}
	verdict := Verdict{Reason: NoGrant}
	for i, g := range p.Purpose.Grounds {
		v := p.ground(g, &f, recordTime, now)
		if v.Permit() {
			return v
		}
		if i == 0 {
			verdict = v
		}
	}
	return verdict
}

// Unresolved decides about a person whom no identifier names: nothing is permitted, because a restriction could not be seen.
func (p *Plan) Unresolved() Verdict { return Verdict{Reason: PersonUnresolved} }

// NeedsFacts tells whether some ground of the plan rests on a record, or on the absence of an objection.
func (p *Plan) NeedsFacts() bool { return slices.ContainsFunc(p.Purpose.Grounds, needsFacts) }

func needsFacts(g ir.Ground) bool {
	switch g {
	case ir.GroundContract, ir.GroundLegalObligation, ir.GroundVitalInterest, ir.GroundPublicTask:
		return false
	default:
		return true
	}
}

func (p *Plan) onlyStores() bool {
	return len(p.Endpoint.Processing) == 1 && p.Endpoint.Processing[0] == ir.ProcessingStore
}

func (p *Plan) ground(g ir.Ground, f *consent.Fact, recordTime time.Time, now Now) Verdict {
	if needsFacts(g) && !p.fresh(now) {
		return Verdict{Reason: LedgerBehind}
	}
	if p.Purpose.MinimumAge > 0 && f.AgeYears < p.Purpose.MinimumAge {
		return Verdict{Reason: GuardianConsentMissing} // GDPR Art. 8(1); an unknown age is none
	}
	switch g {
	case ir.GroundConsent:
		return p.consent(f, recordTime, now, g, OKConsent)
	case ir.GroundSpecialCategoryConsent:
		return p.consent(f, recordTime, now, g, OKSpecialCategoryConsent)
	case ir.GroundExistingCustomer:
		return p.existingCustomer(f)
	case ir.GroundPresumedConsent:
		return p.presumed(f)
	case ir.GroundLegitimateInterest:
		if p.objected(f, 0) {
			return Verdict{Reason: Objected}
		}
		return Verdict{Reason: OKLINotObjected, Ground: g}
	case ir.GroundContract:
		return Verdict{Reason: OKContract, Ground: g}
	case ir.GroundLegalObligation:
		return Verdict{Reason: OKLegalObligation, Ground: g}
	case ir.GroundVitalInterest:
		return Verdict{Reason: OKVitalInterest, Ground: g}
	case ir.GroundPublicTask:
		return Verdict{Reason: OKPublicTask, Ground: g}
	default:
		return Verdict{Reason: NoGrant}
	}
}

func (p *Plan) fresh(now Now) bool {
	return now.Age >= 0 && now.Age <= p.bound && !now.Ledger.IsZero()
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

// gates orders the reasons by how far a grant came, so that the person's best grant explains a denial.
var gates = []Reason{
	NoGrant, Invalidated, Cancelled, Withdrawn, Unproven, PendingConfirmation, Objected, ControllerNotCovered, ProcessingNotCovered,
	ChannelNotCovered, RecipientNotNamed, Expired, CollectedBeforeConsent,
}

func (p *Plan) consent(f *consent.Fact, recordTime time.Time, now Now, g ir.Ground, ok Reason) Verdict {
	best := -1
	for i := range f.Grants {
		reason := p.grant(&f.Grants[i], f, recordTime, now)
		if reason == "" {
			return Verdict{Reason: ok, Ground: g}
		}
		best = max(best, slices.Index(gates, reason))
	}
	if best < 0 {
		if p.objected(f, 0) {
			return Verdict{Reason: Objected}
		}
		return Verdict{Reason: NoGrant}
	}
	return Verdict{Reason: gates[best]}
}

// grant gives the reason why one grant does not carry the request; empty if it does.
func (p *Plan) grant(g *consent.Grant, f *consent.Fact, recordTime time.Time, now Now) Reason {
	if g.Purpose != p.Purpose.Name {
		return NoGrant
	}
	switch g.Status {
	case consent.StatusGiven, consent.StatusRenewed:
	case consent.StatusPending:
		return PendingConfirmation
	case consent.StatusUnproven:
		return Unproven
	case consent.StatusWithdrawn:
		return Withdrawn
	case consent.StatusCancelled:
		return Cancelled
	case consent.StatusInvalidated:
		return Invalidated
	default:
		return NoGrant
	}
	if p.Purpose.Proof != consent.ProofNone && g.Proof != p.Purpose.Proof {
		return PendingConfirmation
	}
	if p.objected(f, g.BasedOn) {
		return Objected
	}
	n := p.notices[g.Notice]
	if n == nil || !slices.Contains(n.Purposes, p.Purpose.Name) {
		return NoGrant // a wording that nobody declared, or that does not name the purpose, covers nothing
	}
	if reason := p.covers(n); reason != "" {
		return reason
	}
	if days := p.Purpose.ValidForDays; days > 0 {
		start := g.Since
		if g.Renewed.After(start) {
			start = g.Renewed
		}
		if !now.Ledger.Before(start.AddDate(0, 0, days)) {
			return Expired
		}
	}
	if r := p.Endpoint.Response; r != nil && r.Records != nil && r.Records.Time != "" && !n.EarlierData && recordTime.Before(g.Since) {
		return CollectedBeforeConsent // a missing time is the zero time, which is before everything
	}
	return ""
}

func (p *Plan) covers(n *ir.Notice) Reason {
	if n.Controller != p.Purpose.Controller {
		return ControllerNotCovered
	}
	for _, x := range p.Endpoint.Processing {
		if !slices.Contains(n.Processing, x) {
			return ProcessingNotCovered
		}
	}
	if c := p.Endpoint.Channel; c != "" && !slices.Contains(n.Channels, c) {
		return ChannelNotCovered
	}
	// A processor acts for the controller and needs no mention (GDPR Art. 28); everybody else is a recipient of their own.
	if p.Service.Party.Role != ir.RoleProcessor && !slices.Contains(n.Recipients, p.Service.Party.Name) {
		return RecipientNotNamed
	}
	return ""
}

// existingCustomer: UWG §7(3), ePrivacy Directive Art. 13(2). Electronic mail only; the address came with a sale, the goods are
// the seller's own and similar, the right to object was shown then and is shown in every use, and nobody objected.
func (p *Plan) existingCustomer(f *consent.Fact) Verdict {
	if c := p.Endpoint.Channel; c != consent.ChannelEmail && c != consent.ChannelSMS {
		return Verdict{Reason: ChannelNotCovered}
	}
	if p.Service.Party.Role != ir.RoleProcessor {
		return Verdict{Reason: RecipientNotNamed}
	}
	if p.objected(f, 0) {
		return Verdict{Reason: Objected}
	}
	reason := NoSale
	for _, r := range f.Relationships {
		switch {
		case !slices.ContainsFunc(r.Goods, func(g string) bool { return slices.Contains(p.Purpose.Goods, g) }):
			if reason == NoSale {
				reason = NotSimilar
			}
		case !r.ObjectionNotice:
			reason = NoObjectionNotice
		default:
			return Verdict{Reason: OKExistingCustomer, Ground: ir.GroundExistingCustomer, Obligations: []Obligation{AddObjectionNotice}}
		}
	}
	return Verdict{Reason: reason}
}

// presumed: UWG §7(2) no. 1, second alternative. A call to a business whose interest may be presumed.
func (p *Plan) presumed(f *consent.Fact) Verdict {
	switch {
	case p.Endpoint.Channel != consent.ChannelPhone:
		return Verdict{Reason: ChannelNotCovered}
	case !f.Business:
		return Verdict{Reason: AddresseeKind}
	case p.objected(f, 0):
		return Verdict{Reason: Objected}
	default:
		return Verdict{Reason: OKPresumedConsent, Ground: ir.GroundPresumedConsent}
	}
}
