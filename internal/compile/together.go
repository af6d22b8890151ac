package compile

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/optup/optup/internal/ir"
)

// pair is two rules, of which the first is the one that a finding is about.
type pair struct{ a, b *ruleIn }

// rivals collects, for each rule, those that it is ambiguous with.
type rivals struct {
	always, sometimes map[*ruleIn][]*ruleIn
	seen              map[pair]bool
}

// checkRulesTogether finds rules of one workload that match the same requests: within each policy, and between all policies that some
// workload has.
func (c *compiler) checkRulesTogether() {
	found := &rivals{always: map[*ruleIn][]*ruleIn{}, sometimes: map[*ruleIn][]*ruleIn{}, seen: map[pair]bool{}}
	for _, ns := range slices.Sorted(maps.Keys(c.policies)) {
		for _, p := range c.policies[ns] {
			c.compareRules(found, p.rules)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.together)) {
		ns, places, _ := strings.Cut(key, "\x00")
		var rules []*ruleIn
		for rest := []byte(places); len(rest) > 0; {
			i, n := binary.Uvarint(rest)
			rest = rest[n:]
			rules = append(rules, c.policies[ns][i].rules...)
		}
		c.compareRules(found, rules)
	}
	for _, ns := range slices.Sorted(maps.Keys(c.policies)) {
		for _, p := range c.policies[ns] {
			for _, r := range p.rules {
				c.ambiguous(r, found)
			}
		}
	}
}

// compareRules compares all rules of one workload that share an endpoint.
func (c *compiler) compareRules(found *rivals, rules []*ruleIn) {
	type place struct{ service, endpoint string }
	at := map[place][]*ruleIn{}
	for _, r := range rules {
		if r.dead || !r.compiles() {
			continue
		}
		for _, e := range r.bundle.Endpoints {
			k := place{r.bundle.Service, e}
			for _, other := range at[k] {
				c.compare(found, other, r)
			}
			at[k] = append(at[k], r)
		}
	}
}

func (c *compiler) compare(found *rivals, a, b *ruleIn) {
	if a.bundle.Purpose == b.bundle.Purpose {
		c.redundant(found, a, b)
		return
	}
	if !compatible(a.when, b.when) || found.seen[pair{a, b}] {
		return
	}
	found.seen[pair{a, b}] = true
	into := found.sometimes
	if asksNoMore(a.when, b.when) || asksNoMore(b.when, a.when) {
		into = found.always
	}
	into[a], into[b] = append(into[a], b), append(into[b], a)
}

// ambiguous tells what a rule is ambiguous with.
func (c *compiler) ambiguous(r *ruleIn, found *rivals) {
	field := r.at
	if len(r.rule.When) > 0 {
		field += ".when"
	}
	if with := found.always[r]; len(with) > 0 {
		c.findings.warn(r.policy.ref(), field, AmbiguousRules,
			"Rule %q is for DataPurpose %q and matches requests that %s; they are denied as PURPOSE_AMBIGUOUS unless they name their purpose in the header OptUp-Purpose. Where they do not, have all of these rules compare the same constant with different values.", r.rule.Name, r.rule.Purpose, r.match(with))
	}
	if with := found.sometimes[r]; len(with) > 0 {
		c.findings.warn(r.policy.ref(), field, AmbiguousRules,
			"Rule %q is for DataPurpose %q, and a request may also meet what %s; such a request is denied as PURPOSE_AMBIGUOUS unless it names its purpose in the header OptUp-Purpose. Where it does not, have all of these rules compare the same constant with different values.", r.rule.Name, r.rule.Purpose, r.match(with))
	}
}

// match names other rules, at most three.
func (r *ruleIn) match(with []*ruleIn) string {
	with = slices.Clone(with)
	slices.SortFunc(with, func(a, b *ruleIn) int {
		return cmp.Or(cmp.Compare(a.policy.Name, b.policy.Name), cmp.Compare(a.index, b.index))
	})
	var out []string
	for _, o := range with[:min(len(with), 3)] {
		out = append(out, fmt.Sprintf("%s (DataPurpose %q)", o.nameFor(r), o.rule.Purpose))
	}
	s := strings.Join(out, " and ")
	if more := len(with) - len(out); more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	if len(with) > 1 {
		return s + " match too"
	}
	return s + " matches too"
}

// nameFor names a rule to the reader of another one.
func (r *ruleIn) nameFor(reader *ruleIn) string {
	if r.policy == reader.policy {
		return fmt.Sprintf("rule %q", r.rule.Name)
	}
	return fmt.Sprintf("rule %q of ConsentPolicy %q", r.rule.Name, r.policy.Name)
}

// redundant finds the one of two rules with the same purpose without which nothing would change.
func (c *compiler) redundant(found *rivals, a, b *ruleIn) {
	if found.seen[pair{a, b}] || !sameHandling(&a.bundle, &b.bundle) {
		return
	}
	found.seen[pair{a, b}] = true
	// Of two rules that match the same, the later one goes.
	for _, p := range []pair{{b, a}, {a, b}} {
		if wider(p.b.policy, p.a.policy) && contains(p.b.bundle.Endpoints, p.a.bundle.Endpoints) && implies(p.a.when, p.b.when) {
			c.findings.warn(p.a.policy.ref(), p.a.at, RedundantRule,
				"Everything that rule %q matches, %s matches too, for the same purpose and with the same handling; remove this one, or say what is different.", p.a.rule.Name, p.b.nameFor(p.a))
			return
		}
	}
}

func sameHandling(a, b *ir.Rule) bool {
	return a.OnMissing == b.OnMissing && a.OnEmpty == b.OnEmpty && cmp.Or(a.Redaction, ir.RedactionOmit) == cmp.Or(b.Redaction, ir.RedactionOmit) && a.Mode == b.Mode && slices.Equal(a.Tracking, b.Tracking)
}

// wider tells whether a policy is for every workload that another one is for, as far as that can be seen from what they select.
func wider(p, than *policyIn) bool {
	switch {
	case p == than:
		return true
	case len(p.Targets) == 0 && len(p.Selector) == 0:
		return true
	case len(than.Targets) == 0 && len(than.Selector) == 0:
		return false
	default:
		return contains(p.Targets, than.Targets) && (len(than.Selector) == 0 || maps.Equal(p.Selector, than.Selector))
	}
}
