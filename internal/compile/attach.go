package compile

import (
	"cmp"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// attach adds what the rules refer to, and every service whose hosts are governed in the namespace.
func (c *compiler) attach(b *ir.Bundle, ns policy.Namespace) {
	slices.SortFunc(b.Rules, compareRules)
	used := map[string]map[string]bool{}
	n := &needs{c: c, ns: ns, b: b, purposes: map[consent.PurposeID]bool{}, controllers: map[string]bool{}, notices: map[int]bool{}}
	for i := range b.Rules {
		r := &b.Rules[i]
		if used[r.Service] == nil {
			used[r.Service] = map[string]bool{}
		}
		for _, e := range r.Endpoints {
			used[r.Service][e] = true
		}
		n.purpose(r.Purpose)
		for _, t := range r.Tracking {
			n.purpose(t.Purpose)
		}
	}
	for i := range b.Callbacks {
		for _, p := range callbackPurposes(&b.Callbacks[i]) {
			n.purpose(p)
		}
		for _, e := range b.Callbacks[i].Events {
			n.controllers[e.Controller] = true
		}
	}
	n.finish()
	all := c.governedIn(ns)
	b.Services = make([]ir.Service, 0, len(all))
	for _, s := range all {
		one := s.stub
		if endpoints := used[s.Name]; endpoints != nil {
			one = trimmed(s.Service.Service, endpoints)
		}
		one.Hosts = s.hosts
		b.Services = append(b.Services, one)
	}
	if len(b.Services) == 0 {
		b.Services = nil
	}
}

func compareRules(x, y ir.Rule) int {
	if c := cmp.Compare(x.Policy, y.Policy); c != 0 {
		return c
	}
	return cmp.Compare(textOf(x), textOf(y)) // two rules of one name
}

// needs collects what rules refer to.
type needs struct {
	c           *compiler
	ns          policy.Namespace
	b           *ir.Bundle
	purposes    map[consent.PurposeID]bool
	controllers map[string]bool
	notices     map[int]bool
}

func (n *needs) purpose(name consent.PurposeID) {
	if n.purposes[name] {
		return
	}
	n.purposes[name] = true
	p := n.c.purposeFor(name, n.ns)
	p.Labels = nil // for people, whom a sidecar does not talk to
	n.b.Purposes = append(n.b.Purposes, p)
	for _, i := range n.c.naming[name] {
		n.notices[i] = true
	}
	if p.DeviceAccess != "" {
		n.purpose(p.DeviceAccess)
	}
	if p.Blocked == "" {
		n.controllers[p.Controller] = true
	}
}

func (n *needs) finish() {
	slices.SortFunc(n.b.Purposes, func(x, y ir.Purpose) int { return cmp.Compare(x.Name, y.Name) })
	places := make([]int, 0, len(n.notices))
	for i := range n.notices {
		places = append(places, i)
	}
	slices.Sort(places)
	for _, i := range places {
		notice := n.c.notices[i]
		notice.Texts = nil
		n.b.Notices = append(n.b.Notices, notice)
	}
	for _, l := range n.c.ledgers {
		if n.controllers[l.Controller] {
			n.b.Ledgers = append(n.b.Ledgers, ir.Ledger{Controller: l.Controller, URL: l.URL})
		}
	}
}

func (c *compiler) purposeFor(name consent.PurposeID, ns policy.Namespace) ir.Purpose {
	p := c.purposes[name]
	if p == nil {
		return ir.Purpose{Name: name, Objection: ir.ObjectionNone, Blocked: reasonPurposeUndeclared}
	}
	if !p.declared.Allowed.Matches(ns) {
		return ir.Purpose{Name: name, Objection: ir.ObjectionNone, Blocked: reasonNamespaceNotAllowed}
	}
	return p.Purpose
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
