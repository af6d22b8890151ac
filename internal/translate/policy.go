package translate

import (
	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// Policy translates one ConsentPolicy. Controllers use it to learn which labels its selector needs.
func Policy(p *v1alpha1.ConsentPolicy) policy.Policy {
	s := &p.Spec
	out := policy.Policy{Namespace: p.Namespace, Name: p.Name, Mode: ir.Mode(s.Mode)}
	if s.Selector != nil {
		out.Selector = s.Selector.MatchLabels
	}
	if s.FreshnessBound != nil {
		out.FreshnessBound = s.FreshnessBound.Duration
	}
	if u := s.Ungoverned; u != nil {
		out.Ungoverned = &ir.Ungoverned{Action: ir.UngovernedAction(u.Action), Hosts: u.Hosts}
	}
	for _, t := range s.TargetRefs {
		out.Targets = append(out.Targets, policy.Target{Kind: t.Kind, Name: t.Name})
	}
	for i := range s.Rules {
		r := &s.Rules[i]
		rule := policy.Rule{
			Name: r.Name, Purpose: consent.PurposeID(r.Purpose),
			Service:   policy.ServiceRef{Namespace: string(r.Service.Namespace), Name: string(r.Service.Name)},
			Endpoints: convert[string](r.Endpoints), OnMissing: ir.OnMissing(r.OnMissing), OnEmpty: ir.OnEmpty(r.OnEmpty),
			Redaction: ir.Redaction(r.Redaction),
		}
		for _, t := range r.Tracking {
			rule.Tracking = append(rule.Tracking, ir.TrackingRule{
				Tracking: ir.Tracking(t.Tracking), Purpose: consent.PurposeID(t.Purpose), OnMixed: ir.OnMixed(t.OnMixed),
			})
		}
		for _, c := range r.When {
			rule.When = append(rule.When, ir.Condition{Source: ir.Source(c.Source), Name: c.Name, In: c.In})
		}
		out.Rules = append(out.Rules, rule)
	}
	for i := range s.Callbacks {
		out.Callbacks = append(out.Callbacks, callbackUse(&s.Callbacks[i]))
	}
	return out
}
