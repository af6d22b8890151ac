package decide_test

import (
	"slices"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// TestAnExplanationTellsWhatWasAskedWithin: access to the device is a question of its own, with grants of its own.
func TestAnExplanationTellsWhatWasAskedWithin(t *testing.T) {
	p := plansOf(t)["profiling"]
	var rec consent.Record
	rec.Apply(consent.Event{Type: consent.EventGiven, Position: 1, At: start, Purpose: "profiling", Notice: "profiling"})
	rec.Apply(consent.Event{Type: consent.EventGiven, Position: 2, At: start, Purpose: "device", Notice: "device"})
	rec.Apply(consent.Event{Type: consent.EventWithdrawn, Position: 3, At: start, Purpose: "device"})
	facts := func(q consent.PurposeID) consent.Fact { return consent.Project(&rec, q, moment.Ledger) }
	v, steps := p.Explain(facts, decide.Collected{}, moment)
	if v.Reason != decide.DeviceAccessNotAllowed || v.Reason != p.Person(facts, decide.Collected{}, moment).Reason {
		t.Fatalf("%+v", v)
	}
	for _, want := range []decide.Step{
		{Gate: decide.GateGrant, Passed: true, Grant: 1, Notice: "profiling"},
		{Gate: decide.GateGrant, Reason: decide.Withdrawn, Grant: 2, Notice: "device", Purpose: "device"},
		{Gate: decide.GateDevice, Reason: decide.DeviceAccessNotAllowed, About: "device"},
	} {
		if !slices.Contains(steps, want) {
			t.Errorf("no %+v in %+v", want, steps)
		}
	}
}

// TestWhyTellsOfEveryRule, of those that do not match, too.
func TestWhyTellsOfEveryRule(t *testing.T) {
	b := world()
	condition := ir.Condition{Source: ir.SourceBody, Name: "/template", In: []string{"a"}}
	i := slices.IndexFunc(b.Rules, func(r ir.Rule) bool { return r.Purpose == "invoice" })
	b.Rules[i].When = []ir.Condition{condition}
	x := decide.NewIndex(b)
	e, reason := x.Endpoint("POST", "s", 80, "/invoice")
	if reason != "" {
		t.Fatal(reason)
	}
	for value, matched := range map[string]bool{"a": true, "b": false, "": false} {
		rules, steps := x.Why(e, func(_ ir.Source, name string) (string, bool) {
			return value, value != "" && name != decide.PurposeHeader
		})
		if len(rules) != 1 || rules[0].Matched() != matched || (len(steps) > 0) != matched || rules[0].Conditions[0].Given != (value != "") || rules[0].Conditions[0].Value != value {
			t.Errorf("%q: %+v, %+v", value, rules, steps)
		}
	}
}
