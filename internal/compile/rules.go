package compile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// Reason codes that a blocked purpose answers with; package decide passes them on.
const (
	reasonPurposeUndeclared   = "PURPOSE_UNDECLARED"
	reasonNamespaceNotAllowed = "NAMESPACE_NOT_ALLOWED"
)

// rule compiles one rule. It is left out only where its service is unknown, which denies by itself; a rule whose purpose is
// missing or not allowed stays and denies, so that it cannot make another rule's match unambiguous.
func (c *compiler) rule(ns policy.Namespace, p policy.Policy, r *policy.Rule) (ir.Rule, bool) {
	s := c.services[serviceName(p, r)]
	if s == nil || !serviceAllowed(s, ns) {
		return ir.Rule{}, false
	}
	out := ir.Rule{
		Policy: p.Namespace + "/" + p.Name + "/" + r.Name, Purpose: r.Purpose, Service: s.Name,
		When: sortedConditions(r.When), OnMissing: r.OnMissing, OnEmpty: r.OnEmpty, Redaction: r.Redaction, Tracking: sortedTracking(r.Tracking),
		Mode: ruleMode(ns, p),
	}
	if out.OnMissing == "" {
		out.OnMissing = ir.OnMissingDeny
	}
	if out.OnEmpty == "" {
		out.OnEmpty = ir.OnEmptyDeny
	}
	for _, e := range r.Endpoints {
		if slices.ContainsFunc(s.Endpoints, func(x ir.Endpoint) bool { return x.Name == e }) {
			out.Endpoints = append(out.Endpoints, e)
		}
	}
	slices.Sort(out.Endpoints)
	out.Endpoints = slices.Compact(out.Endpoints)
	return out, len(out.Endpoints) > 0
}

func sortedTracking(in []ir.TrackingRule) []ir.TrackingRule {
	out := slices.Clone(in)
	for i := range out {
		if out[i].OnMixed == "" {
			out[i].OnMixed = ir.OnMixedOffForAll
		}
	}
	slices.SortFunc(out, func(a, b ir.TrackingRule) int { return cmp.Compare(a.Tracking, b.Tracking) })
	return out
}

func sortedConditions(when []ir.Condition) []ir.Condition {
	out := make([]ir.Condition, 0, len(when))
	for _, w := range when {
		in := slices.Clone(w.In)
		slices.Sort(in)
		out = append(out, ir.Condition{Source: w.Source, Name: w.Name, In: slices.Compact(in)})
	}
	slices.SortFunc(out, func(a, b ir.Condition) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Name, b.Name))
	})
	if len(out) == 0 {
		return nil
	}
	return out
}

func serviceName(p policy.Policy, r *policy.Rule) string {
	return cmp.Or(r.Service.Namespace, p.Namespace) + "/" + r.Service.Name
}

func serviceAllowed(s *policy.Service, ns policy.Namespace) bool {
	return s.Namespace == ns.Name || s.Allowed.Matches(ns)
}

// attach adds what the rules refer to, and every service whose hosts are governed in the namespace.
func (c *compiler) attach(b *ir.Bundle, ns policy.Namespace) {
	slices.SortFunc(b.Rules, func(x, y ir.Rule) int { return cmp.Compare(x.Policy, y.Policy) })
	used := map[string]map[string]bool{}
	purposes := map[consent.PurposeID]bool{}
	controllers := map[string]bool{}
	var need func(consent.PurposeID)
	need = func(name consent.PurposeID) {
		if purposes[name] {
			return
		}
		purposes[name] = true
		p := c.purposeFor(name, ns)
		if p.DeviceAccess != "" {
			need(p.DeviceAccess)
		}
		b.Purposes = append(b.Purposes, p)
		if p.Blocked == "" {
			controllers[p.Controller] = true
		}
	}
	for _, r := range b.Rules {
		if used[r.Service] == nil {
			used[r.Service] = map[string]bool{}
		}
		for _, e := range r.Endpoints {
			used[r.Service][e] = true
		}
		need(r.Purpose)
		for _, t := range r.Tracking {
			need(t.Purpose)
		}
	}
	for _, n := range c.notices {
		if slices.ContainsFunc(n.Purposes, func(p consent.PurposeID) bool { return purposes[p] }) {
			b.Notices = append(b.Notices, n)
		}
	}
	for name, s := range c.services {
		if used[name] != nil {
			b.Services = append(b.Services, trimmed(s.Service, used[name]))
		} else if governs(s, ns) {
			// Known, so that it is denied with NO_POLICY, but nothing about its endpoints is needed for that.
			b.Services = append(b.Services, ir.Service{Name: s.Name, Hosts: s.Hosts, Ports: s.Ports, Party: s.Party, Endpoints: openEndpoints(s)})
		}
	}
	for _, l := range c.ledgers {
		if controllers[l.Controller] {
			b.Ledgers = append(b.Ledgers, ir.Ledger{Controller: l.Controller, URL: l.URL})
		}
	}
	slices.SortFunc(b.Purposes, func(x, y ir.Purpose) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortFunc(b.Services, func(x, y ir.Service) int { return cmp.Compare(x.Name, y.Name) })
}

func (c *compiler) purposeFor(name consent.PurposeID, ns policy.Namespace) ir.Purpose {
	p := c.purposes[name]
	if p == nil {
		return ir.Purpose{Name: name, Objection: ir.ObjectionNone, Blocked: reasonPurposeUndeclared}
	}
	if !c.allowed[name].Matches(ns) {
		return ir.Purpose{Name: name, Objection: ir.ObjectionNone, Blocked: reasonNamespaceNotAllowed}
	}
	return *p
}

// trimmed leaves out what is declared about endpoints that no rule uses: they are known, so that they are denied for want of a purpose
// and not as unknown, and nothing more of them is needed.
func trimmed(s ir.Service, used map[string]bool) ir.Service {
	s.Endpoints = slices.Clone(s.Endpoints)
	for i, e := range s.Endpoints {
		if !used[e.Name] && !e.NoPersonalData {
			s.Endpoints[i] = ir.Endpoint{Name: e.Name, Methods: e.Methods, Path: e.Path, Processing: e.Processing}
		}
	}
	return s
}

func openEndpoints(s *policy.Service) []ir.Endpoint {
	var out []ir.Endpoint
	for _, e := range s.Endpoints {
		if e.NoPersonalData {
			out = append(out, e)
		}
	}
	return out
}

// governs tells whether a service's hosts are governed in a namespace that no policy of which refers to it: its own namespace,
// the namespaces it allows, and everywhere for names of the cluster that belong to the service's own namespace.
func governs(s *policy.Service, ns policy.Namespace) bool {
	if serviceAllowed(s, ns) {
		return true
	}
	for _, h := range s.Hosts {
		parts := strings.Split(h, ".")
		if len(parts) >= 2 && parts[1] == s.Namespace && (len(parts) == 2 || parts[2] == "svc") {
			return true
		}
	}
	return false
}

// ledger compiles the bundle of a ledger: the purposes and notices of its controller, with which it computes the usable share.
func (c *compiler) ledger(l policy.Ledger) (LedgerBundle, bool) {
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: l.Namespace, Workload: "ConsentLedger/" + l.Name, Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: DefaultFreshnessBound.Milliseconds(),
	}
	for _, p := range c.purposes {
		if p.Controller == l.Controller {
			b.Purposes = append(b.Purposes, *p)
		}
	}
	for _, p := range b.Purposes {
		// A device purpose that is missing, or another controller's, permits no access.
		if d := p.DeviceAccess; d != "" && !slices.ContainsFunc(b.Purposes, func(q ir.Purpose) bool { return q.Name == d }) {
			b.Purposes = append(b.Purposes, ir.Purpose{Name: d, Objection: ir.ObjectionNone, Blocked: reasonPurposeUndeclared})
		}
	}
	slices.SortFunc(b.Purposes, func(x, y ir.Purpose) int { return cmp.Compare(x.Name, y.Name) })
	for _, n := range c.notices {
		if n.Controller == l.Controller {
			b.Notices = append(b.Notices, n)
		}
	}
	ref := policy.Ref{Kind: "ConsentLedger", Namespace: l.Namespace, Name: l.Name}
	encoded, err := ir.Encode(b)
	if err != nil {
		c.findings.add(ref, "spec.controller", BundleTooLarge, fmt.Sprintf("The purposes and notices of %q do not fit one bundle (%v); retire notices that no grant rests on.", l.Controller, err))
		return LedgerBundle{}, false
	}
	return LedgerBundle{Ledger: ref, Bundle: b, Encoded: encoded, Hash: ir.Hash(encoded)}, true
}
