package asking

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/signal"
	"github.com/optup/optup/internal/ledger/store"
)

// RequestID names a purpose in a wording where a browser is asked for consent (ADPC): both names, with a tilde between them.
func RequestID(n consent.NoticeID, p consent.PurposeID) string { return string(n) + "~" + string(p) }

// Signal takes what a person's browser says in the headers of a request at a touchpoint. It may be told with every request: what is so
// already is not appended again.
//
// Sec-GPC objects to the purposes of ads and sharing (see sharing), unless the person has expressly agreed to them: a choice about one
// purpose outweighs a general one. It counts for whomever the request names. ADPC takes back, objects and consents as the person at their
// device; of somebody who only typed in an address it says nothing.
func (s *Service) Signal(ctx context.Context, name string, p Person, said signal.Signals) ([]Taken, error) {
	scene, err := s.scene(ctx, name)
	if err != nil || said.Empty() {
		return nil, err
	}
	if len(p.Identities) == 0 || (len(p.Identities) > 1 && !p.Known()) {
		return nil, ErrPerson
	}
	record, err := s.record(ctx, p)
	if err != nil {
		return nil, err
	}
	var events []consent.Event
	if said.NoSale {
		events = append(events, scene.noSale(record)...)
	}
	if p.Known() {
		events = append(events, scene.takenBack(said, record)...)
	}
	if err := s.restrict(ctx, scene, p, said, events); err != nil {
		return nil, err
	}
	if !p.Known() || len(said.Consent) == 0 {
		return nil, nil
	}
	return s.consents(ctx, name, scene, p, said)
}

// restrict appends what takes back or objects.
func (s *Service) restrict(ctx context.Context, c *scene, p Person, said signal.Signals, events []consent.Event) error {
	// Strings cannot fail to be written.
	body, _ := json.Marshal(struct {
		Kind       string `json:"kind"`
		Touchpoint string `json:"touchpoint"`
		Via        string `json:"via"`
	}{"header", c.touchpoint.Name, said.Evidence})
	all := make([]store.Append, len(events))
	for i, e := range events {
		// Of an address that somebody typed in, the touchpoint says it: the person may never have been there.
		e.Actor, e.Touchpoint = consent.ActorTouchpoint, c.touchpoint.Name
		if p.Known() {
			e.Actor = consent.ActorPerson
		}
		all[i] = store.Append{Identities: p.Identities, Event: e}
		if s.keeps {
			all[i].Attachments = append(p.evidence(), store.Attachment{Kind: store.KindEvidence, Body: body})
		}
	}
	if len(all) == 0 {
		return nil
	}
	results, refused, err := s.Store.Append(ctx, all...)
	if err != nil {
		return err
	}
	for i, r := range refused {
		s.count(all[i].Event, r, results[i].Replayed)
		if r != nil {
			return r
		}
	}
	return nil
}

// sharing tells whether a purpose is what Sec-GPC is about: data goes to somebody else, or a profile is made for advertising. A newsletter
// is not, whatever else it does with opens and clicks.
func sharing(p *ir.Purpose) bool {
	does := func(x ir.Processing) bool { return slices.Contains(p.Processing, x) }
	switch p.Objection {
	case ir.ObjectionDirectMarketing:
		return does(ir.ProcessingDisclose) || (!does(ir.ProcessingSend) && (does(ir.ProcessingProfile) || does(ir.ProcessingTrack)))
	case ir.ObjectionOwnSituation:
		return does(ir.ProcessingDisclose)
	default:
		return false
	}
}

// noSale are the objections that Sec-GPC comes to.
func (c *scene) noSale(r *consent.Record) []consent.Event {
	var out []consent.Event
	for i := range c.bundle.Purposes {
		p := &c.bundle.Purposes[i]
		if sharing(p) && !objected(r, p.Name) && !agreed(r, p.Name) && !waiting(r, p.Name) {
			out = append(out, consent.Event{Type: consent.EventObjected, Scope: consent.ScopePurpose, Purpose: p.Name})
		}
	}
	return out
}

// takenBack are the withdrawals and the objection that ADPC comes to. Who takes back everything but one keeps that one.
func (c *scene) takenBack(said signal.Signals, r *consent.Record) []consent.Event {
	kept := map[consent.PurposeID]bool{}
	for _, id := range said.Consent {
		if _, p, ok := strings.Cut(id, "~"); ok {
			kept[consent.PurposeID(p)] = true
		}
	}
	back := map[consent.PurposeID]bool{}
	for _, id := range said.Withdraw {
		if _, p, ok := strings.Cut(id, "~"); ok {
			back[consent.PurposeID(p)] = true
		}
	}
	var out []consent.Event
	for i := range c.bundle.Purposes {
		p := c.bundle.Purposes[i].Name
		if live(r, p) && (back[p] || (said.All && !kept[p])) {
			out = append(out, consent.Event{Type: consent.EventWithdrawn, Purpose: p})
		}
	}
	if said.Marketing && !slices.ContainsFunc(r.Objections, func(o consent.Objection) bool { return o.Scope == consent.ScopeAll }) {
		out = append(out, consent.Event{Type: consent.EventObjected, Scope: consent.ScopeAll})
	}
	return out
}

// consents takes the consents that ADPC gives, where they are asked for and are not given already. The browser speaks for the device, so
// what needs another proof is not taken.
func (s *Service) consents(ctx context.Context, name string, c *scene, p Person, said signal.Signals) ([]Taken, error) {
	record, err := s.record(ctx, p)
	if err != nil {
		return nil, err
	}
	in := Answers{Via: said.Evidence}
	for _, id := range said.Consent {
		notice, purpose, _ := strings.Cut(id, "~")
		a := Answer{Notice: consent.NoticeID(notice), Purpose: consent.PurposeID(purpose), Answer: Given, BasedOn: record.Position}
		if agreed(record, a.Purpose) {
			continue
		}
		if e, err := c.event(a, p, record); err == nil && !e.Pending {
			in.Answers = append(in.Answers, a)
		}
	}
	if len(in.Answers) == 0 {
		return nil, nil
	}
	return s.Answer(ctx, name, p, in)
}

// objected tells whether an objection to the purpose by name stands already.
func objected(r *consent.Record, p consent.PurposeID) bool {
	return slices.ContainsFunc(r.Objections, func(o consent.Objection) bool { return o.Scope == consent.ScopePurpose && o.Purpose == p })
}

// agreed tells whether a grant for a purpose stands.
func agreed(r *consent.Record, p consent.PurposeID) bool {
	return slices.ContainsFunc(r.Grants, func(g consent.Grant) bool {
		return g.Purpose == p && (g.Status == consent.StatusGiven || g.Status == consent.StatusRenewed)
	})
}

// live tells whether a grant for a purpose could count, now or later.
func live(r *consent.Record, p consent.PurposeID) bool {
	return slices.ContainsFunc(r.Grants, func(g consent.Grant) bool {
		switch g.Status {
		case consent.StatusGiven, consent.StatusRenewed, consent.StatusPending, consent.StatusUnproven:
			return g.Purpose == p
		default:
			return false
		}
	})
}

// waiting tells whether a grant for a purpose waits to be confirmed. It permits nothing, and is an express choice all the same.
func waiting(r *consent.Record, p consent.PurposeID) bool {
	return slices.ContainsFunc(r.Grants, func(g consent.Grant) bool { return g.Purpose == p && g.Status == consent.StatusPending })
}
