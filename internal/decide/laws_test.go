package decide_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// The laws of a decision, on random histories. A failure names the seed, with which the same history comes again.

const rounds = 10000

var (
	start    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	moment   = decide.Now{Ledger: start.AddDate(0, 0, 100)}
	purposes = []consent.PurposeID{"newsletter", "profiling", "device", "calls", "goods", "letters", "invoice"}
	needs    = map[ir.Ground]bool{ir.GroundConsent: true, ir.GroundSpecialCategoryConsent: true, ir.GroundExistingCustomer: true, ir.GroundPresumedConsent: true}
)

// world is a bundle with every kind of purpose, under which a plan can be had for each.
func world() *ir.Bundle {
	marketing := ir.ObjectionDirectMarketing
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "n", Workload: "Deployment/w", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 30000,
		Purposes: []ir.Purpose{
			{Name: "newsletter", Grounds: []ir.Ground{ir.GroundConsent}, Objection: marketing, Proofs: []consent.Proof{consent.ProofMailboxConfirmed}, ValidForDays: 120, UnusedForDays: 90},
			{Name: "profiling", Grounds: []ir.Ground{ir.GroundConsent}, Objection: marketing, DeviceAccess: "device"},
			{Name: "device", Grounds: []ir.Ground{ir.GroundConsent}, Objection: ir.ObjectionNone},
			{Name: "calls", Grounds: []ir.Ground{ir.GroundPresumedConsent}, Objection: marketing, BusinessOnly: true},
			{Name: "goods", Grounds: []ir.Ground{ir.GroundExistingCustomer}, Objection: marketing, Goods: []string{"garden"}},
			{Name: "letters", Grounds: []ir.Ground{ir.GroundLegitimateInterest}, Objection: marketing, ThirdPartyData: true},
			{Name: "invoice", Grounds: []ir.Ground{ir.GroundContract}, Objection: ir.ObjectionNone},
		},
		Services: []ir.Service{{Name: "s/s", Hosts: []string{"s"}, Ports: []ir.Port{{Port: 80, Protocol: "HTTP"}}, Party: ir.Party{Role: ir.RoleProcessor}}},
	}
	for i := range b.Purposes {
		p := &b.Purposes[i]
		p.Controller, p.Processing = "c", []ir.Processing{ir.ProcessingSend}
		p.Channels = []consent.Channel{consent.ChannelEmail}
		if p.Name == "calls" {
			p.Channels = []consent.Channel{consent.ChannelPhone}
		}
		b.Notices = append(b.Notices, ir.Notice{
			Name: consent.NoticeID(p.Name), Controller: "c", Purposes: []consent.PurposeID{p.Name}, Processing: p.Processing, Channels: p.Channels,
		})
		b.Services[0].Endpoints = append(b.Services[0].Endpoints, ir.Endpoint{
			Name: string(p.Name), Methods: []string{"POST"}, Path: "/" + string(p.Name), Processing: p.Processing, Channel: p.Channels[0],
			Query:   []ir.QueryParam{{Name: "email", Person: &ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain}}},
			Fulfils: []ir.Fulfilment{{Obligation: ir.AddObjectionNotice}},
		})
		b.Rules = append(b.Rules, ir.Rule{
			Policy: "n/p/" + string(p.Name), Purpose: p.Name, Service: "s/s", Endpoints: []string{string(p.Name)},
			OnMissing: ir.OnMissingDeny, OnEmpty: ir.OnEmptyDeny, Mode: ir.ModeEnforce,
		})
	}
	return b
}

func plansOf(t testing.TB) map[consent.PurposeID]*decide.Plan {
	t.Helper()
	encoded, err := ir.Encode(world())
	if err != nil {
		t.Fatal(err)
	}
	b, err := ir.Decode(encoded)
	if err != nil {
		t.Fatal(err)
	}
	x := decide.NewIndex(b)
	out := map[consent.PurposeID]*decide.Plan{}
	for _, p := range purposes {
		e, reason := x.Endpoint("POST", "s", 80, "/"+string(p))
		if reason != "" {
			t.Fatal(reason)
		}
		if out[p], reason = x.Plan(e, nil); reason != "" {
			t.Fatal(p, reason)
		}
	}
	return out
}

var (
	restricting = []consent.EventType{
		consent.EventWithdrawn, consent.EventObjected, consent.EventRestricted, consent.EventErasureRequested, consent.EventErased,
		consent.EventSuppressed, consent.EventCancelled, consent.EventDisowned,
	}
	asking = []consent.EventType{consent.EventAsked, consent.EventRefused, consent.EventDeferred}
	others = []consent.EventType{
		consent.EventGiven, consent.EventGiven, consent.EventGiven, consent.EventConfirmed, consent.EventRenewed, consent.EventWidened,
		consent.EventObjectionLifted, consent.EventUnrestricted, consent.EventRelationship, consent.EventAttribute, consent.EventUsed,
	}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// event gives a random event at a position. Its time follows the position, so that all are before the moment of decisions.
func event(r *rand.Rand, kind consent.EventType, at consent.Position) consent.Event {
	p := pick(r, purposes)
	e := consent.Event{
		Type: kind, Position: at, At: start.AddDate(0, 0, int(at)*5), Actor: consent.ActorOfficer, Purpose: p, Notice: consent.NoticeID(p),
		Proof: pick(r, []consent.Proof{consent.ProofMailboxConfirmed, consent.ProofMailboxConfirmed, consent.ProofSigned}),
		Scope: pick(r, []consent.Scope{consent.ScopeAll, consent.ScopeChannel, consent.ScopePurpose}), Channel: pick(r, []consent.Channel{consent.ChannelEmail, consent.ChannelPhone}),
		Goods: []string{pick(r, []string{"garden", "wine"})}, ObjectionNotice: r.IntN(2) == 0, Pending: kind == consent.EventGiven && r.IntN(4) == 0,
	}
	e.Attribute = pick(r, []string{"addressee", "informed"})
	e.Value = map[string]string{"addressee": "business", "informed": "shown"}[e.Attribute]
	if r.IntN(2) == 0 && at > 1 {
		e.BasedOn = consent.Position(r.IntN(int(at)))
	}
	if slices.Contains([]consent.EventType{consent.EventRenewed, consent.EventWidened}, kind) || (kind == consent.EventWithdrawn && r.IntN(3) == 0) {
		e.Grant = consent.Position(1 + r.IntN(int(at)))
	}
	return e
}

func history(r *rand.Rand, length int) []consent.Event {
	kinds := slices.Concat(others, others, asking, restricting)
	var out []consent.Event
	for at := range length {
		out = append(out, event(r, pick(r, kinds), consent.Position(at+1)))
	}
	return out
}

func verdict(p *decide.Plan, rec *consent.Record, now decide.Now) decide.Verdict {
	return p.Person(func(q consent.PurposeID) consent.Fact { return consent.Project(rec, q, now.Ledger) }, decide.Collected{}, now)
}

// law runs a law on random histories, and checks that enough of them permit something: a law about permissions that never come up says
// nothing.
func law(t *testing.T, check func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (permitted bool, broken string)) {
	t.Helper()
	plans := plansOf(t)
	permitted := 0
	for seed := range uint64(rounds) {
		ok, broken := check(rand.New(rand.NewPCG(seed, 7)), plans)
		if broken != "" {
			t.Fatalf("seed %d: %s", seed, broken)
		}
		if ok {
			permitted++
		}
	}
	if permitted < rounds/20 {
		t.Fatalf("only %d of %d histories permit anything", permitted, rounds)
	}
}

func TestARestrictionNeverPermitsMore(t *testing.T) {
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		events := history(r, 2+r.IntN(10))
		last := event(r, pick(r, restricting), consent.Position(len(events)+1))
		before, after := consent.Fold(events), consent.Fold(append(events, last))
		any := false
		for _, p := range purposes {
			was, is := verdict(plans[p], before, moment), verdict(plans[p], after, moment)
			if is.Permit() && !was.Permit() {
				return any, fmt.Sprintf("%s: %s became %s after %+v", p, was.Reason, is.Reason, last)
			}
			any = any || (was.Permit() && p != "invoice")
		}
		return any, ""
	})
}

func TestAskingChangesNoDecision(t *testing.T) {
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		events := history(r, 2+r.IntN(10))
		last := event(r, pick(r, asking), consent.Position(len(events)+1))
		before, after := consent.Fold(events), consent.Fold(append(events, last))
		any := false
		for _, p := range purposes {
			was, is := verdict(plans[p], before, moment), verdict(plans[p], after, moment)
			if was.Reason != is.Reason {
				return any, fmt.Sprintf("%s: %s became %s after %+v", p, was.Reason, is.Reason, last)
			}
			any = any || (was.Permit() && p != "invoice")
		}
		return any, ""
	})
}

// TestAWithdrawalIsNotUndone by anything that did not know of it: whatever follows, no grant of the purpose permits unless it, or a
// renewal or confirmation of it, names a position at or after the withdrawal.
func TestAWithdrawalIsNotUndone(t *testing.T) {
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		events := history(r, 1+r.IntN(6))
		no := event(r, consent.EventWithdrawn, consent.Position(len(events)+1))
		no.Purpose, no.Grant = "newsletter", 0
		events = append(events, no)
		knows := false
		for range r.IntN(8) {
			e := event(r, pick(r, slices.Concat(others, asking)), consent.Position(len(events)+1))
			knows = knows || e.BasedOn >= no.Position
			events = append(events, e)
		}
		v := verdict(plans["newsletter"], consent.Fold(events), moment)
		if v.Permit() && !knows {
			return false, fmt.Sprintf("%s after a withdrawal at %d: %+v", v.Reason, no.Position, events)
		}
		return v.Permit() || verdict(plans["goods"], consent.Fold(events), moment).Permit(), ""
	})
}

func TestWhatNeedsARecordIsNeverPermittedWithoutOne(t *testing.T) {
	for _, now := range []decide.Now{moment, decide.Never, {Ledger: start, Age: time.Hour}} {
		for name, p := range plansOf(t) {
			v := verdict(p, &consent.Record{}, now)
			if v.Permit() && needs[v.Ground] {
				t.Errorf("%s: %s without a record", name, v.Reason)
			}
			if name == "invoice" && !v.Permit() {
				t.Errorf("an invoice is denied: %s", v.Reason)
			}
		}
	}
}

func TestExpiryIsMonotoneInTime(t *testing.T) {
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		rec := consent.Fold(history(r, 2+r.IntN(10)))
		any := false
		for _, p := range purposes {
			denied := decide.Reason("")
			for days := 100; days < 400; days += 20 {
				v := verdict(plans[p], rec, decide.Now{Ledger: start.AddDate(0, 0, days)})
				if v.Permit() && denied != "" {
					return any, fmt.Sprintf("%s: %s, and %s on day %d", p, denied, v.Reason, days)
				}
				if !v.Permit() {
					denied = v.Reason
				}
				any = any || (v.Permit() && p != "invoice")
			}
		}
		return any, ""
	})
}

func TestInheritanceIsOrderFreeAndNeverPermitsMore(t *testing.T) {
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		own := consent.Fold(history(r, 2+r.IntN(10)))
		var linked []*consent.Record
		for range 1 + r.IntN(3) {
			linked = append(linked, consent.Fold(history(r, 1+r.IntN(8))))
		}
		one := consent.Inherit(own, linked...)
		slices.Reverse(linked)
		other := consent.Inherit(own, linked...)
		stepwise := own
		for _, l := range linked {
			stepwise = consent.Inherit(stepwise, l)
		}
		any := false
		for _, p := range purposes {
			was, is := verdict(plans[p], own, moment), verdict(plans[p], one, moment)
			switch {
			case is.Reason != verdict(plans[p], other, moment).Reason, is.Reason != verdict(plans[p], stepwise, moment).Reason:
				return any, fmt.Sprintf("%s: the order of records counts", p)
			case is.Permit() && !was.Permit():
				return any, fmt.Sprintf("%s: %s became %s by inheritance", p, was.Reason, is.Reason)
			}
			any = any || (is.Permit() && p != "invoice")
		}
		return any, ""
	})
}

// TestACorrectionNeverPermitsMoreThanWithoutTheEntry: a history with an entry that is voided permits nothing that the history without
// the entry would not permit.
func TestACorrectionNeverPermitsMoreThanWithoutTheEntry(t *testing.T) {
	law(t, func(r *rand.Rand, plans map[consent.PurposeID]*decide.Plan) (bool, string) {
		events := history(r, 3+r.IntN(8))
		wrong := r.IntN(len(events))
		if events[wrong].Type == consent.EventAttribute || events[wrong].Type == consent.EventUsed {
			return true, "" // an attribute is corrected by telling it anew; uses are counted by machines
		}
		if slices.ContainsFunc(events, func(e consent.Event) bool { return e.Grant == events[wrong].Position }) {
			return true, "" // later acts that name the entry's grant would be about nothing without it
		}
		correction := consent.Event{
			Type: consent.EventCorrected, Position: consent.Position(len(events) + 1), At: start.AddDate(0, 0, 95), Actor: consent.ActorOfficer,
			Corrects: events[wrong].Position, By: "a", ApprovedBy: "b",
		}
		corrected := consent.Fold(append(slices.Clone(events), correction))
		without := consent.Fold(slices.Delete(slices.Clone(events), wrong, wrong+1))
		any := false
		for _, p := range []consent.PurposeID{"newsletter", "profiling", "device", "goods"} {
			c, w := verdict(plans[p], corrected, moment), verdict(plans[p], without, moment)
			if c.Permit() && !w.Permit() {
				return any, fmt.Sprintf("%s: %s with the correction of %+v, %s without it", p, c.Reason, events[wrong], w.Reason)
			}
			any = any || c.Permit()
		}
		return any, ""
	})
}
