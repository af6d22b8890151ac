package compile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// Provides tells whether a workload of the service's namespace is the service.
func Provides(s *policy.Service, w policy.Workload) bool {
	x := s.Workloads
	if x == nil || w.Namespace != s.Namespace || (len(x.Targets) == 0 && len(x.Selector) == 0) {
		return false
	}
	return Selects(policy.Policy{Targets: x.Targets, Selector: x.Selector}, w)
}

// findProviders finds the workloads that are services. What their sidecars enforce is told to callers, who need not enforce it again.
func (c *compiler) findProviders(workloads []policy.Workload) {
	for _, s := range c.byName {
		if s.Workloads == nil {
			continue
		}
		ns, governed := c.namespaces[s.Namespace]
		if !governed {
			c.findings.warn(s.ref(), "spec.workloads", NotProvided,
				"Namespace %q is not governed, so its pods have no sidecar and nothing is decided at the service. Give the namespace the label consent.optup.dev/mode.", s.Namespace)
			continue
		}
		s.ports = c.providedPorts(s)
		for _, w := range workloads {
			if Provides(&s.Service, w) && len(s.ports) > 0 {
				s.provided = true
				s.Providers = append(s.Providers, w.Config())
			}
		}
		slices.Sort(s.Providers)
		s.ProvidersEnforce = s.provided && ns.Mode == ir.ModeEnforce
		s.stub.Providers, s.stub.ProvidersEnforce = s.Providers, s.ProvidersEnforce
	}
}

// providedPorts are the ports on which the service's sidecars can decide.
func (c *compiler) providedPorts(s *service) []ir.ProvidedPort {
	var out []ir.ProvidedPort
	for _, p := range s.Ports {
		if p.Protocol != "HTTP" || p.TLSPort != 0 {
			c.findings.warn(s.ref(), "spec.workloads", NotProvided,
				"On port %d the service's pods speak TLS themselves, which their sidecars cannot read; nothing is decided there. Let the pods speak HTTP: between sidecars everything is encrypted.", p.Port)
			continue
		}
		x := ir.ProvidedPort{Port: p.Port, Target: cmp.Or(s.Workloads.Ports[p.Port], p.Port)}
		if slices.ContainsFunc(out, func(o ir.ProvidedPort) bool { return o.Target == x.Target }) {
			c.findings.error(s.ref(), "spec.workloads.ports", InvalidEndpoint, "Two ports of the service go to port %d of its pods, so nobody could say which one a request is for; only the first counts. Give each its own.", x.Target)
			continue
		}
		out = append(out, x)
	}
	return out
}

// callerIn is one workload that has rules for a provided service.
type callerIn struct {
	caller ir.Caller
	rules  []ir.Rule
}

// noteCaller remembers what a bundle says about provided services, for the bundles of those.
func (c *compiler) noteCaller(w policy.Workload, b *ir.Bundle) {
	ns := c.namespace(w)
	for _, s := range c.byName {
		if !s.provided {
			continue
		}
		var rules []ir.Rule
		for _, r := range b.Rules {
			if r.Service == s.Name {
				rules = append(rules, r)
			}
		}
		if len(rules) == 0 {
			continue
		}
		x := callerIn{rules: rules, caller: ir.Caller{
			Namespace: w.Namespace, Workload: w.Config(), Accounts: w.Accounts, Mode: b.Mode, FreshnessBoundMillis: b.FreshnessBoundMillis,
		}}
		for _, name := range purposesOf(c, rules) {
			if p := c.purposes[name]; p != nil && !p.declared.Allowed.Matches(ns) {
				x.caller.Blocked = append(x.caller.Blocked, ir.BlockedPurpose{Purpose: name, Reason: reasonNamespaceNotAllowed})
			}
		}
		s.callers = append(s.callers, x)
	}
}

// purposesOf lists the purposes that rules need, sorted.
func purposesOf(c *compiler, rules []ir.Rule) []consent.PurposeID {
	var out []consent.PurposeID
	add := func(name consent.PurposeID) {
		out = append(out, name)
		if p := c.purposes[name]; p != nil && p.DeviceAccess != "" {
			out = append(out, p.DeviceAccess)
		}
	}
	for i := range rules {
		add(rules[i].Purpose)
		for _, t := range rules[i].Tracking {
			add(t.Purpose)
		}
	}
	return sortedSet(out)
}

// provide adds the services that a workload is, with all callers that were noted.
func (c *compiler) provide(w policy.Workload, b *ir.Bundle) {
	for _, s := range c.byName {
		if s.provided && Provides(&s.Service, w) {
			b.Provides = append(b.Provides, c.providedBy(s, s.callers))
		}
	}
	c.follow(b)
}

// providedBy is a service as its sidecars need it, for some callers.
func (c *compiler) providedBy(s *service, callers []callerIn) ir.Provided {
	ns := c.namespaces[s.Namespace]
	out := ir.Provided{Ports: s.ports, Mode: ns.Mode}
	places := map[string]int{}
	used := map[string]bool{}
	for _, x := range callers {
		one := x.caller
		for _, r := range x.rules {
			key := textOf(r)
			at, there := places[key]
			if !there {
				at = len(out.Rules)
				places[key] = at
				out.Rules = append(out.Rules, r)
				for _, e := range r.Endpoints {
					used[e] = true
				}
			}
			one.Rules = append(one.Rules, at)
		}
		out.Callers = append(out.Callers, one)
	}
	out.Service = trimmed(s.Service.Service, used)
	// What only callers do on their way here is theirs.
	out.Service.Providers, out.Service.ProvidersEnforce, out.Service.Credential, out.Service.Authorities = nil, false, nil, ""
	notices := map[int]bool{}
	for _, name := range purposesOf(c, out.Rules) {
		p := ir.Purpose{Name: name, Objection: ir.ObjectionNone, Blocked: reasonPurposeUndeclared}
		if known := c.purposes[name]; known != nil {
			p = known.Purpose
			p.Labels = nil
		}
		out.Purposes = append(out.Purposes, p)
		for _, i := range c.naming[name] {
			notices[i] = true
		}
	}
	for i := range c.notices {
		if notices[i] {
			n := c.notices[i]
			n.Texts = nil
			out.Notices = append(out.Notices, n)
		}
	}
	return out
}

// follow adds the ledgers of the purposes of callers.
func (c *compiler) follow(b *ir.Bundle) {
	wanted := map[string]bool{}
	for _, l := range b.Ledgers {
		wanted[l.Controller] = true
	}
	for i := range b.Provides {
		for _, p := range b.Provides[i].Purposes {
			if p.Blocked == "" {
				wanted[p.Controller] = true
			}
		}
	}
	b.Ledgers = nil
	for _, l := range c.ledgers {
		if wanted[l.Controller] {
			b.Ledgers = append(b.Ledgers, ir.Ledger{Controller: l.Controller, URL: l.URL})
		}
	}
}

// fit leaves out callers until the bundle can be published. Those who are left out are denied.
func (c *compiler) fit(w policy.Workload, b *ir.Bundle) {
	if len(b.Provides) == 0 {
		return
	}
	if _, err := ir.Encode(b); !errors.Is(err, ir.ErrTooLarge) {
		return
	}
	var all []*service
	total := 0
	for _, s := range c.byName {
		if s.provided && Provides(&s.Service, w) {
			all = append(all, s)
			total += len(s.callers)
		}
	}
	with := func(n int) error {
		for i, s := range all {
			k := min(n, len(s.callers))
			n -= k
			b.Provides[i] = c.providedBy(s, s.callers[:k])
		}
		_, err := ir.Encode(b)
		return err
	}
	low, high := 0, total // with low it fits, or nothing does
	for low+1 < high {
		if mid := (low + high) / 2; with(mid) == nil {
			low = mid
		} else {
			high = mid
		}
	}
	if with(low) != nil {
		return // it is too large without any caller
	}
	left := low
	for _, s := range all {
		k := min(left, len(s.callers))
		left -= k
		if k == len(s.callers) {
			continue
		}
		var names []string
		for _, x := range s.callers[k:min(len(s.callers), k+3)] {
			names = append(names, fmt.Sprintf("%s/%s", x.caller.Namespace, x.caller.Workload))
		}
		c.findings.error(s.ref(), "spec.workloads", CallersLeftOut,
			"The rules of %d of %d callers do not fit the bundle of the service's sidecars (%d bytes), and their requests are denied: %s and those after them. Let fewer workloads refer to the service, or give them the same policies.",
			len(s.callers)-k, len(s.callers), ir.MaxBundleBytes, strings.Join(names, ", "))
	}
}
