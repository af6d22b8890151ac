package compile

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// DefaultFreshnessBound holds where no policy of a workload says anything; MinimumFreshnessBound is the least that counts.
const (
	DefaultFreshnessBound = 30 * time.Second
	MinimumFreshnessBound = 5 * time.Second
)

// Compile compiles a snapshot. It never fails as a whole: what is wrong becomes a finding and compiles to a denial.
func Compile(s policy.Snapshot) Result {
	c := newCompiler(s)
	var r Result
	for _, w := range c.workloads {
		if b, ok := c.workload(w); ok {
			r.Bundles = append(r.Bundles, b)
		}
	}
	for _, l := range c.ledgers {
		if b, ok := c.ledger(l); ok {
			r.Ledgers = append(r.Ledgers, b)
		}
	}
	r.Findings = c.findings.sorted()
	return r
}

type compiler struct {
	namespaces map[string]policy.Namespace
	purposes   map[consent.PurposeID]*ir.Purpose
	allowed    map[consent.PurposeID]policy.NamespaceSelector
	notices    []ir.Notice
	services   map[string]*policy.Service
	policies   []policy.Policy
	ledgers    []policy.Ledger
	workloads  []policy.Workload
	findings   findings
}

func newCompiler(s policy.Snapshot) *compiler {
	c := &compiler{
		namespaces: map[string]policy.Namespace{},
		purposes:   map[consent.PurposeID]*ir.Purpose{}, allowed: map[consent.PurposeID]policy.NamespaceSelector{},
		services: map[string]*policy.Service{},
		notices:  slices.Clone(s.Notices), policies: slices.Clone(s.Policies), ledgers: slices.Clone(s.Ledgers), workloads: slices.Clone(s.Workloads),
	}
	for _, n := range s.Namespaces {
		c.namespaces[n.Name] = n
	}
	slices.SortFunc(c.notices, func(a, b ir.Notice) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(c.ledgers, func(a, b policy.Ledger) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(c.policies, func(a, b policy.Policy) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(c.workloads, compareWorkloads)
	c.resolvePurposes(s.Purposes)
	c.resolveServices(s.Services)
	for _, p := range c.policies {
		c.checkPolicy(p)
	}
	return c
}

func compareWorkloads(a, b policy.Workload) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name),
		cmp.Compare(labelString(a.Labels), labelString(b.Labels)))
}

func labelString(labels map[string]string) string {
	var out []string
	for k, v := range labels {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// workload compiles the bundle of one workload; false for a workload outside governed namespaces.
func (c *compiler) workload(w policy.Workload) (Bundle, bool) {
	ns, ok := c.namespaces[w.Namespace]
	if !ok {
		return Bundle{}, false
	}
	policies := c.policiesOf(w)
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: w.Namespace, Workload: w.ID(),
		Mode: workloadMode(ns, policies), Ungoverned: ungoverned(ns, policies), FreshnessBoundMillis: bound(policies).Milliseconds(),
	}
	for _, p := range policies {
		for i := range p.Rules {
			if r, ok := c.rule(ns, p, &p.Rules[i]); ok {
				b.Rules = append(b.Rules, r)
			}
		}
	}
	c.attach(b, ns)
	return c.finish(w, b)
}

// finish encodes. A bundle that cannot be published is replaced by one that denies every governed service.
func (c *compiler) finish(w policy.Workload, b *ir.Bundle) (Bundle, bool) {
	encoded, err := ir.Encode(b)
	if err != nil {
		c.findings.add(policy.Ref{Kind: "SidecarConfig", Namespace: w.Namespace, Name: w.ID()}, "spec.bundle", BundleTooLarge,
			"The bundle of "+w.ID()+" cannot be published ("+err.Error()+"); everything governed is denied. Split the policies over several workloads.")
		b = &ir.Bundle{Schema: b.Schema, Namespace: b.Namespace, Workload: b.Workload, Mode: b.Mode, Ungoverned: b.Ungoverned, FreshnessBoundMillis: b.FreshnessBoundMillis}
		for _, s := range c.services {
			b.Services = append(b.Services, ir.Service{Name: s.Name, Hosts: s.Hosts, Ports: s.Ports, Party: s.Party})
		}
		slices.SortFunc(b.Services, func(a, b ir.Service) int { return cmp.Compare(a.Name, b.Name) })
		if encoded, err = ir.Encode(b); err != nil {
			b.Services, b.Ungoverned = nil, ir.Ungoverned{Action: ir.UngovernedDeny}
			if encoded, err = ir.Encode(b); err != nil {
				return Bundle{}, false
			}
		}
	}
	return Bundle{Workload: w, Bundle: b, Encoded: encoded, Hash: ir.Hash(encoded)}, true
}

func (c *compiler) policiesOf(w policy.Workload) []policy.Policy {
	var out []policy.Policy
	for _, p := range c.policies {
		if p.Namespace == w.Namespace && Selects(p, w) {
			out = append(out, p)
		}
	}
	return out
}

// Selects tells whether a policy is for a workload of its namespace: by name, by labels, or with neither for every one.
func Selects(p policy.Policy, w policy.Workload) bool {
	if len(p.Targets) == 0 && len(p.Selector) == 0 {
		return true
	}
	if slices.Contains(p.Targets, policy.Target{Kind: w.Kind, Name: w.Name}) {
		return true
	}
	if len(p.Selector) == 0 {
		return false
	}
	for k, v := range p.Selector {
		if w.Labels[k] != v {
			return false
		}
	}
	return true
}

// workloadMode: an observing namespace never enforces; elsewhere one enforcing policy, or none at all, enforces.
func workloadMode(ns policy.Namespace, policies []policy.Policy) ir.Mode {
	if ns.Mode == ir.ModeObserve {
		return ir.ModeObserve
	}
	for _, p := range policies {
		if p.Mode != ir.ModeObserve {
			return ir.ModeEnforce
		}
	}
	if len(policies) == 0 {
		return ir.ModeEnforce
	}
	return ir.ModeObserve
}

func ruleMode(ns policy.Namespace, p policy.Policy) ir.Mode {
	if ns.Mode == ir.ModeObserve || p.Mode == ir.ModeObserve {
		return ir.ModeObserve
	}
	return ir.ModeEnforce
}

func bound(policies []policy.Policy) time.Duration {
	b := DefaultFreshnessBound
	for _, p := range policies {
		if p.FreshnessBound > 0 && p.FreshnessBound < b {
			b = p.FreshnessBound
		}
	}
	return max(b, MinimumFreshnessBound)
}

// ungovernedRank orders actions by strictness; restrictions join.
var ungovernedRank = map[ir.UngovernedAction]int{ir.UngovernedObserve: 1, ir.UngovernedAllow: 2, ir.UngovernedDeny: 3}

func ungoverned(ns policy.Namespace, policies []policy.Policy) ir.Ungoverned {
	out := ir.Ungoverned{Action: ir.UngovernedObserve}
	if ns.Mode == ir.ModeObserve {
		return out
	}
	for _, p := range policies {
		u := p.Ungoverned
		switch {
		case u == nil:
		case ungovernedRank[u.Action] > ungovernedRank[out.Action]:
			out = ir.Ungoverned{Action: u.Action, Hosts: slices.Clone(u.Hosts)}
		case u.Action == ir.UngovernedAllow && out.Action == ir.UngovernedAllow:
			// Two lists join to what both let pass.
			out.Hosts = slices.DeleteFunc(out.Hosts, func(h string) bool { return !slices.Contains(u.Hosts, h) })
		}
	}
	slices.Sort(out.Hosts)
	out.Hosts = slices.Compact(out.Hosts)
	return out
}
