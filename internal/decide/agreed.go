package decide

import (
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Agreed gives the plan that tells whether consent carries a purpose for one processing by one channel ("" for none): an own processor,
// and no other ground. Access to a device, age and the kind of addressee are left aside: they are no matter of whether somebody agreed.
// It reports false for a purpose that does not rest on consent, or is blocked.
func (x *Index) Agreed(purpose consent.PurposeID, processing ir.Processing, channel consent.Channel) (*Plan, bool) {
	declared := x.purposes[purpose]
	if declared == nil {
		return nil, false
	}
	p := *declared
	p.Grounds = slices.DeleteFunc(slices.Clone(p.Grounds), func(g ir.Ground) bool {
		return g != ir.GroundConsent && g != ir.GroundSpecialCategoryConsent
	})
	p.DeviceAccess, p.MinimumAge, p.BusinessOnly = "", 0, false
	plan := &Plan{
		Purpose: &p, Service: &ir.Service{Party: ir.Party{Role: ir.RoleProcessor}},
		Endpoint: &ir.Endpoint{Name: "agreed", Processing: []ir.Processing{processing}, Channel: channel},
		Honours:  []Obligation{ir.AddObjectionNotice, ir.Anonymise},
		bound:    boundOf(x.bundle), index: x, notices: x.notices,
	}
	return plan, len(p.Grounds) > 0 && plan.blocked() == ""
}
