package api

import (
	"net/http"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/stream"
)

// found is the answer about one person. It is for the officer role only.
type found struct {
	Known    bool             `json:"known"`
	Position consent.Position `json:"position"`
	// Record is everything that the person's events come to: grants that ended, objections and noes included.
	Record *consent.Record `json:"record,omitempty"`
	// Decisions are those of this moment, for each purpose and processing of the controller.
	Decisions []explained `json:"decisions,omitempty"`
}

type explained struct {
	Purpose    consent.PurposeID `json:"purpose"`
	Processing ir.Processing     `json:"processing"`
	Reason     decide.Reason     `json:"reason"`
	Ground     ir.Ground         `json:"ground,omitempty"`
	Fact       consent.Fact      `json:"fact"`
}

// lookup answers POST /v1/people/lookup. The identifier is in the body, never in the URL.
func (a *API) lookup(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	var in struct {
		Identifier consent.Identifier `json:"identifier"`
	}
	if err := read(w, r, maxLookup, &in); err != nil {
		return err
	}
	tags, err := a.Keys.Tags(in.Identifier)
	if err != nil {
		return problem.Invalid(identifierHint)
	}
	head, err := a.Store.Head(r.Context())
	if err != nil {
		return err
	}
	out := found{Position: head.Position, Record: &consent.Record{}}
	for _, tag := range tags {
		record, err := a.Store.Lookup(r.Context(), tag)
		if err != nil {
			return err
		}
		if record.Position == 0 || (out.Known && record.Position == out.Record.Position) {
			continue
		}
		if out.Known {
			return problem.Conflict("ambiguous", "forms of this identifier are known as more than one person; look up one hashed form at a time")
		}
		out.Known, out.Record = true, record
		if tag == tags[0] {
			break // who is known by the plain form is known by all that follow from it
		}
	}
	t := stream.LedgerTime(a.Now(), head)
	now := decide.Now{Ledger: t, Position: head.Position}
	facts := factsOf(out.Record, t)
	for _, p := range a.plans() {
		v := p.Person(facts, decide.Collected{}, now)
		out.Decisions = append(out.Decisions, explained{
			Purpose: p.Purpose.Name, Processing: p.Endpoint.Processing[0], Reason: v.Reason, Ground: v.Ground, Fact: facts(p.Purpose.Name),
		})
	}
	if !out.Known {
		out.Record = nil
	}
	return answer(w, http.StatusOK, out)
}

// factsOf projects a record for whatever purpose a decision asks for, at the ledger's time.
func factsOf(r *consent.Record, t time.Time) decide.Facts {
	return func(purpose consent.PurposeID) consent.Fact { return consent.Project(r, purpose, t) }
}

// bundled are the plans of one bundle. A bundle that was handed out never changes.
type bundled struct {
	bundle *ir.Bundle
	plans  []*decide.Plan
}

// plans are those of the bundle of now.
func (a *API) plans() []*decide.Plan {
	b := a.Bundle()
	if p := a.bundled.Load(); p != nil && p.bundle == b {
		return p.plans
	}
	p := &bundled{b, plans(b)}
	a.bundled.Store(p)
	return p.plans
}

// plans are those of the usable share: one for each purpose and processing. Blocked purposes have none.
func plans(b *ir.Bundle) []*decide.Plan {
	if b == nil {
		return nil
	}
	var out []*decide.Plan
	for _, purpose := range b.Purposes {
		for _, x := range purpose.Processing {
			if p, ok := decide.Share(b, purpose.Name, x); ok {
				out = append(out, p)
			}
		}
	}
	return out
}
