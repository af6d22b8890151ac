package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// advanceAtOnce bounds the events of one append that follow from uses.
const advanceAtOnce = 256

// uses answers POST /v1/uses: a batch of use records of one sidecar.
func (a *API) uses(w http.ResponseWriter, r *http.Request) {
	err := a.takeUses(w, r)
	if err != nil {
		a.fail(w, r, err)
	}
}

func (a *API) takeUses(w http.ResponseWriter, r *http.Request) error {
	from, err := a.Guard.Sidecar(r)
	if err != nil {
		return err
	}
	control := http.NewResponseController(w)
	if err := errors.Join(control.SetReadDeadline(time.Now().Add(readBody)), control.SetWriteDeadline(time.Now().Add(2*readBody))); err != nil {
		return err
	}
	var in wire.Uses
	if err := read(w, r, wire.MaxUsesBytes, &in); err != nil {
		return err
	}
	if err := checkUses(&in); err != nil {
		return err
	}
	// Workload and namespace are those of the grant. What it does not cover is not taken.
	before := len(in.Decisions)
	in.Decisions = slices.DeleteFunc(in.Decisions, func(d wire.Decided) bool { return !from.May(d.Purpose) })
	refused := before - len(in.Decisions)
	recorded, err := a.Store.RecordUses(r.Context(), store.UseBatch{
		Key:       a.Keys.Name("uses", from.Caller.Subject, from.Pod, in.ID),
		Namespace: from.Namespace, Workload: from.Workload, Lost: in.Lost, Decisions: in.Decisions,
	})
	if err != nil {
		return err
	}
	// A batch that comes again may not have got as far as this the first time.
	if err := a.advance(r.Context(), in.Decisions); err != nil {
		return err
	}
	a.UsesTaken(in.Decisions, refused+recorded.Refused, in.Lost, recorded.Replayed)
	return answer(w, http.StatusOK, wire.Taken{Replayed: recorded.Replayed, Refused: refused + recorded.Refused})
}

// checkUses refuses what no sidecar sends. Names leave no room for an address.
func checkUses(in *wire.Uses) error {
	if in.Version != wire.UsesVersion {
		return problem.Invalid("this ledger takes use records of version 1; upgrade it")
	}
	if in.ID == "" || len(in.ID) > maxKey || len(in.Decisions) > wire.MaxDecisions {
		return problem.Invalid("a batch has an id of at most 255 bytes and at most 4096 decisions")
	}
	people := 0
	for i := range in.Decisions {
		d := &in.Decisions[i]
		people += len(d.Uses)
		ok := d.First >= 0 && !d.At.IsZero() && effects[decide.Effect(d.Effect)] && knownReason(d.Reason) && len(d.Policies) <= maxGoods
		for _, name := range append([]string{string(d.Purpose), d.Service}, d.Policies...) {
			ok = ok && (name == "" || (len(name) <= 2*maxName && nameShape.MatchString(name)))
		}
		ok = ok && len(d.Endpoint) <= maxName && !hasAt(d.Endpoint) && len(d.Party) <= maxName && !hasAt(d.Party) && (d.Mode == "" || d.Mode == "Observe" || d.Mode == "Enforce")
		for _, u := range d.Uses {
			ok = ok && u.Reason != "" && knownReason(u.Reason)
		}
		if !ok {
			return problem.Invalid("a decision names its time, and effect, reasons, mode and resources by the names that OptUp gives them")
		}
	}
	if people > wire.MaxUses {
		return problem.Invalid("a batch holds at most 16384 uses")
	}
	return nil
}

var (
	effects = map[decide.Effect]bool{"": true, decide.Permit: true, decide.PermitFiltered: true, decide.Deny: true}
	reasons = func() map[string]bool {
		out := map[string]bool{"": true}
		for _, r := range decide.Reasons() {
			out[string(r)] = true
		}
		return out
	}()
)

func knownReason(r string) bool { return reasons[r] }

func hasAt(s string) bool { return slices.Contains([]byte(s), '@') }

// consented are the reasons for which a use keeps a consent from lapsing. A use on another ground does not.
var consented = []string{string(decide.OKConsent), string(decide.OKSpecialCategoryConsent)}

// advance notes when people's data was last used for purposes whose consent lapses without use: at most one event for each person,
// purpose and day. The log is for acts; single uses take no position in it.
func (a *API) advance(ctx context.Context, decisions []wire.Decided) error {
	all := a.plans(a.Bundle())
	var events []store.Append
	flush := func() error {
		if len(events) == 0 {
			return nil
		}
		_, errs, err := a.Store.Append(ctx, events...)
		events = events[:0]
		return errors.Join(append(errs, err)...)
	}
	for i := range decisions {
		d := &decisions[i]
		lapse := lapsing(all, d.Purpose)
		if d.Effect == "" || d.Effect == string(decide.Deny) || len(lapse) == 0 {
			continue
		}
		tags, err := a.Store.Permitted(ctx, d.ID, consented...)
		if err != nil {
			return err
		}
		for _, tag := range tags {
			e, due, err := a.due(ctx, tag, d, lapse)
			if err != nil {
				return err
			}
			if !due {
				continue
			}
			key := a.Keys.Name("used", string(tag[:]), string(d.Purpose), d.At.UTC().Format(time.DateOnly))
			events = append(events, store.Append{Identities: []store.Identity{{Tags: []consent.Tag{tag}, Plain: true}}, Event: e, Key: key, Digest: sha256.Sum256([]byte(key))})
			if len(events) == advanceAtOnce {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// lapsing gives the plans of a purpose whose consent lapses without use.
func lapsing(all []*decide.Plan, purpose consent.PurposeID) []*decide.Plan {
	var out []*decide.Plan
	for _, p := range all {
		if p.Purpose.Name == purpose && p.Purpose.UnusedForDays > 0 {
			out = append(out, p)
		}
	}
	return out
}

// due tells whether a use moves the time of the last use by a day or more, and whether the ledger itself would have permitted it then
// on consent: a use that is told for a time after the consent had lapsed must not revive it.
func (a *API) due(ctx context.Context, tag consent.Tag, d *wire.Decided, lapse []*decide.Plan) (consent.Event, bool, error) {
	at := d.At.UTC()
	if now := a.Now().UTC(); at.After(now) {
		at = now
	}
	record, err := a.Store.Lookup(ctx, tag)
	if err != nil || record.Position == 0 {
		return consent.Event{}, false, err
	}
	if last := record.Used[d.Purpose]; !last.IsZero() && !at.Truncate(24*time.Hour).After(last) {
		return consent.Event{}, false, nil
	}
	now := decide.Now{Ledger: at, Position: record.Position}
	carried := slices.ContainsFunc(lapse, func(p *decide.Plan) bool {
		return slices.Contains(consented, string(p.Person(factsOf(record, at), decide.Collected{}, now).Reason))
	})
	// The actor is the ledger: no role may append this event.
	return consent.Event{Type: consent.EventUsed, Purpose: d.Purpose, OccurredAt: at}, carried, nil
}

// Limits of a page.
const (
	defaultUses = 100
	maxUsesPage = 1000
)

// usesOf answers POST /v1/people/uses: what a person's data was used for, the newest first. The identifier is in the body.
func (a *API) usesOf(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	var in struct {
		Identifier consent.Identifier `json:"identifier"`
		Before     wire.DecisionID    `json:"before,omitzero"`
		Limit      int                `json:"limit,omitzero"`
	}
	if err := read(w, r, maxLookup, &in); err != nil {
		return err
	}
	if in.Limit == 0 {
		in.Limit = defaultUses
	}
	if in.Limit < 0 || in.Limit > maxUsesPage {
		return problem.Invalid("give a limit of 1 to 1000")
	}
	tags, err := a.Keys.Tags(in.Identifier)
	if err != nil {
		return problem.Invalid(identifierHint)
	}
	found, err := a.Store.UsesOf(r.Context(), tags, in.Before, in.Limit)
	if err != nil {
		return err
	}
	lost, err := a.Store.LostUses(r.Context())
	if err != nil {
		return err
	}
	out := UsesOf{Uses: make([]UseOf, 0, len(found)), Lost: lost}
	for _, u := range found {
		out.Uses = append(out.Uses, useOf(u))
	}
	if len(found) == in.Limit {
		out.Before = found[len(found)-1].Decision.ID.String()
	}
	return answer(w, http.StatusOK, out)
}
