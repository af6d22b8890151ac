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

// findings collects; the same finding met on several ways is one.
type findings struct{ list []Finding }

func (f *findings) add(r policy.Ref, field string, code Code, message string) {
	f.list = append(f.list, Finding{Resource: r, Field: field, Code: code, Message: message})
}

func (f *findings) sorted() []Finding {
	slices.SortFunc(f.list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Resource.Kind, b.Resource.Kind), cmp.Compare(a.Resource.Namespace, b.Resource.Namespace),
			cmp.Compare(a.Resource.Name, b.Resource.Name), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(f.list)
}

// resolvePurposes folds the restrictions of parents into their children and blocks what is not lawful. Restrictions flow down,
// permissions never: a child keeps only what its parent has too.
func (c *compiler) resolvePurposes(in []policy.Purpose) {
	byName := map[consent.PurposeID]policy.Purpose{}
	for _, p := range in {
		byName[p.Name] = p
	}
	for _, p := range in {
		ref := policy.Ref{Kind: "DataPurpose", Name: string(p.Name)}
		out := normalPurpose(p.Purpose)
		seen := map[consent.PurposeID]bool{p.Name: true}
		for parent := p.Parent; parent != ""; {
			q, ok := byName[consent.PurposeID(parent)]
			if !ok || seen[q.Name] {
				c.findings.add(ref, "spec.parent", ParentNotFound,
					fmt.Sprintf("The parent %q does not exist or leads back to this purpose; the purpose permits nothing. Create it or remove spec.parent.", parent))
				out.Blocked = reasonPurposeUndeclared
				break
			}
			seen[q.Name] = true
			restrict(&out, &q.Purpose)
			parent = q.Parent
		}
		out.Special = specialOf(out.Categories)
		for _, v := range unlawful(&out) {
			c.findings.add(ref, v.field, NotLawful, v.sentence)
		}
		out.Grounds = lawfulGrounds(&out)
		if len(out.Grounds) == 0 {
			out.Blocked = reasonPurposeUndeclared
		}
		c.purposes[p.Name] = &out
		c.allowed[p.Name] = p.Allowed
		if !slices.ContainsFunc(c.ledgers, func(l policy.Ledger) bool { return l.Controller == out.Controller }) {
			c.findings.add(ref, "spec.controller", LedgerNotFound,
				fmt.Sprintf("No ConsentLedger exists for the controller %q; everything that rests on a record is denied. Create one, or correct spec.controller.", out.Controller))
		}
	}
}

func normalPurpose(p ir.Purpose) ir.Purpose {
	p.Grounds = slices.Clone(p.Grounds) // order matters: the first ground explains a denial
	p.Processing = sortedSet(p.Processing)
	p.Categories = sortedSet(p.Categories)
	p.Channels = slices.Clone(p.Channels)
	p.Goods = sortedSet(p.Goods)
	p.Proofs = sortedSet(p.Proofs)
	p.Advertisers = sortedSet(p.Advertisers)
	p.MinimumNotices = slices.Clone(p.MinimumNotices)
	slices.SortFunc(p.MinimumNotices, func(a, b ir.NoticeMinimum) int { return cmp.Compare(a.Series, b.Series) })
	return p
}

func restrict(p, parent *ir.Purpose) {
	p.Processing = both(p.Processing, parent.Processing)
	p.Categories = both(p.Categories, parent.Categories)
	p.Channels = both(p.Channels, parent.Channels)
	p.MinimumAge = max(p.MinimumAge, parent.MinimumAge)
	p.ValidForDays = shorter(p.ValidForDays, parent.ValidForDays)
	p.UnusedForDays = shorter(p.UnusedForDays, parent.UnusedForDays)
	switch {
	case len(p.Proofs) == 0:
		p.Proofs = slices.Clone(parent.Proofs)
	case len(parent.Proofs) > 0:
		if p.Proofs = both(p.Proofs, parent.Proofs); len(p.Proofs) == 0 {
			p.Grounds = nil // no proof satisfies both
		}
	}
	for _, m := range parent.MinimumNotices {
		if i := slices.IndexFunc(p.MinimumNotices, func(o ir.NoticeMinimum) bool { return o.Series == m.Series }); i < 0 {
			p.MinimumNotices = append(p.MinimumNotices, m)
		} else {
			p.MinimumNotices[i].Version = max(p.MinimumNotices[i].Version, m.Version)
		}
	}
	if p.DeviceAccess == "" {
		p.DeviceAccess = parent.DeviceAccess
	}
	p.BusinessOnly = p.BusinessOnly || parent.BusinessOnly
	p.ThirdPartyData = p.ThirdPartyData || parent.ThirdPartyData
	p.Anonymous = p.Anonymous || parent.Anonymous
	if parent.Objection == ir.ObjectionDirectMarketing {
		p.Objection = parent.Objection
	}
	if parent.Controller != p.Controller {
		p.Grounds = nil
	}
}

// shorter gives the shorter of two periods, of which 0 is without end.
func shorter(a, b int) int {
	if a == 0 || (b > 0 && b < a) {
		return b
	}
	return a
}

func both[T cmp.Ordered](a, b []T) []T {
	return slices.DeleteFunc(slices.Clone(a), func(x T) bool { return !slices.Contains(b, x) })
}

func sortedSet[T cmp.Ordered](in []T) []T {
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.Compact(out)
}

func (c *compiler) resolveServices(in []policy.Service) {
	sorted := slices.Clone(in)
	slices.SortFunc(sorted, func(a, b policy.Service) int { return cmp.Compare(a.Name, b.Name) })
	taken := map[string]string{}
	for i := range sorted {
		s := &sorted[i]
		_, name, _ := strings.Cut(s.Name, "/")
		ref := policy.Ref{Kind: "DataService", Namespace: s.Namespace, Name: name}
		c.services[s.Name] = s
		for _, h := range s.Hosts {
			for _, p := range s.Ports {
				key := fmt.Sprintf("%s:%d", h, p.Port)
				if other, ok := taken[key]; ok {
					c.findings.add(ref, "spec.hosts", HostConflict, fmt.Sprintf("%s is declared by DataService %s too; only that one counts. Remove it from one of them.", key, other))
				} else {
					taken[key] = s.Name
				}
			}
		}
		probe := &ir.Bundle{
			Schema: ir.Schema, Mode: ir.ModeEnforce, Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny},
			FreshnessBoundMillis: DefaultFreshnessBound.Milliseconds(), Services: []ir.Service{s.Service},
		}
		if err := ir.Validate(probe); err != nil {
			c.findings.add(ref, "spec.endpoints", InvalidEndpoint, fmt.Sprintf("The service cannot be enforced and is denied as a whole (%v). Correct the endpoint.", err))
			s.Endpoints = nil
		}
	}
}

func (c *compiler) checkPolicy(p policy.Policy) {
	ns, governed := c.namespaces[p.Namespace]
	if !governed {
		ns = policy.Namespace{Name: p.Namespace}
	}
	ref := policy.Ref{Kind: "ConsentPolicy", Namespace: p.Namespace, Name: p.Name}
	for i := range p.Rules {
		r := &p.Rules[i]
		at := fmt.Sprintf("spec.rules[%d]", i)
		purpose := c.purposes[r.Purpose]
		switch {
		case purpose == nil:
			c.findings.add(ref, at+".purpose", PurposeNotFound, fmt.Sprintf("DataPurpose %q does not exist; requests under rule %q are denied until it does.", r.Purpose, r.Name))
		case !c.allowed[r.Purpose].Matches(ns):
			c.findings.add(ref, at+".purpose", NamespaceNotAllowed, fmt.Sprintf("DataPurpose %q does not allow namespace %q to act for it; its owner can add the namespace to spec.allowedNamespaces.", r.Purpose, p.Namespace))
		}
		s := c.services[serviceName(p, r)]
		if s == nil || !serviceAllowed(s, ns) {
			// One message for both, so that nobody learns what exists in namespaces that do not allow theirs.
			c.findings.add(ref, at+".service", ServiceNotFound, fmt.Sprintf("DataService %q does not exist or does not allow namespace %q; rule %q permits nothing until it does.", serviceName(p, r), p.Namespace, r.Name))
			continue
		}
		c.checkEndpoints(ref, at, s, purpose, r)
	}
}

func (c *compiler) checkEndpoints(ref policy.Ref, at string, s *policy.Service, purpose *ir.Purpose, r *policy.Rule) {
	for j, name := range r.Endpoints {
		k := slices.IndexFunc(s.Endpoints, func(e ir.Endpoint) bool { return e.Name == name })
		field := fmt.Sprintf("%s.endpoints[%d]", at, j)
		if k < 0 {
			c.findings.add(ref, field, EndpointNotFound, fmt.Sprintf("DataService %q declares no endpoint %q; correct the name.", s.Name, name))
			continue
		}
		if purpose == nil {
			continue
		}
		e := s.Endpoints[k]
		for _, x := range e.Processing {
			if !slices.Contains(purpose.Processing, x) {
				c.findings.add(ref, field, NothingCovered, fmt.Sprintf("Endpoint %q is %q, which DataPurpose %q does not include; requests are denied. Choose another purpose, or have %q added to its spec.processing.", name, x, purpose.Name, x))
			}
		}
		if e.Channel != "" && !slices.Contains(purpose.Channels, e.Channel) {
			c.findings.add(ref, field, NothingCovered, fmt.Sprintf("Endpoint %q uses the channel %q, which DataPurpose %q does not include; requests are denied.", name, e.Channel, purpose.Name))
		}
	}
}
