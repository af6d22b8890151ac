package translate

import (
	"slices"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

func purpose(p *v1alpha1.DataPurpose) policy.Purpose {
	s := &p.Spec
	out := policy.Purpose{
		Purpose: ir.Purpose{
			Name: consent.PurposeID(p.Name), Controller: s.Controller,
			Grounds: convert[ir.Ground](s.LegalGrounds), Processing: convert[ir.Processing](s.Processing),
			Categories: convert[string](s.DataCategories), Channels: convert[consent.Channel](s.Channels),
			Objection: ir.ObjectionEffect(s.Objection), Proofs: convert[consent.Proof](s.Proof),
			ValidForDays: int(s.ValidForDays), UnusedForDays: int(s.UnusedForDays), MinimumAge: int(s.MinimumAge),
			BusinessOnly:   len(s.AddresseeKinds) > 0 && !slices.Contains(s.AddresseeKinds, v1alpha1.AddresseeConsumer),
			ThirdPartyData: s.CollectedFrom == v1alpha1.SourceThirdParty, Anonymous: s.Output == v1alpha1.OutputAnonymous,
			Advertisers: slices.Clone(s.Advertisers), Goods: convert[string](s.Goods),
		},
		DPV: s.DPV, Parent: string(s.Parent), EvidenceRetentionDays: int(s.EvidenceRetentionDays), Allowed: selector(s.AllowedNamespaces),
	}
	if d := s.DeviceAccess; d != nil && d.Basis == v1alpha1.DeviceAccessConsent {
		out.DeviceAccess = consent.PurposeID(d.Purpose)
	}
	for _, t := range s.Texts {
		out.Labels = append(out.Labels, ir.Label{Language: t.Language, Title: t.Title, Description: t.Description})
	}
	for _, m := range s.MinimumNotices {
		out.MinimumNotices = append(out.MinimumNotices, ir.NoticeMinimum{Series: string(m.Series), Version: int(m.Version)})
	}
	return out
}

func notice(n *v1alpha1.ConsentNotice) ir.Notice {
	c := &n.Spec.Covers
	out := ir.Notice{
		Name: consent.NoticeID(n.Name), Series: string(n.Spec.Series), Version: int(n.Spec.Version), Controller: n.Spec.Controller,
		Purposes: convert[consent.PurposeID](c.Purposes), Processing: convert[ir.Processing](c.Processing),
		Channels: convert[consent.Channel](c.Channels), Recipients: slices.Clone(c.Recipients), Goods: convert[string](c.Goods),
		Advertisers: slices.Clone(c.Advertisers), Special: convert[string](c.DataCategories), Transfers: convert[string](c.Transfers),
		EarlierData: c.EarlierData == v1alpha1.EarlierDataIncluded,
	}
	for _, t := range n.Spec.Texts {
		out.Texts = append(out.Texts, ir.TextOf(t.Language, t.Text))
	}
	return out
}
