package compile

import (
	"slices"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

func change(i int, with func(*policy.Purpose)) func(*policy.Snapshot) {
	return func(s *policy.Snapshot) { with(&s.Purposes[i]) }
}

// parented gives the newsletter a parent.
func parented(with func(child, parent *policy.Purpose)) func(*policy.Snapshot) {
	return func(s *policy.Snapshot) {
		parent := marketingPurpose("advertising", ir.ProcessingSend, consent.ChannelEmail, "pd:EmailAddress")
		parent.Allowed = policy.NamespaceSelector{}
		s.Purposes[newsletter].Parent = "advertising"
		with(&s.Purposes[newsletter], &parent)
		s.Purposes = append(s.Purposes, parent)
	}
}

// device gives the newsletter access to devices by a purpose of its own.
func device(with func(p, device *policy.Purpose)) func(*policy.Snapshot) {
	return func(s *policy.Snapshot) {
		d := marketingPurpose("device-storage", ir.ProcessingStore, "")
		s.Purposes[newsletter].DeviceAccess = "device-storage"
		with(&s.Purposes[newsletter], &d)
		s.Purposes = append(s.Purposes, d)
		s.Notices = append(s.Notices, wording("device-v1", "device-storage", ir.ProcessingStore))
		s.Touchpoints[0].OptIn = append(s.Touchpoints[0].OptIn, "device-v1")
	}
}

func TestWhatIsWrongWithPurposes(t *testing.T) {
	check(t, map[string]expected{
		"a parent that is not there": {
			change(newsletter, func(p *policy.Purpose) { p.Parent = "nothing" }), purposeRef("newsletter"), "spec.parent", ParentNotFound, Error, `"nothing" does not exist`,
		},
		"a parent that leads back": {
			parented(func(_, parent *policy.Purpose) { parent.Parent = "newsletter" }), purposeRef("newsletter"), "spec.parent", ParentNotFound, Error, "leads back",
		},
		"a parent of another controller": {
			parented(func(_, parent *policy.Purpose) { parent.Controller = other }), purposeRef("newsletter"), "spec.parent", ControllerMismatch, Error, other,
		},
		"a processing that the parent does not have": {
			parented(func(child, _ *policy.Purpose) {
				child.Processing = []ir.Processing{ir.ProcessingSend, ir.ProcessingShow}
			}),
			purposeRef("newsletter"), "spec.processing[1]", WiderThanParent, Warning, `"show"`,
		},
		"a channel that the parent does not have": {
			parented(func(child, _ *policy.Purpose) {
				child.Channels = []consent.Channel{consent.ChannelEmail, consent.ChannelSMS}
			}),
			purposeRef("newsletter"), "spec.channels[1]", WiderThanParent, Warning, `"sms"`,
		},
		"nothing in common with the parent": {
			parented(func(_, parent *policy.Purpose) { parent.Processing = []ir.Processing{ir.ProcessingShow} }),
			purposeRef("newsletter"), "spec.parent", ParentLeavesNothing, Error, "no processing in common",
		},
		"no proof in common with the parent": {
			parented(func(child, parent *policy.Purpose) {
				child.Proofs, parent.Proofs = []consent.Proof{consent.ProofMailboxConfirmed}, []consent.Proof{consent.ProofSigned}
			}),
			purposeRef("newsletter"), "spec.proof", ParentLeavesNothing, Error, "No proof",
		},
		"goods that the parent does not have": {
			parented(func(child, parent *policy.Purpose) {
				child.Goods, parent.Goods = []string{"garden", "wine"}, []string{"garden"}
			}),
			purposeRef("newsletter"), "spec.goods[1]", WiderThanParent, Error, `"wine"`,
		},
		"advertisers that the parent does not have": {
			parented(func(child, parent *policy.Purpose) {
				child.Advertisers, parent.Advertisers = []string{"B"}, []string{"A"}
			}),
			purposeRef("newsletter"), "spec.advertisers[0]", WiderThanParent, Error, `"B"`,
		},
		"a device purpose that is not there": {
			change(newsletter, func(p *policy.Purpose) { p.DeviceAccess = "nothing" }), purposeRef("newsletter"), "spec.deviceAccess.purpose", PurposeNotFound, Error, `"nothing"`,
		},
		"a device purpose that needs a device": {
			device(func(_, d *policy.Purpose) { d.DeviceAccess = "profiling" }), purposeRef("newsletter"), "spec.deviceAccess.purpose", DeviceAccessNested, Error, "itself",
		},
		"a device purpose that is the purpose itself": {
			change(newsletter, func(p *policy.Purpose) { p.DeviceAccess = "newsletter" }), purposeRef("newsletter"), "spec.deviceAccess.purpose", DeviceAccessNested, Error, "itself",
		},
		"a device purpose of another controller": {
			device(func(_, d *policy.Purpose) { d.Controller = other }), purposeRef("newsletter"), "spec.deviceAccess.purpose", ControllerMismatch, Error, other,
		},
		"a device purpose that does not rest on consent": {
			device(func(_, d *policy.Purpose) { d.Grounds = []ir.Ground{ir.GroundLegitimateInterest} }), purposeRef("newsletter"), "spec.deviceAccess.purpose", NotLawful, Error, "TDDDG §25(1)",
		},
		"no ledger": {
			func(s *policy.Snapshot) { s.Ledgers = nil }, purposeRef("newsletter"), "spec.controller", LedgerNotFound, Error, shop,
		},
		"two ledgers of one controller": {
			func(s *policy.Snapshot) {
				s.Ledgers = append(s.Ledgers, policy.Ledger{Namespace: "consent", Name: "second", Controller: shop})
			}, policy.Ref{Kind: "ConsentLedger", Namespace: "consent", Name: "second"}, "spec.controller", ControllerConflict, Error, shop,
		},
		"a minimum for a series that is not there": {
			change(newsletter, func(p *policy.Purpose) { p.MinimumNotices = []ir.NoticeMinimum{{Series: "newsleter", Version: 2}} }),
			purposeRef("newsletter"), "spec.minimumNotices[0].series", NoticeNotFound, Error, `"newsleter"`,
		},
		"a category that stands for many": {
			change(newsletter, func(p *policy.Purpose) { p.Categories = append(p.Categories, "dpv:PersonalData") }),
			purposeRef("newsletter"), "spec.dataCategories[1]", OverBroadCategory, Warning, "stands for many",
		},
		"a category that no endpoint carries": {
			change(newsletter, func(p *policy.Purpose) { p.Categories = append(p.Categories, "pd:Age") }),
			purposeRef("newsletter"), "spec.dataCategories[1]", OverBroadCategory, Warning, `carries "pd:Age"`,
		},
		"consent that no wording covers": {
			func(s *policy.Snapshot) { s.Notices = s.Notices[1:]; s.Touchpoints = nil }, purposeRef("newsletter"), "spec.legalGrounds[0]", NoNotice, Warning, "nobody can have agreed",
		},
		"consent whose wording names no advertiser": {
			change(newsletter, func(p *policy.Purpose) { p.Advertisers = []string{"Partner GmbH"} }), purposeRef("newsletter"), "spec.legalGrounds[0]", NoNotice, Warning, "advertisers",
		},
		"consent that nobody is asked for": {
			func(s *policy.Snapshot) { s.Touchpoints[0].Ladder = s.Touchpoints[0].Ladder[:2] }, purposeRef("advice"), "spec.legalGrounds[0]", NoTouchpoint, Warning, `"advice-v1"`,
		},
		"evidence of calls that is thrown away": {
			change(newsletter, func(p *policy.Purpose) {
				p.Channels, p.EvidenceRetentionDays = []consent.Channel{consent.ChannelEmail, consent.ChannelPhone}, 365
			}),
			purposeRef("newsletter"), "spec.evidenceRetentionDays", RetentionTooShort, Warning, "UWG §7a",
		},
		"a value that is none": {
			change(newsletter, func(p *policy.Purpose) { p.Objection = "Perhaps" }), purposeRef("newsletter"), "spec", InvalidPurpose, Error, "Perhaps",
		},
		"two of one name": {
			func(s *policy.Snapshot) { s.Purposes = append(s.Purposes, s.Purposes[newsletter]) }, purposeRef("newsletter"), "metadata.name", DuplicateName, Error, "two DataPurposes",
		},
	})
}

// TestWhatIsWrongDenies holds errors about purposes to what they say: the purpose permits nothing, or what they say remains.
func TestWhatIsWrongDenies(t *testing.T) {
	for name, change := range map[string]func(*policy.Snapshot){
		"a parent of another controller":      parented(func(_, p *policy.Purpose) { p.Controller = other }),
		"a parent that is not there":          change(newsletter, func(p *policy.Purpose) { p.Parent = "nothing" }),
		"goods that the parent does not have": parented(func(c, p *policy.Purpose) { c.Goods, p.Goods = []string{"wine"}, []string{"garden"} }),
		"advertisers that it does not have":   parented(func(c, p *policy.Purpose) { c.Advertisers, p.Advertisers = []string{"B"}, []string{"A"} }),
		"a device purpose without consent":    device(func(_, d *policy.Purpose) { d.Grounds = []ir.Ground{ir.GroundLegitimateInterest} }),
		"a device purpose of another":         device(func(_, d *policy.Purpose) { d.Controller = other }),
		"a minimum for a series not there":    change(newsletter, func(p *policy.Purpose) { p.MinimumNotices = []ir.NoticeMinimum{{Series: "x", Version: 1}} }),
		"a ground that does not carry":        change(newsletter, func(p *policy.Purpose) { p.Grounds = []ir.Ground{ir.GroundLegitimateInterest} }),
		"no proof in common with the parent": parented(func(c, p *policy.Purpose) {
			c.Proofs, p.Proofs = []consent.Proof{"MailboxConfirmed"}, []consent.Proof{"Signed"}
		}),
		"nothing in common with the parent":    parented(func(_, p *policy.Purpose) { p.Processing = []ir.Processing{ir.ProcessingShow} }),
		"a value that is none":                 change(newsletter, func(p *policy.Purpose) { p.Objection = "Perhaps" }),
		"the inherited minimum of a parent":    parented(func(_, p *policy.Purpose) { p.MinimumNotices = []ir.NoticeMinimum{{Series: "x", Version: 1}} }),
		"the inherited parent of its parent":   parented(func(_, p *policy.Purpose) { p.Parent = "nothing" }),
		"a device purpose that needs a device": device(func(_, d *policy.Purpose) { d.DeviceAccess = "profiling" }),
	} {
		t.Run(name, func(t *testing.T) {
			s := sound()
			change(&s)
			b := Compile(s).Bundles[0].Bundle
			i := slices.IndexFunc(b.Purposes, func(p ir.Purpose) bool { return p.Name == "newsletter" })
			if i < 0 || b.Purposes[i].Blocked != reasonPurposeUndeclared {
				t.Errorf("it is not blocked: %+v", b.Purposes)
			}
		})
	}
}

func TestWhatChildrenInherit(t *testing.T) {
	s := sound()
	parented(func(c, p *policy.Purpose) {
		p.ValidForDays, p.UnusedForDays, p.MinimumAge, p.Goods, p.BusinessOnly, p.ThirdPartyData, p.Anonymous = 100, 50, 16, []string{"garden"}, true, true, true
		p.MinimumNotices = []ir.NoticeMinimum{{Series: "newsletter", Version: 3}, {Series: "advice", Version: 1}}
		p.Proofs, p.DeviceAccess = []consent.Proof{consent.ProofMailboxConfirmed, consent.ProofSigned}, "profiling"
		c.ValidForDays, c.MinimumNotices, c.Objection = 200, []ir.NoticeMinimum{{Series: "newsletter", Version: 1}}, ir.ObjectionNone
		c.Proofs = []consent.Proof{consent.ProofSigned, consent.ProofNumberConfirmed}
	})(&s)
	b := Compile(s).Bundles[0].Bundle
	i := slices.IndexFunc(b.Purposes, func(p ir.Purpose) bool { return p.Name == "newsletter" })
	p := b.Purposes[i]
	if p.ValidForDays != 100 || p.UnusedForDays != 50 || p.MinimumAge != 16 || !slices.Equal(p.Goods, []string{"garden"}) || !p.BusinessOnly || !p.ThirdPartyData || !p.Anonymous {
		t.Errorf("%+v", p)
	}
	if !slices.Equal(p.MinimumNotices, []ir.NoticeMinimum{{Series: "advice", Version: 1}, {Series: "newsletter", Version: 3}}) || p.DeviceAccess != "profiling" ||
		!slices.Equal(p.Proofs, []consent.Proof{consent.ProofSigned}) || p.Objection != ir.ObjectionDirectMarketing {
		t.Errorf("%+v", p)
	}
}

// TestLedgersAreToldWhatReceiptsAndRetentionNeed, and sidecars are not.
func TestLedgersAreToldWhatReceiptsAndRetentionNeed(t *testing.T) {
	s := sound()
	for i := range s.Purposes {
		s.Purposes[i].DPV, s.Purposes[i].EvidenceRetentionDays = "dpv:DirectMarketing", 1900
	}
	for _, p := range ledgerOf(t, s).Purposes {
		if p.DPV != "dpv:DirectMarketing" || p.EvidenceRetentionDays != 1900 {
			t.Errorf("%s: %q, %d days", p.Name, p.DPV, p.EvidenceRetentionDays)
		}
	}
	for _, w := range Compile(s).Bundles {
		for _, p := range w.Bundle.Purposes {
			if p.DPV != "" || p.EvidenceRetentionDays != 0 {
				t.Errorf("a sidecar is told of %s: %q, %d days", p.Name, p.DPV, p.EvidenceRetentionDays)
			}
		}
	}
}
