package explain

import (
	"fmt"
	"slices"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// against finds what stands against a grant.
func (k *known) against(r decide.Reason, g *consent.Grant) []Cause {
	switch r {
	case decide.Withdrawn, decide.Cancelled, decide.Invalidated:
		var out []Cause
		for _, p := range g.EndedBy {
			if p != 0 {
				out = append(out, k.event(p))
			}
		}
		if len(out) == 0 && k.fact.Suppressed != 0 {
			out = append(out, k.event(k.fact.Suppressed)) // erasure ends what was agreed to
		}
		return append(out, k.inherited(g)...)
	case decide.NoGrant:
		if out := k.inherited(g); len(out) > 0 {
			return out
		}
		if !k.declares(g.Notice) {
			return nil
		}
		return []Cause{k.notice(g.Notice, "spec.covers.purposes")}
	case decide.Objected:
		return append(k.objections(), k.scene.purpose(k.name, "spec.objection"))
	default:
		return k.declared(r, g)
	}
}

// declared finds what is declared that stands against a grant.
func (k *known) declared(r decide.Reason, g *consent.Grant) []Cause {
	var out []Cause
	for _, field := range ofNotice[r] {
		out = append(out, k.notice(g.Notice, field))
	}
	for _, field := range ofPurpose[r] {
		out = append(out, k.scene.purpose(k.name, field))
	}
	if r == decide.RecipientNotNamed {
		out = append(out, k.at(serviceRef(k.service.Name), "spec.party"))
	}
	if field := ofEndpoint[r]; field != "" {
		out = append(out, k.endpoint(k.ep.IR.Name, field))
	}
	return out
}

// What a reason against a grant rests on, besides the ledger's events.
var (
	ofNotice = map[decide.Reason][]string{
		decide.ControllerNotCovered: {"spec.controller"}, decide.ProcessingNotCovered: {"spec.covers.processing"},
		decide.ChannelNotCovered: {"spec.covers.channels"}, decide.RecipientNotNamed: {"spec.covers.recipients"},
		decide.AdvertiserNotNamed: {"spec.covers.advertisers"}, decide.GoodsNotCovered: {"spec.covers.goods"},
		decide.NoticeTooOld: {"spec.version"}, decide.CollectedBeforeConsent: {"spec.covers.earlierData"},
		decide.SpecialCategoryConsentMissing: {"spec.covers.dataCategories"},
	}
	ofPurpose = map[decide.Reason][]string{
		decide.PendingConfirmation: {"spec.proof"}, decide.ControllerNotCovered: {"spec.controller"},
		decide.AdvertiserNotNamed: {"spec.advertisers"}, decide.GoodsNotCovered: {"spec.goods"}, decide.NoticeTooOld: {"spec.minimumNotices"},
		decide.SpecialCategoryConsentMissing: {"spec.dataCategories"}, decide.GuardianConsentMissing: {"spec.minimumAge"},
		decide.Expired: {"spec.validForDays"}, decide.UnusedTooLong: {"spec.unusedForDays"},
	}
	ofEndpoint = map[decide.Reason]string{
		decide.ProcessingNotCovered: "processing", decide.ChannelNotCovered: "channel", decide.CollectedBeforeConsent: "response.records.time",
	}
)

// inherited are the "noes" said under other identifiers that stand against a grant.
func (k *known) inherited(g *consent.Grant) []Cause {
	var out []Cause
	for _, n := range k.fact.Inherited {
		if n.Position > g.BasedOn {
			out = append(out, k.event(n.Position))
		}
	}
	return out
}

// without finds what stands behind a reason where no single grant is looked at: no consent, and existing customers.
func (k *known) without(r decide.Reason) []Cause {
	switch r {
	case decide.NotSimilar, decide.NoObjectionNotice:
		var out []Cause
		for _, x := range k.fact.Relationships {
			out = append(out, k.event(x.Position))
		}
		return append(out, k.scene.purpose(k.name, "spec.goods"))
	case decide.AdvertiserNotNamed:
		return []Cause{k.scene.purpose(k.name, "spec.advertisers")}
	default:
		return []Cause{k.scene.purpose(k.name, "spec.legalGrounds")}
	}
}

// detail says what is so here.
func (k *known) detail(r decide.Reason, g *consent.Grant) string {
	n := k.wording(g.Notice)
	switch r {
	case decide.PendingConfirmation:
		if g.Status == consent.StatusPending {
			return "Nobody has confirmed it yet."
		}
		return fmt.Sprintf("It is proven by %s; the purpose requires one of: %s.", orNothing(string(g.Proof)), list(k.purpose.Proofs))
	case decide.NoGrant:
		switch {
		case len(k.inherited(g)) > 0:
			return "The person said no under another identifier."
		case !k.declares(g.Notice):
			return "No ConsentNotice of that name is declared."
		case n == nil:
			return "The wording names no purpose of the workload."
		}
		return fmt.Sprintf("The wording names: %s.", list(n.Purposes))
	case decide.ProcessingNotCovered:
		return fmt.Sprintf("The endpoint does: %s; the wording covers: %s.", list(k.done()), list(n.Processing))
	case decide.ChannelNotCovered:
		return fmt.Sprintf("The endpoint uses %s; the wording covers: %s.", k.ep.IR.Channel, list(n.Channels))
	case decide.RecipientNotNamed:
		return fmt.Sprintf("The operator is %s (%s); the wording names: %s.", orNothing(k.service.Party.Name), k.service.Party.Role, list(n.Recipients))
	case decide.AdvertiserNotNamed:
		return fmt.Sprintf("The purpose advertises for: %s; the wording names: %s.", list(k.purpose.Advertisers), list(n.Advertisers))
	case decide.GoodsNotCovered:
		return fmt.Sprintf("The purpose advertises: %s; the wording covers: %s.", list(k.purpose.Goods), list(n.Goods))
	case decide.NoticeTooOld:
		return fmt.Sprintf("It is version %d of the series %s.", n.Version, n.Series)
	case decide.Expired:
		return fmt.Sprintf("The purpose allows %d days.", k.purpose.ValidForDays)
	case decide.UnusedTooLong:
		return fmt.Sprintf("The purpose allows %d days without a use.", k.purpose.UnusedForDays)
	case decide.CollectedBeforeConsent:
		if k.collected.At.IsZero() {
			return "The record does not say when it was collected."
		}
		return fmt.Sprintf("The record is of %s.", k.collected.At.Format("2 January 2006"))
	default:
		return ""
	}
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// done is what is done under the purpose that is asked about: what the switch does, for tracking.
func (k *known) done() []ir.Processing {
	if k.name == k.plan.Purpose.Name {
		return k.ep.IR.Processing
	}
	for i := range k.plan.Tracking {
		if w := k.plan.Tracking[i].Switch; k.tracks(w.Tracking) {
			return w.Processing
		}
	}
	return k.purpose.Processing
}

// tracks tells whether a rule allows the tracking for the purpose that is asked about.
func (k *known) tracks(what ir.Tracking) bool {
	return slices.ContainsFunc(k.matched, func(r *ir.Rule) bool {
		return slices.ContainsFunc(r.Tracking, func(t ir.TrackingRule) bool { return t.Tracking == what && t.Purpose == k.name })
	})
}

func (k *known) wording(name consent.NoticeID) *ir.Notice {
	notices := k.index.Bundle().Notices
	if i := slices.IndexFunc(notices, func(n ir.Notice) bool { return n.Name == name }); i >= 0 {
		return &notices[i]
	}
	return nil
}

// declares tells whether a wording is declared, also if it names no purpose of the workload and is therefore in no bundle.
func (k *known) declares(name consent.NoticeID) bool {
	return slices.ContainsFunc(k.c.Objects.Notices, func(n v1alpha1.ConsentNotice) bool { return n.Name == string(name) })
}

func (k *known) policiesWithBound() []Cause {
	return k.policies("spec.freshnessBound", func(p *v1alpha1.ConsentPolicySpec) bool { return p.FreshnessBound != nil })
}
