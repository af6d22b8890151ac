package decide

import (
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Use is a use of somebody's data that is asked about by itself, apart from a request to a service.
type Use struct {
	Purpose    consent.PurposeID
	Processing []ir.Processing
	// Channel is how the person would be reached; "" for not at all.
	Channel consent.Channel
	// Categories are the data categories that are used; none where only the identifier is.
	Categories []string
	// Party is who would receive the data; the zero Party is a processor of the controller.
	Party ir.Party
	// Honours are the obligations that whoever asks promises to meet.
	Honours []Obligation
}

// Use gives the plan by which a use is decided for each person, by the same gates as a request. Where it is denied for everybody the plan
// is nil, and the reason says why.
func (x *Index) Use(u Use) (*Plan, Reason) {
	if u.Party.Role == "" {
		u.Party.Role = ir.RoleProcessor
	}
	p := &Plan{
		Purpose: x.purposes[u.Purpose], Service: &ir.Service{Party: u.Party},
		Endpoint: &ir.Endpoint{Name: "use", Processing: u.Processing, Channel: u.Channel}, Honours: u.Honours,
		bound: boundOf(x.bundle), index: x, notices: x.notices,
	}
	if r := p.blocked(); r != "" {
		return nil, r
	}
	for _, c := range u.Categories {
		if !p.Category(c) {
			return nil, CategoryNotCovered
		}
	}
	if p.oneController() {
		p.needs, p.timed = p.Purposes(), p.needsTimes()
	}
	if u.Channel == "" && slices.Contains(u.Processing, ir.ProcessingSend) {
		return nil, ChannelNotCovered // whoever sends reaches somebody
	}
	return p, ""
}
