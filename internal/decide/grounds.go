package decide

import (
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// progress orders the reasons by how far a grant came, so that the person's best grant explains a denial.
var progress = []Reason{
	NoGrant, Invalidated, Cancelled, Withdrawn, Unproven, PendingConfirmation, Objected, NoticeTooOld, ControllerNotCovered,
	ProcessingNotCovered, ChannelNotCovered, RecipientNotNamed, AdvertiserNotNamed, GoodsNotCovered, SpecialCategoryConsentMissing,
	GuardianConsentMissing, Expired, UnusedTooLong, CollectedBeforeConsent, LedgerBehind,
}

// consent: GDPR Art. 6(1)(a), 7 and 9(2)(a).
func (j *judgement) consent(g ir.Ground, ok Reason) Verdict {
	p, f := j.plan, &j.fact
	best := -1
	for i := range f.Grants {
		reason := j.grant(&f.Grants[i])
		j.trace.grant(&f.Grants[i], reason)
		if reason == "" {
			return Verdict{Reason: ok, Ground: g, Grant: f.Grants[i].Position}
		}
		best = max(best, slices.Index(progress, reason))
	}
	if best < 0 {
		if p.objected(f, 0) {
			return j.end(GateObjection, Objected)
		}
		return j.end(GateGrant, NoGrant)
	}
	return Verdict{Reason: progress[best]}
}

// grant gives the reason why one grant does not carry the request; empty if it does.
func (j *judgement) grant(g *consent.Grant) Reason {
	p, f := j.plan, &j.fact
	if g.Purpose != p.Purpose.Name {
		return NoGrant
	}
	if reason := standing(g.Status); reason != "" {
		return reason
	}
	if len(p.Purpose.Proofs) > 0 && !slices.Contains(p.Purpose.Proofs, g.Proof) {
		return PendingConfirmation
	}
	for _, n := range f.Inherited {
		if n.Purpose == g.Purpose && n.Position > g.BasedOn {
			switch {
			case !n.Refusal:
				return Withdrawn
			case n.Position < g.Position:
				return NoGrant // given without knowledge of a refusal under another identifier
			}
		}
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
	if p.tooYoung(f) && !g.Guardian {
		return GuardianConsentMissing // GDPR Art. 8(1)
	}
	return j.lasts(g, n)
}

// standing gives the reason why a grant of this status never permits; empty if it may.
func standing(s consent.Status) Reason {
	switch s {
	case consent.StatusGiven, consent.StatusRenewed:
		return ""
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
	case consent.StatusExpired:
		return Expired
	case consent.StatusUnused:
		return UnusedTooLong
	default:
		return NoGrant
	}
}

// covers gives the reason why a wording does not cover what the plan is about.
func (p *Plan) covers(n *ir.Notice) Reason {
	for _, m := range p.Purpose.MinimumNotices {
		if m.Series == n.Series && n.Version < m.Version {
			return NoticeTooOld
		}
	}
	if n.Controller != p.Purpose.Controller {
		return ControllerNotCovered
	}
	if missing(p.Endpoint.Processing, n.Processing) {
		return ProcessingNotCovered
	}
	if c := p.Endpoint.Channel; c != "" && !slices.Contains(n.Channels, c) {
		return ChannelNotCovered
	}
	// A processor acts for the controller and needs no mention (GDPR Art. 28); everybody else is a recipient of their own.
	party := &p.Service.Party
	if party.Role != ir.RoleProcessor && !slices.Contains(n.Recipients, party.Name) {
		return RecipientNotNamed
	}
	if t := party.Transfer; t != nil && t.Basis == ir.TransferExplicitConsent && !slices.Contains(n.Transfers, t.Country) {
		return RecipientNotNamed // GDPR Art. 49(1)(a): the person agrees to the very transfer
	}
	if missing(p.Purpose.Advertisers, n.Advertisers) {
		return AdvertiserNotNamed
	}
	if len(n.Goods) > 0 && missing(p.Purpose.Goods, n.Goods) {
		return GoodsNotCovered
	}
	if missing(p.Purpose.Special, n.Special) {
		return SpecialCategoryConsentMissing // GDPR Art. 9(2)(a)
	}
	return ""
}

// missing tells whether some of what is needed is not there.
func missing[T comparable](needed, there []T) bool {
	for _, x := range needed {
		if !slices.Contains(there, x) {
			return true
		}
	}
	return false
}

// lasts gives the reason why a grant does not reach to now, or to the data.
func (j *judgement) lasts(g *consent.Grant, n *ir.Notice) Reason {
	p := j.plan.Purpose
	dated := j.collected.Declared && !n.EarlierData
	if j.fact.Untimed && (dated || p.ValidForDays > 0 || p.UnusedForDays > 0) {
		return LedgerBehind // whoever reduced the fact did not know that times would count
	}
	expired, unused := Ends(p, g, j.fact.Used)
	switch {
	case p.ValidForDays > 0 && !j.now.Ledger.Before(expired):
		return Expired
	case p.UnusedForDays > 0 && !j.now.Ledger.Before(unused):
		return UnusedTooLong
	case dated && j.collected.At.Before(g.Since):
		return CollectedBeforeConsent
	default:
		return ""
	}
}

// existingCustomer: UWG §7(3), ePrivacy Directive Art. 13(2). Electronic mail only; the address came with a sale, the goods are
// the seller's own and similar, the right to object was shown then and is shown in every use, and nobody objected.
func (j *judgement) existingCustomer() Verdict {
	p, f := j.plan, &j.fact
	if c := p.Endpoint.Channel; c != consent.ChannelEmail && c != consent.ChannelSMS {
		return j.end(GateChannel, ChannelNotCovered)
	}
	if p.Service.Party.Role != ir.RoleProcessor {
		return j.end(GateParty, RecipientNotNamed)
	}
	if len(p.Purpose.Advertisers) > 0 {
		return j.end(GateGrant, AdvertiserNotNamed)
	}
	if p.objected(f, 0) {
		return j.end(GateObjection, Objected)
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
			return Verdict{Reason: OKExistingCustomer, Ground: ir.GroundExistingCustomer, Obligations: []Obligation{ir.AddObjectionNotice}}
		}
	}
	return j.end(GateGrant, reason)
}

// presumed: UWG §7(2) no. 1, second alternative. A call to a business whose interest may be presumed.
func (j *judgement) presumed() Verdict {
	p, f := j.plan, &j.fact
	switch {
	case p.Endpoint.Channel != consent.ChannelPhone:
		return j.end(GateChannel, ChannelNotCovered)
	case !f.Business:
		return j.end(GateAddressee, AddresseeKind)
	case p.objected(f, 0):
		return j.end(GateObjection, Objected)
	default:
		return Verdict{Reason: OKPresumedConsent, Ground: ir.GroundPresumedConsent}
	}
}

// legitimateInterest: GDPR Art. 6(1)(f), 21(1) and (2). Data from elsewhere may be used once the person was told (Art. 14(3)).
func (j *judgement) legitimateInterest() Verdict {
	p, f := j.plan, &j.fact
	if p.objected(f, 0) {
		return j.end(GateObjection, Objected)
	}
	if p.Purpose.ThirdPartyData && !f.Informed {
		return j.end(GateInformation, Art14NoticeMissing)
	}
	return Verdict{Reason: OKLINotObjected, Ground: ir.GroundLegitimateInterest}
}

// publicTask: GDPR Art. 6(1)(e), 21(1).
func (j *judgement) publicTask() Verdict {
	if j.plan.objected(&j.fact, 0) {
		return j.end(GateObjection, Objected)
	}
	return Verdict{Reason: OKPublicTask, Ground: ir.GroundPublicTask}
}
