package compile

import (
	"fmt"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// advertising is one row of the legality matrix: under which grounds people may be addressed with advertising on a channel.
type advertising struct {
	channel consent.Channel
	grounds []ir.Ground
	source  string
}

// matrix is for advertising (purposes that an objection under GDPR Art. 21(2) hits). Other purposes are not advertising, and
// their grounds are those of GDPR Art. 6(1). In force since 2021-10-01 (UWG) and 2018-05-25 (GDPR).
var matrix = []advertising{
	{consent.ChannelEmail, []ir.Ground{ir.GroundConsent, ir.GroundSpecialCategoryConsent, ir.GroundExistingCustomer}, "UWG §7(2) no. 2, §7(3); ePrivacy Directive Art. 13(1), (2)"},
	{consent.ChannelSMS, []ir.Ground{ir.GroundConsent, ir.GroundSpecialCategoryConsent, ir.GroundExistingCustomer}, "UWG §7(2) no. 2, §7(3); ePrivacy Directive Art. 13(1), (2)"},
	{consent.ChannelPhone, []ir.Ground{ir.GroundConsent, ir.GroundSpecialCategoryConsent, ir.GroundPresumedConsent}, "UWG §7(2) no. 1"},
	{consent.ChannelPost, []ir.Ground{ir.GroundConsent, ir.GroundSpecialCategoryConsent, ir.GroundLegitimateInterest}, "GDPR Art. 6(1)(a), (f), Recital 47"},
	{consent.ChannelWeb, []ir.Ground{ir.GroundConsent, ir.GroundSpecialCategoryConsent, ir.GroundLegitimateInterest}, "GDPR Art. 6(1)(a), (f)"},
}

// onlyConsent are processings for which advertising needs consent whatever the channel (GDPR Art. 22, Art. 5(3) ePrivacy
// Directive, Art. 6(1); CJEU C-252/21).
var onlyConsent = []ir.Processing{ir.ProcessingProfile, ir.ProcessingTrack, ir.ProcessingDisclose}

type violation struct{ field, sentence string }

func lawful(p *ir.Purpose, g ir.Ground) (bool, string) {
	if p.Objection != ir.ObjectionDirectMarketing {
		if g == ir.GroundExistingCustomer || g == ir.GroundPresumedConsent {
			return false, fmt.Sprintf("The ground %q exists for advertising only; a purpose that rests on it needs objection DirectMarketing.", g)
		}
		return true, ""
	}
	if g != ir.GroundConsent && g != ir.GroundSpecialCategoryConsent {
		for _, x := range p.Processing {
			if slices.Contains(onlyConsent, x) {
				return false, fmt.Sprintf("Advertising that includes the processing %q needs consent; the ground %q does not carry it (GDPR Art. 6(1), ePrivacy Directive Art. 5(3)).", x, g)
			}
		}
	}
	for _, c := range p.Channels {
		for _, row := range matrix {
			if row.channel == c && !slices.Contains(row.grounds, g) {
				return false, fmt.Sprintf("Advertising by %s cannot rest on the ground %q (%s); use one of %v.", c, g, row.source, row.grounds)
			}
		}
	}
	return true, ""
}

func unlawful(p *ir.Purpose) []violation {
	var out []violation
	for i, g := range p.Grounds {
		if ok, sentence := lawful(p, g); !ok {
			out = append(out, violation{fmt.Sprintf("spec.legalGrounds[%d]", i), sentence})
		}
		if g == ir.GroundExistingCustomer && len(p.Goods) == 0 {
			out = append(out, violation{"spec.goods", "The ground existingCustomer covers own similar goods only (UWG §7(3) no. 2); name them in spec.goods."})
		}
	}
	return out
}

func lawfulGrounds(p *ir.Purpose) []ir.Ground {
	var out []ir.Ground
	for _, g := range p.Grounds {
		if ok, _ := lawful(p, g); ok {
			out = append(out, g)
		}
	}
	return out
}
