package desk

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/asking"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/receipt"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/stream"
)

// Options say what a Desk works with.
type Options struct {
	Store store.Store
	// History is what the log holds about a person.
	History store.Histories
	// Asking takes answers to what is offered.
	Asking *asking.Service
	Keys   *keys.Stream
	// Receipts makes receipts for people; nil where there are none.
	Receipts *receipt.Issuer
	// Controller names whose ledger it is.
	Controller func() string
	// Bundle holds purposes, wordings and touchpoints; nil while there are none.
	Bundle func() *ir.Bundle
	// Now is the ledger's clock.
	Now    func() time.Time
	Logger *slog.Logger
}

// Desk serves people. It is safe for concurrent use.
type Desk struct {
	Options
	words atomic.Pointer[words]
}

// New returns a Desk.
func New(o Options) *Desk { return &Desk{Options: o} }

// catalogue gives the words of the bundle in force.
func (d *Desk) catalogue() *words {
	b := d.Bundle()
	w := d.words.Load()
	if w == nil || w.bundle != b {
		w = newWords(b)
		d.words.Store(w)
	}
	return w
}

// sight is what is known about a person at one moment.
type sight struct {
	words    *words
	record   *consent.Record
	position consent.Position
	at       time.Time
	language string
}

// look reads what is known. A mailbox that the ledger knows under a hash alone is found by it.
func (d *Desk) look(ctx context.Context, who pages.Who, language string) (*sight, error) {
	head, err := d.Store.Head(ctx)
	if err != nil {
		return nil, err
	}
	s := &sight{words: d.catalogue(), record: &consent.Record{}, at: stream.LedgerTime(d.Now(), head), language: language}
	for _, tag := range d.identity(who).Tags {
		r, err := d.Store.Lookup(ctx, tag)
		if err != nil {
			return nil, err
		}
		if r.Position != 0 {
			s.record = r
			break
		}
	}
	s.position = s.record.Position
	return s, nil
}

// Person implements pages.Desk.
func (d *Desk) Person(ctx context.Context, who pages.Who, language string) (*pages.Person, error) {
	s, err := d.look(ctx, who, language)
	if err != nil {
		return nil, err
	}
	r := s.record
	p := &pages.Person{
		Controller: d.Controller(), Position: s.position, At: s.at, Restricted: r.Restricted, Suppressed: r.Suppressed != 0, Nobody: r.Position == 0,
		Objected: slices.ContainsFunc(r.Objections, func(o consent.Objection) bool { return o.Scope == consent.ScopeAll }),
	}
	for i := len(r.Grants) - 1; i >= 0; i-- {
		g := s.grant(&r.Grants[i])
		switch g.Status {
		case consent.StatusGiven, consent.StatusRenewed:
			p.Agreed = append(p.Agreed, g)
		case consent.StatusPending, consent.StatusUnproven:
			p.Waiting = append(p.Waiting, g)
		default:
			p.Ended = append(p.Ended, g)
		}
	}
	p.Offers, p.Others = s.offers(), s.others()
	if err := d.uses(ctx, who, s, p); err != nil {
		return nil, err
	}
	events, err := d.events(ctx, who, 0)
	if err != nil {
		return nil, err
	}
	p.History = s.history(events, d.Receipts != nil)
	return p, nil
}

// grant puts a grant into words. What has ended by itself says so.
func (s *sight) grant(g *consent.Grant) pages.Grant {
	out := pages.Grant{
		Position: g.Position, Purpose: s.words.purpose(g.Purpose, s.language), Notice: s.words.notice(g.Notice, s.language), Status: g.Status,
		Proof: g.Proof, Since: g.Since, Renewed: g.Renewed, Touchpoint: g.Touchpoint,
	}
	p := s.words.purposes[g.Purpose]
	if p == nil || (g.Status != consent.StatusGiven && g.Status != consent.StatusRenewed) {
		return out
	}
	expired, unused := decide.Ends(p, g, s.record.Used[g.Purpose])
	switch {
	case !expired.IsZero() && !s.at.Before(expired):
		out.Status = consent.StatusExpired
	case !unused.IsZero() && !s.at.Before(unused):
		out.Status = consent.StatusUnused
	default:
		out.Ends, out.Hindered = expired, s.hindered(p)
	}
	return out
}

// hindered is the reason for which consent to a purpose does not count although there is a grant, such as an objection; empty if it does.
func (s *sight) hindered(p *ir.Purpose) string {
	reason := ""
	for _, plan := range s.words.plans[p.Name] {
		v := plan.Person(s.facts, decide.Collected{}, decide.Now{Ledger: s.at, Position: s.position})
		if v.Permit() {
			return ""
		}
		reason = string(v.Reason)
	}
	return reason
}

func (s *sight) facts(purpose consent.PurposeID) consent.Fact {
	return consent.Project(s.record, purpose, s.at)
}

// objectable are grounds on which data is used until the person objects (GDPR Art. 21; UWG §7(3)).
var objectable = []ir.Ground{ir.GroundExistingCustomer, ir.GroundLegitimateInterest, ir.GroundPresumedConsent, ir.GroundPublicTask}

// others are purposes that rest on such a ground for this person: what is done, or would be had they not objected.
func (s *sight) others() []pages.Other {
	var out []pages.Other
	if s.words.bundle == nil {
		return nil
	}
	for i := range s.words.bundle.Purposes {
		p := &s.words.bundle.Purposes[i]
		if p.Objection == ir.ObjectionNone {
			continue
		}
		objected := slices.ContainsFunc(s.record.Objections, func(o consent.Objection) bool { return o.Scope == consent.ScopePurpose && o.Purpose == p.Name })
		for _, plan := range s.words.plans[p.Name] {
			now := decide.Now{Ledger: s.at, Position: s.position}
			v := plan.Person(s.facts, decide.Collected{}, now)
			free := plan.Person(func(id consent.PurposeID) consent.Fact {
				f := s.facts(id)
				f.Objections, f.Grants = nil, nil
				return f
			}, decide.Collected{}, now)
			if !slices.Contains(objectable, free.Ground) || !free.Permit() {
				continue
			}
			out = append(out, pages.Other{
				Purpose: s.words.purpose(p.Name, s.language), Ground: string(free.Ground), Objected: objected,
				Hit: !v.Permit() && v.Reason == decide.Objected,
			})
			break
		}
	}
	return out
}

// What pages show and do.
var (
	_ pages.Desk  = (*Desk)(nil)
	_ pages.Links = Links{}
	_ pages.Forms = Forms{}
)
