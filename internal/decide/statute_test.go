package decide_test

import (
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// planFor gives the plan of the world's letters, changed.
func planFor(t *testing.T, change func(*ir.Purpose)) *decide.Plan {
	t.Helper()
	b := world()
	for i := range b.Purposes {
		if b.Purposes[i].Name == "letters" {
			b.Purposes[i].ThirdPartyData = false
			change(&b.Purposes[i])
		}
	}
	x := decide.NewIndex(b)
	e, reason := x.Endpoint("POST", "s", 80, "/letters")
	if reason != "" {
		t.Fatal(reason)
	}
	p, reason := x.Plan(e, nil)
	if reason != "" {
		t.Fatal(reason)
	}
	return p
}

// TestAPublicTaskYieldsToAnObjection: GDPR Art. 21(1) names Art. 6(1)(e) beside (f). What rests on the absence of an objection needs
// facts that are fresh.
func TestAPublicTaskYieldsToAnObjection(t *testing.T) {
	p := planFor(t, func(p *ir.Purpose) {
		p.Grounds, p.Objection = []ir.Ground{ir.GroundPublicTask}, ir.ObjectionOwnSituation
	})
	objected := consent.Fold([]consent.Event{{Position: 1, Type: consent.EventObjected, Scope: consent.ScopePurpose, Purpose: "letters"}})
	for name, tt := range map[string]struct {
		record *consent.Record
		now    decide.Now
		want   decide.Reason
	}{
		"nobody objected": {&consent.Record{}, moment, decide.OKPublicTask},
		"somebody did":    {objected, moment, decide.Objected},
		"nobody knows":    {&consent.Record{}, decide.Never, decide.LedgerBehind},
	} {
		t.Run(name, func(t *testing.T) {
			if got := verdict(p, tt.record, tt.now).Reason; got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// TestSpecialCategoriesNeedAGroundOfArticle9: no ground of GDPR Art. 6 carries them by itself.
func TestSpecialCategoriesNeedAGroundOfArticle9(t *testing.T) {
	known := consent.Fold([]consent.Event{
		{Position: 1, Type: consent.EventGiven, Purpose: "letters", Notice: "letters", At: start},
		{Position: 2, Type: consent.EventRelationship, Goods: []string{"garden"}, ObjectionNotice: true, At: start},
	})
	for ground, want := range map[ir.Ground]decide.Reason{
		ir.GroundConsent: decide.SpecialCategoryConsentMissing, ir.GroundContract: decide.SpecialCategoryConsentMissing,
		ir.GroundLegitimateInterest: decide.SpecialCategoryConsentMissing, ir.GroundExistingCustomer: decide.SpecialCategoryConsentMissing,
		ir.GroundLegalObligation: decide.OKLegalObligation, ir.GroundVitalInterest: decide.OKVitalInterest, ir.GroundPublicTask: decide.OKPublicTask,
	} {
		t.Run(string(ground), func(t *testing.T) {
			p := planFor(t, func(p *ir.Purpose) {
				p.Grounds, p.Goods, p.Special = []ir.Ground{ground}, []string{"garden"}, []string{"pd:MedicalHealth"}
			})
			if got := verdict(p, known, moment).Reason; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// TestADenialHasAReason that a caller may see.
func TestADenialHasAReason(t *testing.T) {
	b := world()
	b.Services[0].Endpoints[0].Request = &ir.Message{Addressees: []ir.Addressees{{Each: "/to/*", Identifies: ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain}}}}
	b.Services[0].Endpoints[1].Processing = []ir.Processing{ir.ProcessingErase}
	x := decide.NewIndex(b)
	for name, path := range map[string]string{"nobody is addressed": "/newsletter", "the purpose does not include what the endpoint does": "/profiling"} {
		t.Run(name, func(t *testing.T) {
			d := decide.Decide(x, decide.Request{Method: "POST", Host: "s", Port: 80, Path: path}, moment)
			if d.Effect != decide.Deny || len(d.Reasons) != 1 || d.Reasons[0] != decide.NotPermitted {
				t.Errorf("%+v", d)
			}
		})
	}
}
