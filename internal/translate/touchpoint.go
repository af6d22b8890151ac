package translate

import (
	"slices"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

func touchpoint(t *v1alpha1.Touchpoint) policy.Touchpoint {
	s := &t.Spec
	out := policy.Touchpoint{
		Namespace: t.Namespace, Name: t.Name, Controller: s.Controller, Place: ir.Place(s.Place), URL: s.URL,
		OptIn: convert[consent.NoticeID](s.OptIn), CoolDownDays: int(s.CoolDownDays), DeferDays: int(s.DeferDays),
	}
	for _, l := range s.Ladder {
		out.Ladder = append(out.Ladder, ir.LadderStep{Notice: consent.NoticeID(l.Notice), After: convert[consent.NoticeID](l.After)})
	}
	if c := s.Confirmation; c != nil {
		out.Confirmation = &ir.Confirmation{
			Proof: consent.Proof(c.Proof), ValidForHours: int(c.ValidForHours), AgainAfterHours: int(c.AgainAfterHours),
		}
	}
	for _, w := range s.Writers {
		out.Writers = append(out.Writers, string(w.ServiceAccount))
	}
	if x := s.Intake; x != nil {
		out.Intake = &ir.Intake{
			Email: string(x.Email), Phone: string(x.Phone), Language: string(x.Language), Evidence: convert[string](x.Evidence), KeyGeneration: int(x.KeyGeneration),
		}
		for _, p := range x.Purposes {
			out.Intake.Purposes = append(out.Intake.Purposes, ir.IntakePurpose{
				Notice: consent.NoticeID(p.Notice), Purpose: consent.PurposeID(p.Purpose), Pointer: string(p.Pointer), In: slices.Clone(p.In),
			})
		}
	}
	return out
}
