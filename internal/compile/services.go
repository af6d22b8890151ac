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

// service is one service whose endpoints can all be enforced, sorted by name.
type service struct {
	policy.Service
	// at is where each endpoint stands in the DataService.
	at []int
	// index finds endpoints by name.
	index map[string]int
	// carried are the categories of data that each endpoint carries.
	carried [][]string
	// stub is what a workload needs to know that no rule lets near the service.
	stub ir.Service

	// provided tells that some workload is the service, on these ports, and callers which workloads have rules for it.
	provided bool
	ports    []ir.ProvidedPort
	callers  []callerIn
}

func (s *service) endpoint(name string) *ir.Endpoint {
	if i, ok := s.index[name]; ok {
		return &s.Endpoints[i]
	}
	return nil
}

func (s *service) ref() policy.Ref {
	_, name, _ := strings.Cut(s.Name, "/")
	return policy.Ref{Kind: "DataService", Namespace: s.Namespace, Name: name}
}

func (c *compiler) resolveServices(in []policy.Service) {
	all := distinct(in, func(a, b policy.Service) int { return cmp.Compare(a.Name, b.Name) }, func(p policy.Service) {
		s := &service{Service: p}
		c.findings.error(s.ref(), "metadata.name", DuplicateName, "There are two DataServices with this name; only one of them counts. Rename or remove one.")
	})
	taken := map[string][]*service{}
	for i := range all {
		s := &service{Service: all[i]}
		unverified := s.Service.Service
		unverified.Authorities, unverified.Credential = "", nil
		if err := enforceable(&unverified, nil); err != nil {
			c.findings.error(s.ref(), "spec", InvalidEndpoint, "The service cannot be enforced, so rules cannot refer to it (%v). Correct it.", err)
			continue
		}
		c.authorities(s)
		c.hosts(s, taken)
		c.credential(s)
		c.endpoints(s)
		if t := s.Party.Transfer; t != nil && !slices.Contains(bases, t.Basis) {
			c.findings.error(s.ref(), "spec.party.transfer.basis", TransferNotCovered,
				"Data goes to %s on no basis (GDPR Art. 44); everything is denied. Name the basis: Adequacy, StandardClauses, BindingRules or ExplicitConsent.", t.Country)
		}
		c.services[s.Name] = s
		c.byName = append(c.byName, s)
	}
}

var bases = []ir.TransferBasis{ir.TransferAdequacy, ir.TransferStandardClauses, ir.TransferBindingRules, ir.TransferExplicitConsent}

// enforceable tells whether a bundle can hold a service with some endpoints.
func enforceable(s *ir.Service, endpoints []ir.Endpoint) error {
	probe := *s
	probe.Endpoints = endpoints
	return ir.Validate(&ir.Bundle{
		Mode: ir.ModeEnforce, Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny},
		FreshnessBoundMillis: DefaultFreshnessBound.Milliseconds(), Services: []ir.Service{probe},
	})
}

func (c *compiler) hosts(s *service, taken map[string][]*service) {
	s.Ports = slices.Clone(s.Ports)
	slices.SortFunc(s.Ports, func(a, b ir.Port) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.TLSPort, b.TLSPort))
	})
	for _, h := range s.Hosts {
		for _, p := range s.Ports {
			key := fmt.Sprintf("%s:%d", h, p.Port)
			for _, other := range taken[key] {
				if c.meet(&s.Service, &other.Service) {
					later, there := s, other
					if s.Since.Before(other.Since) {
						later, there = other, s
					}
					at := slices.Index(later.Hosts, h)
					c.findings.error(later.ref(), fmt.Sprintf("spec.hosts[%d]", at), HostConflict, "%s is declared by DataService %s too; only one counts. Names of the cluster are their namespace's; "+
						"else a namespace's own services come first, and then the oldest. Remove it from one of them.", key, there.Name)
				}
			}
			if !slices.Contains(taken[key], s) {
				taken[key] = append(taken[key], s)
			}
		}
	}
}

// meet tells whether there is a namespace in which two services are governed.
func (c *compiler) meet(a, b *policy.Service) bool {
	if a.Namespace == b.Namespace {
		return true
	}
	for _, ns := range c.namespaces {
		if len(HostsIn(a, ns)) > 0 && len(HostsIn(b, ns)) > 0 {
			return true
		}
	}
	return false
}

// endpoints sorts the endpoints of a service and leaves out those that cannot be enforced.
func (c *compiler) endpoints(s *service) {
	type numbered struct {
		ir.Endpoint
		at int
	}
	var all []numbered
	for i := range s.Endpoints {
		all = append(all, numbered{normalEndpoint(s.Endpoints[i]), i})
	}
	slices.SortStableFunc(all, func(a, b numbered) int {
		if c := cmp.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return cmp.Compare(textOf(a.Endpoint), textOf(b.Endpoint))
	})
	s.Endpoints, s.index, s.stub = nil, map[string]int{}, ir.Service{Name: s.Name, Hosts: s.Hosts, Ports: s.Ports, Party: s.Party, Credential: s.Credential}
	for _, e := range all {
		at := fmt.Sprintf("spec.endpoints[%d]", e.at)
		if _, twice := s.index[e.Name]; twice {
			c.findings.error(s.ref(), at+".name", DuplicateName, "There is another endpoint %q; only one of them counts. Rename or remove one.", e.Name)
			continue
		}
		if err := enforceable(&s.stub, []ir.Endpoint{e.Endpoint}); err != nil {
			c.findings.error(s.ref(), at, InvalidEndpoint, "Endpoint %q cannot be enforced and is denied (%v). Correct it.", e.Name, err)
			continue
		}
		s.index[e.Name] = len(s.Endpoints)
		s.Endpoints, s.at, s.carried = append(s.Endpoints, e.Endpoint), append(s.at, e.at), append(s.carried, carries(&e.Endpoint))
	}
	for i := range s.Endpoints {
		if s.Endpoints[i].NoPersonalData {
			s.stub.Endpoints = append(s.stub.Endpoints, s.Endpoints[i])
			s.stub.Authorities = s.Authorities // what is not forwarded needs none
		}
		if r := s.Endpoints[i].Replaces; r != "" && s.endpoint(r) == nil {
			c.findings.error(s.ref(), fmt.Sprintf("spec.endpoints[%d].replaces", s.at[i]), EndpointNotFound,
				"The service declares no endpoint %q; requests to %q are denied. Name the endpoint whose answer they overwrite.", r, s.Endpoints[i].Name)
		}
	}
	c.shadows(s)
}

// shadows finds endpoints that another one of the same shape keeps requests from. The compiler's order decides which one counts, so
// the one that does not is denied nothing that it declares differently without somebody being told.
func (c *compiler) shadows(s *service) {
	type key struct{ method, shape string }
	first := map[key]int{}
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		lost := map[int][]string{}
		for _, m := range e.Methods {
			k := key{m, shape(e.Path)}
			if other, ok := first[k]; ok && other != i {
				lost[other] = append(lost[other], m)
			} else {
				first[k] = i
			}
		}
		for other := range s.Endpoints[:i] {
			if methods := lost[other]; len(methods) > 0 {
				c.findings.error(s.ref(), fmt.Sprintf("spec.endpoints[%d].path", s.at[i]), EndpointConflict,
					"Every %s request that %q matches is one to %q too, and that one counts. Give one of them another path, or declare both as one endpoint.", strings.Join(methods, ", "), e.Name, s.Endpoints[other].Name)
			}
		}
	}
}

// shape is a path template without the names of its segments: templates of one shape match the same paths. Others may overlap, but then
// each matches some path for which it counts, because the earliest literal segment decides.
func shape(path string) string {
	segments := strings.Split(path, "/")
	for i, x := range segments {
		if parameter(x) {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

func parameter(segment string) bool {
	return len(segment) > 2 && segment[0] == '{' && segment[len(segment)-1] == '}'
}

// carries lists the categories of data that an endpoint takes or gives, those of identifiers outside of bodies included.
func carries(e *ir.Endpoint) []string {
	var out []string
	for _, m := range []*ir.Message{e.Request, e.Response} {
		if m == nil {
			continue
		}
		for _, f := range m.Fields {
			out = append(out, f.Category)
		}
		if m.Records != nil {
			for _, f := range m.Records.Fields {
				out = append(out, f.Category)
			}
		}
	}
	for _, q := range e.Query {
		if q.Person != nil {
			out = append(out, identified[q.Person.Type]...)
		}
	}
	for _, x := range e.Segments {
		out = append(out, identified[x.Person.Type]...)
	}
	return sortedSet(out)
}

// identified is what identifiers are as data.
var identified = map[consent.IdentifierType][]string{
	consent.IdentifierEmail: {"pd:EmailAddress"}, consent.IdentifierPhone: {"pd:TelephoneNumber"}, consent.IdentifierDevice: {"pd:DeviceBased"},
}

// normalEndpoint sorts what has no order. Lists of addressees keep theirs, because decisions about people follow it.
func normalEndpoint(e ir.Endpoint) ir.Endpoint {
	e.Methods = sortedSet(e.Methods)
	e.Processing = sortedSet(e.Processing)
	e.Query = sortedBy(e.Query, func(q ir.QueryParam) string { return q.Name })
	e.Segments = sortedBy(e.Segments, func(s ir.PathSegment) string { return s.Name })
	e.Fulfils = sortedBy(e.Fulfils, func(f ir.Fulfilment) string { return string(f.Obligation) + f.Pointer })
	for i := range e.Fulfils {
		e.Fulfils[i].In = sortedSet(e.Fulfils[i].In)
	}
	e.Request, e.Response = normalMessage(e.Request), normalMessage(e.Response)
	return e
}

func normalMessage(m *ir.Message) *ir.Message {
	if m == nil {
		return nil
	}
	out := *m
	out.Fields, out.NotPersonal, out.Totals = normalFields(m.Fields), sortedSet(m.NotPersonal), sortedSet(m.Totals)
	// Obligations follow this order: opens before clicks.
	out.Switches = sortedBy(m.Switches, func(s ir.Switch) string { return string(s.Tracking.Off()) + s.Pointer })
	slices.Reverse(out.Switches)
	for i := range out.Switches {
		out.Switches[i].Processing = sortedSet(out.Switches[i].Processing)
	}
	if m.Records != nil {
		r := *m.Records
		r.Fields, r.NotPersonal = normalFields(r.Fields), sortedSet(r.NotPersonal)
		out.Records = &r
	}
	return &out
}

func normalFields(in []ir.Field) []ir.Field {
	return sortedBy(in, func(f ir.Field) string { return f.Pointer + "\x00" + f.Category })
}

func sortedBy[T any](in []T, key func(T) string) []T {
	out := slices.Clone(in)
	slices.SortStableFunc(out, func(a, b T) int {
		if c := cmp.Compare(key(a), key(b)); c != 0 {
			return c
		}
		return cmp.Compare(textOf(a), textOf(b))
	})
	return out
}
