package decide_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// TestTrackingNeedsAPurposeOfItsOwn: a mail goes out on the newsletter's consent; what it would do besides is turned off unless the person
// agreed to that, too, and whatever that purpose owes is met.
func TestTrackingNeedsAPurposeOfItsOwn(t *testing.T) {
	agreed := map[consent.PurposeID]bool{"newsletter": true}
	facts := func(p consent.PurposeID) consent.Fact {
		if !agreed[p] {
			return consent.Fact{}
		}
		return consent.Fact{Grants: []consent.Grant{{
			Position: 1, Purpose: p, Notice: consent.NoticeID(p), Status: consent.StatusGiven, Proof: consent.ProofMailboxConfirmed, Since: start.AddDate(0, 0, 50),
		}}}
	}
	for name, tt := range map[string]struct {
		rule      []ir.TrackingRule
		agreed    []consent.PurposeID
		anonymous bool
		fulfils   []ir.Fulfilment
		reason    decide.Reason
		off       bool
	}{
		"without a rule it is off":                 {nil, []consent.PurposeID{"profiling", "device"}, false, nil, decide.OKConsent, true},
		"with a rule and both grants it is on":     {rule("profiling", ir.OnMixedOffForAll), []consent.PurposeID{"profiling", "device"}, false, nil, decide.OKConsent, false},
		"without device access it is off":          {rule("profiling", ir.OnMixedOffForAll), []consent.PurposeID{"profiling"}, false, nil, decide.OKConsent, true},
		"without the grant it is off":              {rule("profiling", ir.OnMixedSplit), []consent.PurposeID{"device"}, false, nil, decide.OKConsent, true},
		"or the person is left out":                {rule("profiling", ir.OnMixedDropAddressee), []consent.PurposeID{"device"}, false, nil, decide.NoGrant, false},
		"under an absent purpose it is off":        {rule("absent", ir.OnMixedDropAddressee), nil, false, nil, decide.OKConsent, true},
		"figures that nobody makes anonymous":      {rule("device", ir.OnMixedOffForAll), []consent.PurposeID{"device"}, true, nil, decide.OKConsent, true},
		"figures that the service makes out of it": {rule("device", ir.OnMixedOffForAll), []consent.PurposeID{"device"}, true, []ir.Fulfilment{{Obligation: ir.Anonymise}}, decide.OKConsent, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := world()
			b.Purposes = append(b.Purposes, ir.Purpose{Name: "absent", Objection: ir.ObjectionNone, Blocked: string(decide.PurposeUndeclared)})
			e := &b.Services[0].Endpoints[0]
			e.Request = &ir.Message{Switches: []ir.Switch{{Tracking: ir.OpenTracking, Pointer: "/open", Off: json.RawMessage("false"), Processing: []ir.Processing{ir.ProcessingSend}}}}
			e.Fulfils, b.Rules[0].Tracking = tt.fulfils, tt.rule
			i := slices.IndexFunc(b.Purposes, func(p ir.Purpose) bool { return p.Name == "device" })
			b.Purposes[i].Anonymous = tt.anonymous
			if err := ir.Validate(b); err != nil {
				t.Fatal(err)
			}
			clear(agreed)
			agreed["newsletter"] = true
			for _, p := range tt.agreed {
				agreed[p] = true
			}
			x := decide.NewIndex(b)
			found, _ := x.Endpoint("POST", "s", 80, "/newsletter")
			p, reason := x.Plan(found, nil)
			if reason != "" {
				t.Fatal(reason)
			}
			v := p.Person(facts, decide.Collected{}, moment)
			if off := slices.Contains(v.Obligations, ir.OpenTrackingOff); v.Reason != tt.reason || off != tt.off {
				t.Errorf("%+v", v)
			}
		})
	}
}

func rule(p consent.PurposeID, mixed ir.OnMixed) []ir.TrackingRule {
	return []ir.TrackingRule{{Tracking: ir.OpenTracking, Purpose: p, OnMixed: mixed}}
}
