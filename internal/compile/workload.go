package compile

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// DefaultFreshnessBound holds where no policy of a workload says anything; MinimumFreshnessBound is the least that counts.
const (
	DefaultFreshnessBound = 30 * time.Second
	MinimumFreshnessBound = 5 * time.Second
)

// workload compiles what one workload may do; nil for a workload outside governed namespaces, unless services decide about it.
func (c *compiler) workload(w policy.Workload) *ir.Bundle {
	if !c.governs(w) && !w.Bare {
		return nil
	}
	ns := c.namespace(w)
	policies := c.policiesOf(w)
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: w.Namespace, Workload: w.ID(),
		Mode: workloadMode(ns, policies), Ungoverned: ungoverned(ns, policies), FreshnessBoundMillis: bound(policies).Milliseconds(),
	}
	for _, p := range policies {
		for _, r := range p.rules {
			if r.compiles() {
				b.Rules = append(b.Rules, r.bundle)
			}
		}
	}
	b.Callbacks = c.callbacksOf(policies)
	c.attach(b, ns)
	return b
}

// governs tells whether a workload's namespace is governed.
func (c *compiler) governs(w policy.Workload) bool {
	_, ok := c.namespaces[w.Namespace]
	return ok
}

// namespace is a workload's namespace; of one that is not governed nothing is known but its name.
func (c *compiler) namespace(w policy.Workload) policy.Namespace {
	ns := c.namespaces[w.Namespace]
	ns.Name = w.Namespace
	return ns
}

// finish encodes. A bundle that cannot be published is replaced by one that denies every governed service.
func (c *compiler) finish(w policy.Workload, b *ir.Bundle) (Bundle, bool) {
	c.fit(w, b)
	encoded, err := ir.Encode(b)
	if err != nil {
		c.findings.error(policy.Ref{Kind: "SidecarConfig", Namespace: w.Namespace, Name: w.ID()}, "spec.bundle", BundleTooLarge,
			"The bundle of %s cannot be published (%v); everything governed is denied. Split the policies over several workloads.", w.ID(), err)
		b = &ir.Bundle{Schema: b.Schema, Namespace: b.Namespace, Workload: b.Workload, Mode: b.Mode, Ungoverned: b.Ungoverned, FreshnessBoundMillis: b.FreshnessBoundMillis, Callbacks: blocked(b.Callbacks)}
		for _, s := range c.governedIn(c.namespaces[w.Namespace]) {
			b.Services = append(b.Services, ir.Service{Name: s.Name, Hosts: s.hosts, Ports: s.stub.Ports, Party: s.Party})
		}
		if encoded, err = ir.Encode(b); err != nil {
			b.Services, b.Ungoverned = nil, ir.Ungoverned{Action: ir.UngovernedDeny}
			if encoded, err = ir.Encode(b); err != nil {
				return Bundle{}, false
			}
		}
	}
	return Bundle{Workload: w, Bundle: b, Encoded: encoded, Hash: ir.Hash(encoded)}, true
}

// blocked are callbacks that let nothing pass: a path that no bundle names would pass everything.
func blocked(in []ir.Callback) []ir.Callback {
	var out []ir.Callback
	for i := range in {
		out = append(out, blockedCallback(&in[i], reasonNotThere))
	}
	return out
}

// selectors finds the policies of a namespace that may be for a workload: those that name it, and those that select by label or all.
type selectors struct {
	named map[policy.Target][]int
	other []int
}

// policiesOf gives the policies for a workload, in the order of their names, and notes that they stand together.
func (c *compiler) policiesOf(w policy.Workload) []*policyIn {
	all := c.policies[w.Namespace]
	s := c.selectors[w.Namespace]
	if s == nil {
		s = &selectors{named: map[policy.Target][]int{}}
		for i, p := range all {
			for _, t := range p.Targets {
				s.named[t] = append(s.named[t], i)
			}
			if len(p.Selector) > 0 || len(p.Targets) == 0 {
				s.other = append(s.other, i)
			}
		}
		c.selectors[w.Namespace] = s
	}
	places := slices.Clone(s.named[policy.Target{Kind: w.Kind, Name: w.Name}])
	for _, i := range s.other {
		if Selects(all[i].Policy, w) {
			places = append(places, i)
		}
	}
	places = sortedSet(places)
	out := make([]*policyIn, 0, len(places))
	key := append([]byte(w.Namespace), 0)
	for _, i := range places {
		out = append(out, all[i])
		key = binary.AppendUvarint(key, uint64(i))
	}
	if len(places) > 1 {
		c.together[string(key)] = true
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
func workloadMode(ns policy.Namespace, policies []*policyIn) ir.Mode {
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

func bound(policies []*policyIn) time.Duration {
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

func ungoverned(ns policy.Namespace, policies []*policyIn) ir.Ungoverned {
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
	out.Hosts = sortedSet(out.Hosts)
	return out
}
