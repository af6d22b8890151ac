package ir_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// ledgerBundle is a sound bundle of a ledger with one touchpoint.
func ledgerBundle() *ir.Bundle {
	return &ir.Bundle{
		Schema: ir.Schema, Namespace: "consent", Workload: "ConsentLedger/main", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 30000,
		Purposes: []ir.Purpose{{Name: "newsletter", Controller: "shop", Objection: ir.ObjectionDirectMarketing}},
		Notices: []ir.Notice{{
			Name: "newsletter-v1", Controller: "shop", Purposes: []consent.PurposeID{"newsletter"}, Texts: []ir.Text{ir.TextOf("de", "Ja, gern.")},
		}},
		Touchpoints: []ir.Touchpoint{{
			Name: "shop/form", Controller: "shop", Place: ir.PlaceWebForm, OptIn: []consent.NoticeID{"newsletter-v1"}, CoolDownDays: 180, DeferDays: 14,
			Confirmation: &ir.Confirmation{Proof: consent.ProofMailboxConfirmed, ValidForHours: 72, AgainAfterHours: 24},
			Writers:      []string{"system:serviceaccount:shop:form"},
		}},
	}
}

func TestWhatABundleForALedgerMayNotSay(t *testing.T) {
	if _, err := ir.Encode(ledgerBundle()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*ir.Bundle, *ir.Touchpoint){
		"words with the hash of others":         func(b *ir.Bundle, _ *ir.Touchpoint) { b.Notices[0].Texts[0].Text = "Nein." },
		"words without a hash":                  func(b *ir.Bundle, _ *ir.Touchpoint) { b.Notices[0].Texts[0].SHA256 = "" },
		"a touchpoint without its namespace":    func(_ *ir.Bundle, p *ir.Touchpoint) { p.Name = "form" },
		"a touchpoint twice":                    func(b *ir.Bundle, p *ir.Touchpoint) { b.Touchpoints = append(b.Touchpoints, *p) },
		"an unknown place":                      func(_ *ir.Bundle, p *ir.Touchpoint) { p.Place = "Moon" },
		"no cool-down":                          func(_ *ir.Bundle, p *ir.Touchpoint) { p.CoolDownDays = 0 },
		"no time to think":                      func(_ *ir.Bundle, p *ir.Touchpoint) { p.DeferDays = 0 },
		"a wording that is not there":           func(_ *ir.Bundle, p *ir.Touchpoint) { p.OptIn[0] = "nothing-v1" },
		"a step to a wording that is not there": func(_ *ir.Bundle, p *ir.Touchpoint) { p.Ladder = []ir.LadderStep{{Notice: "nothing-v1"}} },
		"a step after one that is not there": func(_ *ir.Bundle, p *ir.Touchpoint) {
			p.Ladder = []ir.LadderStep{{Notice: "newsletter-v1", After: p.OptIn}}
			p.Ladder[0].After = []consent.NoticeID{"nothing-v1"}
		},
		"the wording of another controller":      func(_ *ir.Bundle, p *ir.Touchpoint) { p.Controller = "other" },
		"a proof that nobody knows":              func(_ *ir.Bundle, p *ir.Touchpoint) { p.Confirmation.Proof = "Sworn" },
		"a confirmation without time to confirm": func(_ *ir.Bundle, p *ir.Touchpoint) { p.Confirmation.ValidForHours = 0 },
		"a form about nobody":                    func(_ *ir.Bundle, p *ir.Touchpoint) { p.Intake = &ir.Intake{KeyGeneration: 1} },
		"a form with no key":                     func(_ *ir.Bundle, p *ir.Touchpoint) { p.Intake = &ir.Intake{Email: "/email"} },
		"a form with a pointer that is none":     func(_ *ir.Bundle, p *ir.Touchpoint) { p.Intake = &ir.Intake{Email: "email", KeyGeneration: 1} },
		"a form about what is not offered": func(_ *ir.Bundle, p *ir.Touchpoint) {
			p.Intake = &ir.Intake{Email: "/email", KeyGeneration: 1, Purposes: []ir.IntakePurpose{{Notice: "nothing-v1", Pointer: "/a"}}}
		},
		"a writer without a name": func(_ *ir.Bundle, p *ir.Touchpoint) { p.Writers[0] = "" },
	} {
		t.Run(name, func(t *testing.T) {
			b := ledgerBundle()
			change(b, &b.Touchpoints[0])
			if _, err := ir.Encode(b); !errors.Is(err, ir.ErrBundle) {
				t.Errorf("accepted: %v", err)
			}
		})
	}
}

func TestOnlyLedgersGetLongBundles(t *testing.T) {
	long := ledgerBundle()
	for len(long.Notices[0].Texts) < 20 {
		long.Notices[0].Texts = append(long.Notices[0].Texts, ir.TextOf("de", strings.Repeat("Wort ", 3000)))
	}
	encoded, err := ir.Encode(long)
	if err != nil || len(encoded) <= ir.MaxBundleBytes {
		t.Fatalf("%d bytes, %v", len(encoded), err)
	}
	if _, err := ir.Decode(encoded); err != nil {
		t.Error(err)
	}
	if _, err := ir.Decode([]byte(strings.Replace(string(encoded), "ConsentLedger/main", "Deployment/mailer", 1))); !errors.Is(err, ir.ErrTooLarge) {
		t.Errorf("a sidecar reads %d bytes: %v", len(encoded), err)
	}
	long.Workload = "Deployment/mailer"
	if _, err := ir.Encode(long); !errors.Is(err, ir.ErrTooLarge) {
		t.Errorf("a sidecar's bundle was written: %v", err)
	}
	for len(long.Notices[0].Texts) < 60 {
		long.Notices[0].Texts = append(long.Notices[0].Texts, ir.TextOf("de", strings.Repeat("Wort ", 3000)))
	}
	long.Workload = "ConsentLedger/main"
	if _, err := ir.Encode(long); !errors.Is(err, ir.ErrTooLarge) {
		t.Errorf("a ledger's bundle of any size was written: %v", err)
	}
}
