package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/store"
)

// Do implements pages.Desk.
func (d *Desk) Do(ctx context.Context, who pages.Who, a pages.Act) error {
	s, err := d.look(ctx, who, a.Language)
	if err != nil {
		return err
	}
	if a.BasedOn > s.position {
		return pages.ErrOutdated // a page of another ledger, or nobody's
	}
	if a.Kind == pages.ActWiden || a.Kind == pages.ActRefuse {
		return d.answer(ctx, who, s, a)
	}
	events, err := s.events(a)
	if err != nil {
		return err
	}
	return d.append(ctx, who, events)
}

// events are what an act comes to. Restricting events name no position: they hold whatever happened meanwhile.
func (s *sight) events(a pages.Act) ([]consent.Event, error) {
	e := consent.Event{Actor: consent.ActorPerson, Proof: consent.ProofMailboxConfirmed}
	switch a.Kind {
	case pages.ActWithdraw:
		if a.Purpose == "" || !s.knows(a.Purpose) {
			return nil, pages.ErrInput
		}
		return []consent.Event{s.withdrawal(e, a.Purpose)}, nil
	case pages.ActWithdrawAll:
		var out []consent.Event
		for _, p := range s.live() {
			out = append(out, s.withdrawal(e, p))
		}
		return out, nil
	case pages.ActObject, pages.ActLift:
		if !s.knows(a.Purpose) {
			return nil, pages.ErrInput
		}
		e.Type, e.Scope, e.Purpose = consent.EventObjected, consent.ScopeAll, a.Purpose
		if a.Purpose != "" {
			e.Scope = consent.ScopePurpose
		}
		if a.Kind == pages.ActLift {
			e.Type, e.BasedOn = consent.EventObjectionLifted, a.BasedOn
		}
		return []consent.Event{e}, nil
	case pages.ActRestrict:
		e.Type = consent.EventRestricted
		return []consent.Event{e}, nil
	case pages.ActUnrestrict:
		// This one permits, in a way: it has to know of everything.
		if a.BasedOn < s.position {
			return nil, pages.ErrOutdated
		}
		e.Type = consent.EventUnrestricted
		return []consent.Event{e}, nil
	case pages.ActErase:
		e.Type = consent.EventErasureRequested
		return []consent.Event{e}, nil
	default:
		return nil, pages.ErrInput
	}
}

// knows tells whether a purpose is declared, or the person has agreed or objected to it: what else a form sends does not belong into a log
// that keeps it for good. The empty one stands for all.
func (s *sight) knows(id consent.PurposeID) bool {
	return id == "" || s.words.purposes[id] != nil ||
		slices.ContainsFunc(s.record.Grants, func(g consent.Grant) bool { return g.Purpose == id }) ||
		slices.ContainsFunc(s.record.Objections, func(o consent.Objection) bool { return o.Purpose == id })
}

// withdrawal takes a purpose back as a whole.
func (*sight) withdrawal(e consent.Event, p consent.PurposeID) consent.Event {
	e.Type, e.Purpose = consent.EventWithdrawn, p
	return e
}

// live are the purposes of which some grant could count, now or later.
func (s *sight) live() []consent.PurposeID {
	var out []consent.PurposeID
	for _, g := range s.record.Grants {
		switch g.Status {
		case consent.StatusGiven, consent.StatusRenewed, consent.StatusPending, consent.StatusUnproven:
			if !slices.Contains(out, g.Purpose) {
				out = append(out, g.Purpose)
			}
		default:
		}
	}
	return out
}

// append appends what the person did, all of it or an error. It is taken every time: between two presses somebody may have agreed elsewhere.
func (d *Desk) append(ctx context.Context, who pages.Who, events []consent.Event) error {
	if len(events) == 0 {
		return nil
	}
	all := make([]store.Append, 0, len(events))
	for _, e := range events {
		all = append(all, store.Append{Identities: d.identities(who), Event: e})
	}
	_, refused, err := d.Store.Append(ctx, all...)
	if err != nil {
		return err
	}
	for _, r := range refused {
		if err := outdated(r); err != nil {
			return err
		}
	}
	return nil
}

// outdated turns the refusal of an event into that of a page which did not know what it contradicts.
func outdated(err error) error {
	if errors.Is(err, consent.ErrConflict) || errors.Is(err, consent.ErrInvalid) || errors.Is(err, store.ErrIdempotency) {
		return fmt.Errorf("%w: %w", pages.ErrOutdated, err)
	}
	return err
}

// identity is the mailbox that the person has proven, as it is known now.
func (d *Desk) identity(who pages.Who) store.Identity {
	return d.Keys.OfFirst(who.Tags, consent.IdentifierEmail)
}

func (d *Desk) identities(who pages.Who) []store.Identity { return []store.Identity{d.identity(who)} }
