package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/stream"
)

// person is the answer about one person but for its beginning, which is whether anybody is known, and the position. It is for the officer role
// only.
type person struct {
	// Record is everything that the person's events come to: grants that ended, objections and noes included. It is nil for nobody.
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
	head, err := a.Answers.Head(r.Context())
	if err != nil {
		return err
	}
	now := moment{a.Bundle(), stream.LedgerTime(a.Now(), head)}
	body, known := a.recalled(tags, head, now)
	if body == nil {
		if body, known, err = a.find(r.Context(), tags, now); err != nil {
			return err
		}
	}
	text := make([]byte, 0, len(body)+64)
	text = strconv.AppendBool(append(text, `{"known":`...), known)
	text = strconv.AppendUint(append(text, `,"position":`...), uint64(head.Position), 10)
	send(w, http.StatusOK, append(text, body...))
	return nil
}

// find reads whom tags name, makes the answer, and has it remembered.
func (a *API) find(ctx context.Context, tags []consent.Tag, now moment) (body []byte, known bool, err error) {
	record := &consent.Record{}
	var readings []*reading
	var keep *answered
	defer func() {
		for i, r := range readings {
			switch {
			case err != nil, keep == nil && known, i > 0 && known:
				r.Drop()
			default:
				r.Keep(keep, keep.size())
			}
		}
	}()
	for i, tag := range tags {
		readings = append(readings, a.Answers.Read(tag))
		found, err := a.Store.Lookup(ctx, tag)
		if err != nil {
			return nil, false, err
		}
		if found.Position == 0 || (known && found.Position == record.Position) {
			continue
		}
		if known {
			return nil, false, problem.Conflict("ambiguous", "forms of this identifier are known as more than one person; look up one hashed form at a time")
		}
		known, record = true, found
		if i == 0 {
			break // who is known by the plain form is known by all that follow from it
		}
	}
	if body, err = a.personal(record, now); err != nil {
		return nil, false, err
	}
	switch first := len(readings) == 1; {
	case !known:
		a.nobody.Store(&answered{body: body, bundle: now.bundle})
	case first:
		keep = &answered{body: body, bundle: now.bundle, from: now.t, until: lasts(now.bundle, record, now.t)}
	}
	return body, known, nil
}

// personal gives the answer about a record, from after its position on.
func (a *API) personal(record *consent.Record, now moment) ([]byte, error) {
	out := person{Record: record}
	facts := factsOf(record, now.t)
	for _, p := range a.plans(now.bundle) {
		v := p.Person(facts, decide.Collected{}, decide.Now{Ledger: now.t, Position: record.Position})
		out.Decisions = append(out.Decisions, explained{
			Purpose: p.Purpose.Name, Processing: p.Endpoint.Processing[0], Reason: v.Reason, Ground: v.Ground, Fact: facts(p.Purpose.Name),
		})
	}
	if record.Position == 0 {
		out.Record = nil
	}
	text, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	if text = append(text, '\n'); out.Record == nil && len(out.Decisions) == 0 {
		return text[1:], nil
	}
	text[0] = ','
	return text, nil
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

// plans are those of a bundle, which is that of now.
func (a *API) plans(b *ir.Bundle) []*decide.Plan {
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
