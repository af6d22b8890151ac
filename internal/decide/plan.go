package decide

import (
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Plan is how one request is to be handled: its one purpose, and the strictest handling that the matching rules ask for.
// It is shared between requests, safe for concurrent use, and must not be changed (see Honouring).
type Plan struct {
	Purpose   *ir.Purpose
	Service   *ir.Service
	Endpoint  *ir.Endpoint
	OnMissing ir.OnMissing
	OnEmpty   ir.OnEmpty
	Redaction ir.Redaction
	Mode      ir.Mode
	// Tracking is what the request would have done to its addressees besides what it is for, one for each switch of the endpoint.
	Tracking []Tracking
	// Policies are the rules that matched, for explanations.
	Policies []string
	// Honours are the obligations that whoever asks promises to meet.
	Honours []Obligation

	// met are the obligations that the request meets by itself.
	met   []Obligation
	bound bound
	index *Index
	// notices of the index, close at hand.
	notices map[consent.NoticeID]*ir.Notice
	// memos is nil where verdicts are not remembered. Needs and timed are set where all facts that the plan needs are of one controller.
	memos *memos
	needs []consent.PurposeID
	// timed tells that decisions depend on when grants were given.
	timed bool
}

// Tracking is one kind of tracking that a request can turn off.
type Tracking struct {
	Switch *ir.Switch
	// OnMixed is what happens where some addressees agreed and others did not.
	OnMixed ir.OnMixed
	// plan decides who agreed; nil where no rule gives the tracking one purpose: then nobody did.
	plan *Plan
}

// Constants read the constants of a request, see Request.Constant.
type Constants func(ir.Source, string) (string, bool)

// Plan finds the one purpose of a request. The constants of the path are known from the endpoint. The reason is empty if there is a
// plan. Requests that are alike get the same one.
func (x *Index) Plan(e *Endpoint, constant Constants) (*Plan, Reason) {
	key, ok := keyOf(e, constant)
	if ok {
		if p := x.plans.get(key); p != nil {
			return p, ""
		}
	}
	p, reason := x.prepare(e, constant)
	if p != nil && ok {
		p = x.plans.put(key, p)
	}
	return p, reason
}

// prepare finds a plan anew.
func (x *Index) prepare(e *Endpoint, constant Constants) (*Plan, Reason) {
	p, reason := x.match(e, constant)
	if reason != "" {
		return nil, reason
	}
	if reason := p.blocked(); reason != "" {
		return nil, reason
	}
	if p.NeedsFacts() {
		if !names(e.IR) {
			return nil, PersonUnresolved // whoever it is about might have said no
		}
		p.Endpoint = e.match.located
	}
	if e.match.partial {
		return nil, CategoryNotCovered // it would erase what the workload was not shown
	}
	p.meet(constant)
	return p, ""
}

// Honouring is the plan for somebody who promises to meet obligations.
func (p *Plan) Honouring(promised []Obligation) *Plan {
	out := *p
	out.Honours, out.memos = promised, nil
	return &out
}

// match joins the rules that match a request.
func (x *Index) match(e *Endpoint, constant Constants) (*Plan, Reason) {
	if !e.owner.governed {
		return nil, NoPolicy
	}
	var p *Plan
	chosen, choice := choose(constant)
	for _, r := range e.match.rules {
		if (choice && r.Purpose != chosen) || !holds(r.When, e, constant) {
			continue
		}
		if p == nil {
			p = x.plan(e, r)
			continue
		}
		if p.Purpose == nil || p.Purpose.Name != r.Purpose {
			return nil, PurposeAmbiguous
		}
		p.join(r)
	}
	if p == nil {
		return nil, PurposeUndeclared
	}
	return p, ""
}

// PurposeHeader is the request header in which an application says which purpose a request has, in canonical spelling. It chooses among
// the rules that match the request anyway, and never beyond them.
const PurposeHeader = "Optup-Purpose"

// choose gives the purpose that a request names for itself. A name that no rule has leaves no rule.
func choose(constant Constants) (consent.PurposeID, bool) {
	if constant == nil {
		return "", false
	}
	name, ok := constant(ir.SourceHeader, PurposeHeader)
	return consent.PurposeID(name), ok
}

func holds(when []ir.Condition, e *Endpoint, constant Constants) bool {
	for _, c := range when {
		value, ok := given(c, e, constant)
		if !ok || !slices.Contains(c.In, value) {
			return false
		}
	}
	return true
}

func given(c ir.Condition, e *Endpoint, constant Constants) (string, bool) {
	if c.Source == ir.SourcePath {
		v, ok := e.Segments[c.Name]
		return v, ok
	}
	if constant == nil {
		return "", false
	}
	return constant(c.Source, c.Name)
}

func (x *Index) plan(e *Endpoint, r *ir.Rule) *Plan {
	p := &Plan{
		Purpose: x.purposes[r.Purpose], Service: e.Service, Endpoint: e.IR, Redaction: r.Redaction,
		OnMissing: r.OnMissing, OnEmpty: r.OnEmpty, Mode: r.Mode, Policies: []string{r.Policy},
		bound: boundOf(x.bundle), index: x, notices: x.notices,
	}
	if e.IR.Request != nil {
		for i := range e.IR.Request.Switches {
			p.Tracking = append(p.Tracking, p.tracking(&e.IR.Request.Switches[i], r))
		}
	}
	return p
}

// tracking gives one kind of tracking the purpose that a rule allows it for.
func (p *Plan) tracking(s *ir.Switch, r *ir.Rule) Tracking {
	t := Tracking{Switch: s, OnMixed: ir.OnMixedOffForAll}
	for _, allowed := range r.Tracking {
		if allowed.Tracking != s.Tracking {
			continue
		}
		plan := &Plan{
			Purpose: p.index.purposes[allowed.Purpose], Service: p.Service, Endpoint: &ir.Endpoint{Name: p.Endpoint.Name, Processing: s.Processing},
			Mode: p.Mode, bound: p.bound, index: p.index, notices: p.notices,
		}
		if plan.blocked() == "" {
			t.plan, t.OnMixed = plan, allowed.OnMixed
		}
	}
	return t
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
	if r.Redaction != p.Redaction {
		p.Redaction = ir.RedactionOmit
	}
	for i := range p.Tracking {
		p.Tracking[i].join(p.tracking(p.Tracking[i].Switch, r))
	}
	p.Policies = append(p.Policies, r.Policy)
}

// join: tracking that two rules give different purposes has none, and what they would do to mixed batches differently is not done.
func (t *Tracking) join(o Tracking) {
	switch {
	case t.plan == nil || o.plan == nil || t.plan.Purpose != o.plan.Purpose:
		t.plan, t.OnMixed = nil, ir.OnMixedOffForAll
	case t.OnMixed != o.OnMixed:
		t.OnMixed = ir.OnMixedOffForAll
	}
}

// verdictOn is what a request-level gate says.
type verdictOn struct {
	gate   Gate
	reason Reason
	about  string
}

// blocked gives the reason why nothing passes under the plan, whoever the person is.
func (p *Plan) blocked() Reason {
	for _, g := range p.gates() {
		if g.reason != "" {
			return g.reason
		}
	}
	return ""
}

// gates are the gates that do not depend on the person.
func (p *Plan) gates() []verdictOn {
	if p.Purpose == nil {
		return []verdictOn{{GatePurpose, PurposeUndeclared, ""}}
	}
	name := string(p.Purpose.Name)
	switch r := Reason(p.Purpose.Blocked); r {
	case "":
	case NamespaceNotAllowed:
		return []verdictOn{{GatePurpose, "", name}, {GateNamespace, r, name}}
	default:
		return []verdictOn{{GatePurpose, r, name}}
	}
	return []verdictOn{
		{GatePurpose, "", name},
		{GateNamespace, "", name},
		{GateProcessing, p.processing(), ""},
		{GateChannel, p.channel(), string(p.Endpoint.Channel)},
		{GateParty, p.party(), p.Service.Party.Name},
		{GateTransfer, p.transfer(), ""},
	}
}

func (p *Plan) processing() Reason {
	if len(p.Endpoint.Processing) == 0 || missing(p.Endpoint.Processing, p.Purpose.Processing) {
		return ProcessingNotCovered
	}
	return ""
}

func (p *Plan) channel() Reason {
	if c := p.Endpoint.Channel; c != "" && !slices.Contains(p.Purpose.Channels, c) {
		return ChannelNotCovered
	}
	return ""
}

// party: whoever decides about data for themselves (GDPR Art. 4(7), 26) receives it only for purposes that include to disclose it.
func (p *Plan) party() Reason {
	switch p.Service.Party.Role {
	case ir.RoleProcessor:
		return ""
	case ir.RoleJointController, ir.RoleController:
		if slices.Contains(p.Purpose.Processing, ir.ProcessingDisclose) {
			return ""
		}
		return PartyNotCovered
	default:
		return PartyNotCovered
	}
}

// transfer: data leaves the European Economic Area on one of the bases of GDPR Chapter V, or not at all.
func (p *Plan) transfer() Reason {
	t := p.Service.Party.Transfer
	if t == nil {
		return ""
	}
	switch t.Basis {
	case ir.TransferAdequacy, ir.TransferStandardClauses, ir.TransferBindingRules:
		return ""
	case ir.TransferExplicitConsent:
		// A wording that names the country is needed, so only consent carries it.
		for _, g := range p.Purpose.Grounds {
			if g != ir.GroundConsent && g != ir.GroundSpecialCategoryConsent {
				return TransferNotCovered
			}
		}
		return ""
	default:
		return TransferNotCovered
	}
}

// meet notes the obligations that the request meets by itself, for its own purpose and for that of its tracking.
func (p *Plan) meet(constant Constants) {
	defer func() {
		for _, t := range p.Tracking {
			if t.plan != nil {
				t.plan.met = p.met
			}
		}
	}()
	for i := range p.Endpoint.Fulfils {
		if f := &p.Endpoint.Fulfils[i]; fulfils(f, constant) {
			p.met = append(p.met, f.Obligation)
		}
	}
}

// fulfils tells whether a request meets an obligation by itself.
func fulfils(f *ir.Fulfilment, constant Constants) bool {
	switch {
	case f.Pointer == "":
		return true
	case constant == nil:
		return false
	}
	value, ok := constant(ir.SourceBody, f.Pointer)
	return ok && ((len(f.In) == 0 && value != "" && value != "false") || slices.Contains(f.In, value))
}

// Category tells whether data of a category may pass under the plan's purpose. The empty category, that of a field which nobody
// declared, never may (GDPR Art. 5(1)(c)).
func (p *Plan) Category(category string) bool {
	return category != "" && slices.Contains(p.Purpose.Categories, category)
}

// device is the plan for access to the person's device; nil if its purpose permits nothing.
func (p *Plan) device() *Plan {
	d := p.index.purposes[p.Purpose.DeviceAccess]
	if d == nil || d.DeviceAccess != "" {
		return nil
	}
	access := &Plan{
		Purpose: d, Service: &ir.Service{Party: ir.Party{Role: ir.RoleProcessor}}, Endpoint: &ir.Endpoint{Processing: d.Processing},
		Mode: p.Mode, bound: p.bound, index: p.index, notices: p.notices,
	}
	if access.blocked() != "" {
		return nil
	}
	return access
}

// Share gives the plan with which the usable share of purpose and processing is computed: an own processor that meets every
// obligation, and the purpose's first channel where people are reached. It reports false for what the purpose does not include.
func Share(b *ir.Bundle, purpose consent.PurposeID, processing ir.Processing) (*Plan, bool) {
	x := NewIndex(b)
	e := &ir.Endpoint{Name: "usable-share", Processing: []ir.Processing{processing}}
	p := &Plan{
		Purpose: x.purposes[purpose], Service: &ir.Service{Party: ir.Party{Role: ir.RoleProcessor}}, Endpoint: e,
		Honours: []Obligation{ir.AddObjectionNotice, ir.Anonymise},
		bound:   boundOf(b), index: x, notices: x.notices,
	}
	if p.Purpose == nil {
		return nil, false
	}
	if processing == ir.ProcessingSend && len(p.Purpose.Channels) > 0 {
		e.Channel = p.Purpose.Channels[0]
	}
	return p, p.blocked() == ""
}
