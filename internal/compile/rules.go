package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// checkRule finds what a rule with a service cannot do, and what of it does nothing.
func (c *compiler) checkRule(r *ruleIn, ns policy.Namespace) {
	p := c.purposes[r.rule.Purpose]
	if p != nil && !p.declared.Allowed.Matches(ns) {
		p = nil // it is denied anyway, and what the purpose says is none of the namespace's business
	}
	c.checkParty(r, p)
	for j, name := range r.rule.Endpoints {
		e := r.service.endpoint(name)
		if e == nil {
			continue
		}
		field := fmt.Sprintf("%s.endpoints[%d]", r.at, j)
		if e.NoPersonalData {
			c.findings.warn(r.policy.ref(), field, HandlingWithoutEffect, "Endpoint %q has no personal data and needs no rule; remove it.", name)
			continue
		}
		if p == nil {
			continue
		}
		if p.carried == nil {
			p.carried = map[string]bool{}
		}
		for _, x := range r.service.carried[r.service.index[name]] {
			p.carried[x] = true
		}
		c.checkProcessing(r, field, p, e)
		c.checkNamed(r, field, p, e)
		c.checkObligations(r, field, p, e)
		c.checkAgreed(r, field, p, e)
	}
	c.checkReach(r)
	c.checkHandling(r)
	c.checkTracking(r, ns)
}

// checkParty: whoever decides about data for themselves receives it only for a purpose that includes to disclose it, and data leaves the
// European Economic Area on a basis that the purpose can carry.
func (c *compiler) checkParty(r *ruleIn, p *purpose) {
	if p == nil {
		return
	}
	party, ref := r.service.Party, r.policy.ref()
	if party.Role != ir.RoleProcessor && !slices.Contains(p.Processing, ir.ProcessingDisclose) {
		c.findings.error(ref, r.at+".service", PartyNotCovered,
			"DataService %q is run by %q, who is no processor, and DataPurpose %q does not include disclose; requests are denied (GDPR Art. 4(7), 26). Choose another purpose, or have disclose added to its spec.processing.",
			r.service.Name, party.Name, p.Name)
	}
	t := party.Transfer
	if t == nil || t.Basis != ir.TransferExplicitConsent {
		return
	}
	for _, g := range p.Grounds {
		if broken := c.law.against(use{traits: []trait{traitTransfer}}, g); len(broken) > 0 {
			c.findings.error(ref, r.at+".purpose", TransferNotCovered, "DataService %q sends data to %s; requests are denied for DataPurpose %q. %s", r.service.Name, t.Country, p.Name, broken[0].sentence(g))
		}
	}
}

func (c *compiler) checkProcessing(r *ruleIn, field string, p *purpose, e *ir.Endpoint) {
	for _, x := range e.Processing {
		if !slices.Contains(p.Processing, x) {
			c.findings.error(r.policy.ref(), field, NothingCovered, "Endpoint %q is %q, which DataPurpose %q does not include; requests are denied. Choose another purpose, or have %q added to its spec.processing.", e.Name, x, p.Name, x)
		}
	}
	if e.Channel != "" && !slices.Contains(p.Channels, e.Channel) {
		c.findings.error(r.policy.ref(), field, NothingCovered, "Endpoint %q uses the channel %q, which DataPurpose %q does not include; requests are denied. Choose another purpose, or have the channel added to its spec.channels.", e.Name, e.Channel, p.Name)
	}
}

// checkNamed: where nobody is named, nobody's record can be asked.
func (c *compiler) checkNamed(r *ruleIn, field string, p *purpose, e *ir.Endpoint) {
	named := addressed(e) || (e.Response != nil && e.Response.Records != nil) || len(e.Segments) > 0 ||
		slices.ContainsFunc(e.Query, func(q ir.QueryParam) bool { return q.Person != nil })
	if !named && (p.DeviceAccess != "" || slices.ContainsFunc(p.Grounds, needsRecord)) {
		c.findings.error(r.policy.ref(), field, NobodyNamed,
			"Endpoint %q says nowhere whom a request is about, so nothing can be known of people for DataPurpose %q and requests are denied. Declare addressees, records, or the segment or parameter that identifies them in the DataService.", e.Name, p.Name)
	}
}

// needsRecord tells whether a ground rests on a record, or on the absence of an objection.
func needsRecord(g ir.Ground) bool {
	switch g {
	case ir.GroundContract, ir.GroundLegalObligation, ir.GroundVitalInterest:
		return false
	default:
		return true
	}
}

// checkObligations: a permission with an obligation that nothing meets is a denial, unless whoever asks promises to meet it.
func (c *compiler) checkObligations(r *ruleIn, field string, p *purpose, e *ir.Endpoint) {
	fulfils := func(o ir.Obligation) bool {
		return slices.ContainsFunc(e.Fulfils, func(f ir.Fulfilment) bool { return f.Obligation == o })
	}
	if slices.Contains(p.Grounds, ir.GroundExistingCustomer) && slices.Contains(e.Processing, ir.ProcessingSend) && !fulfils(ir.AddObjectionNotice) {
		c.findings.warn(r.policy.ref(), field, ObligationUnmet,
			"Endpoint %q does not fulfil %q, so requests that rest on existingCustomer are denied (UWG §7(3) no. 4). Declare in the DataService how a request shows that people can object.", e.Name, ir.AddObjectionNotice)
	}
	if p.Anonymous && !fulfils(ir.Anonymise) {
		c.findings.warn(r.policy.ref(), field, ObligationUnmet,
			"Endpoint %q does not fulfil %q, which DataPurpose %q needs for all that comes out (GDPR Recital 26), so requests are denied. Declare in the DataService that it does, or choose another endpoint.", e.Name, ir.Anonymise, p.Name)
	}
}

// checkAgreed finds endpoints for which nobody can have agreed, although wordings cover the purpose.
func (c *compiler) checkAgreed(r *ruleIn, field string, p *purpose, e *ir.Endpoint) {
	if p.Blocked != "" || slices.ContainsFunc(p.Grounds, func(g ir.Ground) bool { return !consents(g) }) {
		return
	}
	some := false
	for _, n := range p.notices {
		if !countsFor(n, &p.Purpose) || !meets(p.Processing, n.Processing) {
			continue
		}
		some = true
		if reaches(n, &r.service.Service.Service, e) {
			return
		}
	}
	if !some {
		return // the purpose says so
	}
	what := []string{"the processing " + quoted(e.Processing, "and")}
	if e.Channel != "" {
		what = append(what, fmt.Sprintf("the channel %q", e.Channel))
	}
	if r.service.Party.Role != ir.RoleProcessor {
		what = append(what, fmt.Sprintf("the recipient %q", r.service.Party.Name))
	}
	if t := r.service.Party.Transfer; t != nil && t.Basis == ir.TransferExplicitConsent {
		what = append(what, "the transfer to "+t.Country)
	}
	c.findings.warn(r.policy.ref(), field, NoNotice,
		"No ConsentNotice for DataPurpose %q covers what endpoint %q does (%s), so nobody can have agreed to it. Publish a version that does.", p.Name, e.Name, strings.Join(what, ", "))
}

// checkReach finds conditions that requests to some endpoints cannot meet.
func (c *compiler) checkReach(r *ruleIn) {
	if r.dead || !r.compiles() {
		return
	}
	reachable := 0
	type miss struct {
		endpoint, sentence string
		c                  constraint
		values             []string
	}
	var misses []miss
	for _, name := range r.bundle.Endpoints {
		e, whole := r.service.endpoint(name), true
		for _, k := range r.when {
			values, sentence := impossible(r.service, e, k)
			if len(values) == 0 {
				continue
			}
			misses = append(misses, miss{name, sentence, k, values})
			whole = whole && len(values) < len(k.in)
		}
		if whole {
			reachable++
		}
	}
	r.dead = reachable == 0
	for _, m := range misses {
		field := fmt.Sprintf("%s.when[%d]", r.at, m.c.at)
		if len(m.values) < len(m.c.in) {
			c.findings.warn(r.policy.ref(), field+".in", UnreachableRule, "No request to endpoint %q has %s for %q: %s. Remove what cannot be.", m.endpoint, quoted(m.values, "or"), m.c.name, m.sentence)
			continue
		}
		find := c.findings.warn
		if r.dead {
			find = c.findings.error
		}
		find(r.policy.ref(), field+".name", UnreachableRule, "No request to endpoint %q that could be permitted meets the condition on %q: %s. Correct the condition, or the endpoints of rule %q.", m.endpoint, m.c.name, m.sentence, r.rule.Name)
	}
}

// checkHandling finds handlings of what none of the endpoints has.
func (c *compiler) checkHandling(r *ruleIn) {
	has := func(what func(*ir.Endpoint) bool) bool {
		return slices.ContainsFunc(r.bundle.Endpoints, func(name string) bool { return what(r.service.endpoint(name)) })
	}
	missing := func(handling, without string) {
		c.findings.warn(r.policy.ref(), r.at+".onMissing", HandlingWithoutEffect, "No endpoint of rule %q has %s, so %s does not do what it says. Choose another handling, or declare them in the DataService.", r.rule.Name, without, handling)
	}
	if !r.compiles() {
		return
	}
	switch r.rule.OnMissing {
	case ir.OnMissingDropAddressee:
		if !has(addressed) {
			missing("DropAddressee", "lists of addressees")
		}
	case ir.OnMissingDropRecord:
		if !has(func(e *ir.Endpoint) bool { return e.Response != nil && e.Response.Records != nil }) {
			missing("DropRecord", "records in its answer")
		}
	case ir.OnMissingRedactField:
		if !has(func(e *ir.Endpoint) bool { return e.Response != nil }) {
			missing("RedactField", "a declared answer")
		}
	case ir.OnMissingDeny:
	}
}

func addressed(e *ir.Endpoint) bool { return e.Request != nil && len(e.Request.Addressees) > 0 }

// checkTracking finds tracking that a rule allows in vain.
func (c *compiler) checkTracking(r *ruleIn, ns policy.Namespace) {
	ref := r.policy.ref()
	for k, t := range r.rule.Tracking {
		at := fmt.Sprintf("%s.tracking[%d]", r.at, k)
		p, found := c.purposes[t.Purpose], false
		for _, name := range r.bundle.Endpoints {
			e := r.service.endpoint(name)
			if e.Request == nil {
				continue
			}
			for i := range e.Request.Switches {
				s := &e.Request.Switches[i]
				if s.Tracking != t.Tracking {
					continue
				}
				found = true
				if p != nil && p.declared.Allowed.Matches(ns) && !contains(p.Processing, s.Processing) {
					c.findings.error(ref, at+".purpose", NothingCovered, "%s of endpoint %q amounts to %s, which DataPurpose %q does not include as a whole, so it stays off. Choose another purpose, or have its spec.processing completed.", t.Tracking, name, quoted(s.Processing, "and"), t.Purpose)
				}
			}
		}
		if !found && len(r.bundle.Endpoints) > 0 {
			c.findings.warn(ref, at+".tracking", TrackingWithoutSwitch, "No endpoint of rule %q has a switch for %s, so there is nothing to allow. Declare the switch in the DataService, or remove the entry.", r.rule.Name, t.Tracking)
		}
		switch {
		case t.OnMixed == "" || t.OnMixed == ir.OnMixedOffForAll || !found:
		case !slices.ContainsFunc(r.bundle.Endpoints, func(name string) bool { return addressed(r.service.endpoint(name)) }):
			c.findings.warn(ref, at+".onMixed", HandlingWithoutEffect, "No endpoint of rule %q has lists of addressees, so there is nothing to tell apart by %s. Remove onMixed.", r.rule.Name, t.OnMixed)
		case t.OnMixed == ir.OnMixedDropAddressee && r.bundle.OnMissing != ir.OnMissingDropAddressee:
			c.findings.warn(ref, at+".onMixed", HandlingWithoutEffect, "onMixed DropAddressee drops nobody while onMissing is %s: one addressee who did not agree to %s has the whole request denied. Set onMissing to DropAddressee, or onMixed to OffForAll.", r.bundle.OnMissing, t.Tracking)
		}
	}
}
