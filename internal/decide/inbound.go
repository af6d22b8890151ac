package decide

import (
	"github.com/optup/optup/internal/ir"
)

// Inbound gives the plan by which records of one kind that a service brings are decided about. Whoever receives them is the workload, for
// the controller itself: who the service is counts for nothing here. The reason is empty if there is a plan.
func (x *Index) Inbound(c *ir.Callback, k *ir.RecordKind) (*Plan, Reason) {
	p := &Plan{
		Purpose: x.purposes[k.Purpose], Service: &ir.Service{Name: c.Service, Party: ir.Party{Role: ir.RoleProcessor}},
		Endpoint:  &ir.Endpoint{Name: c.Name + "/" + k.Name, Processing: k.Processing, Response: c.Body},
		OnMissing: k.OnMissing, OnEmpty: ir.OnEmptyDeny, Redaction: c.Redaction, Mode: c.Mode, Policies: []string{c.Policy},
		bound: boundOf(x.bundle), index: x, notices: x.notices,
	}
	if r := p.blocked(); r != "" {
		return nil, r
	}
	if p.oneController() {
		p.memos, p.needs, p.timed = newMemos(), p.Purposes(), p.needsTimes()
	}
	return p, ""
}
