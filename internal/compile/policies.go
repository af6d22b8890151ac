package compile

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// ruleIn is one rule of a policy, resolved once for all workloads.
type ruleIn struct {
	policy *policyIn
	rule   *policy.Rule
	index  int
	at     string
	// service is nil where there is none, or it does not allow the namespace; the rule then permits nothing and is left out.
	service *service
	// bundle is the rule as bundles hold it.
	bundle ir.Rule
	when   []constraint
	// dead tells that no request can match the rule.
	dead bool
}

// policyIn is one policy.
type policyIn struct {
	policy.Policy
	rules     []*ruleIn
	callbacks []*callbackIn
}

func (p *policyIn) ref() policy.Ref {
	return policy.Ref{Kind: "ConsentPolicy", Namespace: p.Namespace, Name: p.Name}
}

func (r *ruleIn) compiles() bool { return r.service != nil && len(r.bundle.Endpoints) > 0 }

func (c *compiler) resolvePolicies(in []policy.Policy) {
	all := distinct(in, func(a, b policy.Policy) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	}, func(p policy.Policy) {
		c.findings.error((&policyIn{Policy: p}).ref(), "metadata.name", DuplicateName, "There are two ConsentPolicies with this name; only one of them counts. Rename or remove one.")
	})
	for i := range all {
		p := &policyIn{Policy: all[i]}
		ns, governed := c.namespaces[p.Namespace]
		if !governed {
			ns = policy.Namespace{Name: p.Namespace}
		}
		for j := range p.Rules {
			r := &ruleIn{policy: p, rule: &p.Rules[j], index: j, at: fmt.Sprintf("spec.rules[%d]", j)}
			c.resolveRule(r, ns)
			p.rules = append(p.rules, r)
		}
		for j := range p.Callbacks {
			p.callbacks = append(p.callbacks, c.resolveCallback(p, j, ns))
		}
		c.policies[p.Namespace] = append(c.policies[p.Namespace], p)
	}
}

// resolveRule compiles one rule and finds what it refers to. It is left out only where its service is unknown, which denies by itself;
// a rule whose purpose is missing or not allowed stays and denies, so that it cannot make another rule's match unambiguous.
func (c *compiler) resolveRule(r *ruleIn, ns policy.Namespace) {
	ref, rule := r.policy.ref(), r.rule
	c.checkPurpose(r, r.at+".purpose", rule.Purpose, ns)
	for k, t := range rule.Tracking {
		c.checkPurpose(r, fmt.Sprintf("%s.tracking[%d].purpose", r.at, k), t.Purpose, ns)
		if p := c.purposes[t.Purpose]; p != nil {
			p.aside = true
		}
	}
	name := serviceName(r.policy.Policy, rule)
	s := c.services[name]
	if s == nil || !serviceAllowed(&s.Service, ns) {
		// One message for both, so that nobody learns what exists in namespaces that do not allow theirs.
		c.findings.error(ref, r.at+".service", ServiceNotFound, "DataService %q does not exist or does not allow namespace %q; rule %q permits nothing until it does.", name, r.policy.Namespace, rule.Name)
		return
	}
	if c.referred[ns.Name] == nil {
		c.referred[ns.Name] = map[string]bool{}
	}
	c.referred[ns.Name][s.Name] = true
	r.service = s
	r.bundle = ir.Rule{
		Policy: r.policy.Namespace + "/" + r.policy.Name + "/" + rule.Name, Purpose: rule.Purpose, Service: s.Name,
		When: sortedConditions(rule.When), OnMissing: cmp.Or(rule.OnMissing, ir.OnMissingDeny), OnEmpty: cmp.Or(rule.OnEmpty, ir.OnEmptyDeny),
		Redaction: rule.Redaction, Tracking: sortedTracking(rule.Tracking), Mode: ruleMode(ns, r.policy.Policy),
	}
	for j, e := range rule.Endpoints {
		if s.endpoint(e) == nil {
			c.findings.error(ref, fmt.Sprintf("%s.endpoints[%d]", r.at, j), EndpointNotFound, "DataService %q declares no endpoint %q that can be enforced; correct the name, or the endpoint.", s.Name, e)
			continue
		}
		r.bundle.Endpoints = append(r.bundle.Endpoints, e)
	}
	r.bundle.Endpoints = sortedSet(r.bundle.Endpoints)
	if err := r.enforceable(); err != nil {
		c.findings.error(ref, r.at, InvalidRule, "Rule %q cannot be enforced and permits nothing (%v). Correct it.", rule.Name, err)
		r.service = nil
		return
	}
	var contradiction int
	if r.when, contradiction = constraints(rule.When); contradiction >= 0 {
		r.dead = true
		c.findings.error(ref, fmt.Sprintf("%s.when[%d]", r.at, contradiction), UnreachableRule,
			"The condition cannot hold together with another one of rule %q, so no request ever matches the rule. Remove one of them.", rule.Name)
	}
	c.checkRule(r, ns)
}

// enforceable tells whether a bundle can hold the rule.
func (r *ruleIn) enforceable() error {
	probe := &ir.Bundle{
		Mode: ir.ModeEnforce, Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: DefaultFreshnessBound.Milliseconds(),
		Rules: []ir.Rule{r.bundle}, Services: []ir.Service{{Name: r.service.Name, Hosts: r.service.Hosts, Ports: r.service.Ports}},
	}
	for _, p := range append([]consent.PurposeID{r.bundle.Purpose}, trackingPurposes(r.bundle.Tracking)...) {
		if !slices.ContainsFunc(probe.Purposes, func(q ir.Purpose) bool { return q.Name == p }) {
			probe.Purposes = append(probe.Purposes, ir.Purpose{Name: p, Objection: ir.ObjectionNone})
		}
	}
	for _, e := range r.bundle.Endpoints {
		probe.Services[0].Endpoints = append(probe.Services[0].Endpoints, ir.Endpoint{Name: e, Methods: []string{"GET"}, Path: "/"})
	}
	return ir.Validate(probe)
}

func trackingPurposes(in []ir.TrackingRule) []consent.PurposeID {
	var out []consent.PurposeID
	for _, t := range in {
		out = append(out, t.Purpose)
	}
	return out
}

// checkPurpose finds a purpose that is missing, or that does not let the namespace act for it or for its access to devices.
func (c *compiler) checkPurpose(r *ruleIn, field string, name consent.PurposeID, ns policy.Namespace) {
	ref, p := r.policy.ref(), c.purposes[name]
	switch {
	case p == nil:
		c.findings.error(ref, field, PurposeNotFound, "DataPurpose %q does not exist; requests under rule %q are denied until it does.", name, r.rule.Name)
		return
	case !p.declared.Allowed.Matches(ns):
		c.findings.error(ref, field, NamespaceNotAllowed, "DataPurpose %q does not allow namespace %q to act for it; its owner can add the namespace to spec.allowedNamespaces.", name, ns.Name)
		return
	}
	if d := c.purposes[p.DeviceAccess]; d != nil && !d.declared.Allowed.Matches(ns) {
		c.findings.error(ref, field, NamespaceNotAllowed,
			"DataPurpose %q accesses devices by DataPurpose %q, which does not allow namespace %q to act for it; its owner can add the namespace to spec.allowedNamespaces.", name, d.Name, ns.Name)
	}
}

func sortedTracking(in []ir.TrackingRule) []ir.TrackingRule {
	out := slices.Clone(in)
	for i := range out {
		out[i].OnMixed = cmp.Or(out[i].OnMixed, ir.OnMixedOffForAll)
	}
	slices.SortFunc(out, func(a, b ir.TrackingRule) int {
		return cmp.Or(cmp.Compare(a.Tracking, b.Tracking), cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.OnMixed, b.OnMixed))
	})
	return out
}

func sortedConditions(when []ir.Condition) []ir.Condition {
	var out []ir.Condition
	for _, w := range when {
		out = append(out, ir.Condition{Source: w.Source, Name: w.Name, In: sortedSet(w.In)})
	}
	slices.SortFunc(out, func(a, b ir.Condition) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Name, b.Name), slices.Compare(a.In, b.In))
	})
	return out
}

func serviceName(p policy.Policy, r *policy.Rule) string {
	return cmp.Or(r.Service.Namespace, p.Namespace) + "/" + r.Service.Name
}

func serviceAllowed(s *policy.Service, ns policy.Namespace) bool {
	return s.Namespace == ns.Name || s.Allowed.Matches(ns)
}
