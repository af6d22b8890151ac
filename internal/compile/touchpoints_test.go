package compile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// ledgerOf compiles and gives the bundle of the first ledger as its ledger reads it.
func ledgerOf(t *testing.T, s policy.Snapshot) *ir.Bundle {
	t.Helper()
	r := Compile(s)
	if len(r.Ledgers) == 0 {
		t.Fatalf("no bundle for a ledger: %v", r.Findings)
	}
	b, err := ir.Decode(r.Ledgers[0].Encoded)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestALedgerLearnsWhereAndHowPeopleAreAsked(t *testing.T) {
	s := sound()
	s.Touchpoints[0].URL, s.Touchpoints[0].CoolDownDays = "https://shop.example/newsletter", 30
	s.Notices[0].Texts = []ir.Text{ir.TextOf("en", "Yes, news."), ir.TextOf("de", "Ja, Neues.")}
	s.Purposes[newsletter].Labels = []ir.Label{{Language: "en", Title: "News"}, {Language: "de", Title: "Neues"}}
	b := ledgerOf(t, s)
	if len(b.Touchpoints) != 1 {
		t.Fatalf("touchpoints %+v", b.Touchpoints)
	}
	p := b.Touchpoints[0]
	if p.Name != "shop/form" || p.URL == "" || p.CoolDownDays != 30 || !slices.Equal(p.Writers, []string{"system:serviceaccount:shop:form"}) {
		t.Errorf("touchpoint %+v", p)
	}
	if c := p.Confirmation; c == nil || *c != (ir.Confirmation{Proof: consent.ProofMailboxConfirmed, ValidForHours: 72, AgainAfterHours: 24}) {
		t.Errorf("confirmation %+v", p.Confirmation)
	}
	if len(p.Ladder) != 3 || p.Ladder[1].Notice != "audience-v1" || !slices.Equal(p.Ladder[1].After, []consent.NoticeID{"profiling-v1"}) || p.Ladder[2].After != nil {
		t.Errorf("ladder %+v", p.Ladder)
	}
	n := b.Notices[slices.IndexFunc(b.Notices, func(n ir.Notice) bool { return n.Name == "newsletter-v1" })]
	if len(n.Texts) != 2 || n.Texts[0] != ir.TextOf("de", "Ja, Neues.") {
		t.Errorf("texts %+v", n.Texts)
	}
	q := b.Purposes[slices.IndexFunc(b.Purposes, func(p ir.Purpose) bool { return p.Name == "newsletter" })]
	if len(q.Labels) != 2 || q.Labels[0].Title != "Neues" {
		t.Errorf("labels %+v", q.Labels)
	}
}

func TestASidecarGetsNoWordsAndNoTouchpoints(t *testing.T) {
	s := sound()
	for i := range s.Notices {
		s.Notices[i].Texts = []ir.Text{ir.TextOf("en", "WORDS")}
	}
	for i := range s.Purposes {
		s.Purposes[i].Labels = []ir.Label{{Language: "en", Title: "WORDS"}}
	}
	for _, b := range Compile(s).Bundles {
		if text := string(b.Encoded); strings.Contains(text, "WORDS") || strings.Contains(text, "touchpoints") {
			t.Errorf("the bundle of %s: %s", b.Workload.ID(), text)
		}
	}
}

func TestNobodyIsAskedForWhatLeadsToNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*policy.Snapshot)
		optIn  int
		ladder []consent.NoticeID
	}{
		"a wording that is not there": {
			func(s *policy.Snapshot) { s.Touchpoints[0].OptIn = append(s.Touchpoints[0].OptIn, "nothing-v1") }, 1,
			[]consent.NoticeID{"profiling-v1", "audience-v1", "advice-v1"},
		},
		"a step after a wording that is not there": {
			func(s *policy.Snapshot) { s.Touchpoints[0].Ladder[0].After = []consent.NoticeID{"nothing-v1"} }, 1, []consent.NoticeID{"audience-v1", "advice-v1"},
		},
		"a purpose that rests on a contract": {
			change(newsletter, func(p *policy.Purpose) { p.Grounds = []ir.Ground{ir.GroundContract} }), 0, []consent.NoticeID{"profiling-v1", "audience-v1", "advice-v1"},
		},
		"a proof that the purpose does not accept": {
			change(newsletter, func(p *policy.Purpose) { p.Proofs = []consent.Proof{consent.ProofSigned} }), 0, []consent.NoticeID{"profiling-v1", "audience-v1", "advice-v1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := sound()
			c.change(&s)
			p := ledgerOf(t, s).Touchpoints[0]
			var steps []consent.NoticeID
			for _, l := range p.Ladder {
				steps = append(steps, l.Notice)
			}
			if len(p.OptIn) != c.optIn || !slices.Equal(steps, c.ladder) {
				t.Errorf("optIn %v, ladder %v", p.OptIn, steps)
			}
		})
	}
}

// TestNobodyAsksForAControllerThatDoesNotKnowOfThem: who may declare touchpoints in some namespace would else speak for people in any ledger.
func TestNobodyAsksForAControllerThatDoesNotKnowOfThem(t *testing.T) {
	s := sound()
	for i := range s.Purposes {
		s.Purposes[i].Allowed = policy.NamespaceSelector{Names: []string{"marketing"}}
	}
	if b := ledgerOf(t, s); len(b.Touchpoints) != 0 {
		t.Errorf("touchpoints %+v", b.Touchpoints)
	}
	if !slices.ContainsFunc(Compile(s).Findings, func(f Finding) bool {
		return f.Code == NamespaceNotAllowed && f.Resource == policy.Ref{Kind: "Touchpoint", Namespace: "shop", Name: "form"} && f.Field == "spec.controller" && f.Severity == Error
	}) {
		t.Errorf("nobody is told: %+v", Compile(s).Findings)
	}
	s.Purposes[newsletter].Allowed.Names = append(s.Purposes[newsletter].Allowed.Names, "shop")
	if b := ledgerOf(t, s); len(b.Touchpoints) != 1 {
		t.Errorf("touchpoints %+v", b.Touchpoints)
	}
}

func TestATouchpointThatNoBundleCanHoldIsLeftOut(t *testing.T) {
	s := sound()
	s.Touchpoints[0].Place = "Moon"
	if b := ledgerOf(t, s); len(b.Touchpoints) != 0 {
		t.Errorf("touchpoints %+v", b.Touchpoints)
	}
}

// many publishes more words than a bundle holds, in wordings that nobody is offered any more.
func many(s *policy.Snapshot) {
	for i := range 200 {
		n := wording(fmt.Sprintf("old-v%d", i+1), "newsletter", ir.ProcessingSend)
		n.Series, n.Version = "old", i+1
		n.Texts = []ir.Text{ir.TextOf("de", strings.Repeat("Wort ", 1000))}
		s.Notices = append(s.Notices, n)
	}
	s.Notices[0].Texts = []ir.Text{ir.TextOf("en", "Yes, news.")}
}

func TestWhatIsEnforcedDoesNotWaitForWordsThatDoNotFit(t *testing.T) {
	s := sound()
	many(&s)
	for _, n := range ledgerOf(t, s).Notices {
		switch {
		case n.Series == "old" && (n.Texts[0].Text != "" || n.Texts[0].SHA256 != ir.TextOf("de", strings.Repeat("Wort ", 1000)).SHA256):
			t.Fatalf("%s: %+v", n.Name, n.Texts)
		case n.Name == "newsletter-v1" && n.Texts[0].Text != "Yes, news.":
			t.Errorf("a wording that is offered lost its words: %+v", n.Texts)
		}
	}
	check(t, map[string]expected{
		"words that do not fit": {many, ledgerRef(s.Ledgers[0]), "spec.controller", TextsLeftOut, Warning, "hashes"},
	})
}
