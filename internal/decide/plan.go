package decide

import (
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Plan is how one request is to be handled: its one purpose, and the strictest handling that the matching rules ask for.
// It is immutable and safe for concurrent use.
type Plan struct {
	Purpose   *ir.Purpose
	Service   *ir.Service
	Endpoint  *ir.Endpoint
	OnMissing ir.OnMissing
	OnEmpty   ir.OnEmpty
	Mode      ir.Mode
	// Policies are the rules that matched, for explanations.
	Policies []string

	bound   time.Duration
	notices map[consent.NoticeID]*ir.Notice
}

// Plan finds the one purpose of a request. Constant reads the request's constants (see Request.Constant); the path's are known
// from the endpoint. The reason is empty if there is a plan.
func (x *Index) Plan(e *Endpoint, constant func(ir.Source, string) (string, bool)) (*Plan, Reason) {
	if !e.owner.governed {
		return nil, NoPolicy
	}
	var p *Plan
	for _, r := range e.match.rules {
		if !holds(r.When, e, constant) {
			continue
		}
		if p == nil {
			p = x.plan(e, r)
			continue
		}
		if p.Purpose.Name != r.Purpose {
			return nil, PurposeAmbiguous
		}
		p.join(r)
	}
	if p == nil {
		return nil, PurposeUndeclared
	}
	if reason := p.blocked(); reason != "" {
		return nil, reason
	}
	return p, ""
}

func holds(when []ir.Condition, e *Endpoint, constant func(ir.Source, string) (string, bool)) bool {
	for _, c := range when {
		var value string
		var ok bool
		if c.Source == ir.SourcePath {
			value, ok = e.Segments[c.Name]
		} else if constant != nil {
			value, ok = constant(c.Source, c.Name)
		}
		if !ok || !slices.Contains(c.In, value) {
			return false
		}
	}
	return true
}

func (x *Index) plan(e *Endpoint, r *ir.Rule) *Plan {
	return &Plan{
		Purpose: x.purposes[r.Purpose], Service: e.Service, Endpoint: e.IR,
		OnMissing: r.OnMissing, OnEmpty: r.OnEmpty, Mode: r.Mode, Policies: []string{r.Policy},
		bound: time.Duration(x.bundle.FreshnessBoundMillis) * time.Millisecond, notices: x.notices,
	}
}

// strictness orders handlings: restrictions join, so the strictest of several rules counts.
var strictness = map[ir.OnMissing]int{
	ir.OnMissingRedactField: 1, ir.OnMissingDropAddressee: 2, ir.OnMissingDropRecord: 2, ir.OnMissingDeny: 3,
}

func (p *Plan) join(r *ir.Rule) {
	switch {
	case strictness[r.OnMissing] > strictness[p.OnMissing]:
		p.OnMissing = r.OnMissing
	case strictness[r.OnMissing] == strictness[p.OnMissing] && r.OnMissing != p.OnMissing:
		p.OnMissing = ir.OnMissingDeny // dropping addressees and dropping records have no common meaning
	}
	if r.OnEmpty != ir.OnEmptyAnswerAccepted {
		p.OnEmpty = ir.OnEmptyDeny
	}
	if r.Mode != ir.ModeObserve {
		p.Mode = ir.ModeEnforce
	}
	p.Policies = append(p.Policies, r.Policy)
}

// blocked gives the reason why nothing passes under the plan, whoever the person is.
func (p *Plan) blocked() Reason {
	if p.Purpose == nil {
		return PurposeUndeclared
	}
	if p.Purpose.Blocked != "" {
		return Reason(p.Purpose.Blocked)
	}
	if len(p.Endpoint.Processing) == 0 {
		return ProcessingNotCovered
	}
	for _, x := range p.Endpoint.Processing {
		if !slices.Contains(p.Purpose.Processing, x) {
			return ProcessingNotCovered
		}
	}
	if c := p.Endpoint.Channel; c != "" && !slices.Contains(p.Purpose.Channels, c) {
		return ChannelNotCovered
	}
	switch p.Service.Party.Role {
	case ir.RoleProcessor, ir.RoleJointController, ir.RoleController:
		return ""
	default:
		return PartyNotCovered
	}
}

// Category tells whether data of a category may pass under the plan's purpose. The empty category, that of a field which nobody
// declared, never may (GDPR Art. 5(1)(c)).
func (p *Plan) Category(category string) bool {
	return category != "" && slices.Contains(p.Purpose.Categories, category)
}

// Share gives the plan with which the usable share of purpose and processing is computed: an own processor, and the purpose's
// first channel where people are reached. It reports false for what the purpose does not include.
func Share(b *ir.Bundle, purpose consent.PurposeID, processing ir.Processing) (*Plan, bool) {
	x := NewIndex(b)
	e := &ir.Endpoint{Name: "usable-share", Processing: []ir.Processing{processing}}
	p := &Plan{
		Purpose: x.purposes[purpose], Service: &ir.Service{Party: ir.Party{Role: ir.RoleProcessor}}, Endpoint: e,
		bound: time.Duration(b.FreshnessBoundMillis) * time.Millisecond, notices: x.notices,
	}
	if p.Purpose == nil {
		return nil, false
	}
	if processing == ir.ProcessingSend && len(p.Purpose.Channels) > 0 {
		e.Channel = p.Purpose.Channels[0]
	}
	return p, p.blocked() == ""
}
