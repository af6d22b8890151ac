package compile

import (
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

func TestWhatIsWrongWithWordingsAndTouchpoints(t *testing.T) {
	first := noticeRef("newsletter-v1")
	check(t, map[string]expected{
		"a wording for a purpose that is not there": {
			func(s *policy.Snapshot) { s.Notices[0].Purposes = []consent.PurposeID{"newsletter", "nothing"} }, first, "spec.covers.purposes[1]", PurposeNotFound, Error, `"nothing"`,
		},
		"a wording for a purpose of another controller": {
			func(s *policy.Snapshot) { s.Notices[0].Controller = other }, first, "spec.covers.purposes[0]", ControllerMismatch, Error, shop,
		},
		"two wordings of one version": {
			func(s *policy.Snapshot) { s.Notices[1].Series = "newsletter" }, noticeRef("profiling-v1"), "spec.version", VersionConflict, Warning, `"newsletter-v1" is version 1`,
		},
		"two wordings of one name": {
			func(s *policy.Snapshot) { s.Notices = append(s.Notices, s.Notices[0]) }, first, "metadata.name", DuplicateName, Error, "two ConsentNotices",
		},
		"two touchpoints of one name": {
			func(s *policy.Snapshot) { s.Touchpoints = append(s.Touchpoints, s.Touchpoints[0]) }, formRef, "metadata.name", DuplicateName, Error, "two Touchpoints",
		},
		"an opt-in that is not there": {
			func(s *policy.Snapshot) { s.Touchpoints[0].OptIn = []consent.NoticeID{"newsletter-v1", "nothing-v1"} }, formRef, "spec.optIn[1]", NoticeNotFound, Error, `"nothing-v1"`,
		},
		"a step that is not there": {
			func(s *policy.Snapshot) { s.Touchpoints[0].Ladder[1].Notice = "nothing-v1" }, formRef, "spec.ladder[1].notice", NoticeNotFound, Error, `"nothing-v1"`,
		},
		"a step after what is not there": {
			func(s *policy.Snapshot) { s.Touchpoints[0].Ladder[1].After = []consent.NoticeID{"nothing-v1"} }, formRef, "spec.ladder[1].after[0]", NoticeNotFound, Error, `"nothing-v1"`,
		},
		"a touchpoint that offers the wording of another controller": {
			func(s *policy.Snapshot) {
				s.Touchpoints[0].Controller = other
				s.Ledgers = append(s.Ledgers, policy.Ledger{Namespace: "consent", Name: "b", Controller: other})
			}, formRef, "spec.optIn[0]", ControllerMismatch, Error, shop,
		},
		"a touchpoint without a ledger": {
			func(s *policy.Snapshot) { s.Touchpoints[0].Controller = other }, formRef, "spec.controller", LedgerNotFound, Error, other,
		},
		"a proof that the purpose does not accept": {
			change(newsletter, func(p *policy.Purpose) { p.Proofs = []consent.Proof{consent.ProofSigned} }), formRef, "spec.confirmation.proof", ProofNotAccepted, Error, `"Signed"`,
		},
		"a wording none of whose purposes rests on consent": {
			change(newsletter, func(p *policy.Purpose) { p.Grounds = []ir.Ground{ir.GroundContract} }), formRef, "spec.optIn[0]", NothingToAsk, Error, `"newsletter-v1"`,
		},
		"a place that no bundle can hold": {
			func(s *policy.Snapshot) { s.Touchpoints[0].Place = "Moon" }, formRef, "spec", InvalidTouchpoint, Error, `"Moon"`,
		},
		"a step that waits for itself": {
			func(s *policy.Snapshot) { s.Touchpoints[0].Ladder[1].After = []consent.NoticeID{"audience-v1"} }, formRef, "spec.ladder[1].after[0]", StepNotReachable, Warning, "before this step",
		},
		"steps that wait for each other": {
			func(s *policy.Snapshot) { s.Touchpoints[0].Ladder[0].After = []consent.NoticeID{"audience-v1"} }, formRef, "spec.ladder[0].after[0]", StepNotReachable, Warning, `"audience-v1"`,
		},
	})
}

func TestWhatIsNotWrongWithTouchpoints(t *testing.T) {
	for name, change := range map[string]func(*policy.Snapshot){
		"a step after what another touchpoint offers": func(s *policy.Snapshot) {
			s.Touchpoints = append(s.Touchpoints, policy.Touchpoint{Namespace: "shop", Name: "till", Controller: shop, Place: ir.PlaceStore, OptIn: []consent.NoticeID{"advice-v1"}})
			s.Touchpoints[0].Ladder = append(s.Touchpoints[0].Ladder[:2:2], ir.LadderStep{Notice: "audience-v1", After: []consent.NoticeID{"advice-v1"}})
		},
		"evidence of its own instead of a proof": func(s *policy.Snapshot) {
			s.Purposes[newsletter].Proofs, s.Touchpoints[0].Confirmation = []consent.Proof{consent.ProofSigned}, nil
		},
		"no touchpoint at all, because consents are imported": func(s *policy.Snapshot) { s.Touchpoints = nil },
		"a purpose that only restricts and is asked for by nobody": func(s *policy.Snapshot) {
			p := marketingPurpose("advertising", ir.ProcessingSend, consent.ChannelEmail)
			p.Allowed = policy.NamespaceSelector{}
			s.Purposes = append(s.Purposes, p)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := sound()
			change(&s)
			for _, f := range Compile(s).Findings {
				t.Errorf("%s %s %s: %s", f.Severity, f.Resource, f.Field, f.Message)
			}
		})
	}
}
