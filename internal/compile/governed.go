package compile

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// HostsIn gives the hosts of a service that are governed in a namespace, whether or not a policy there refers to it: all of them in its own
// namespace and in those that it allows, and everywhere those that are names of the cluster in its own namespace.
func HostsIn(s *policy.Service, ns policy.Namespace) []string {
	if serviceAllowed(s, ns) {
		return s.Hosts
	}
	var out []string
	for _, h := range s.Hosts {
		if ofCluster(s, h) {
			out = append(out, h)
		}
	}
	return out
}

// ofCluster tells whether a host may be the name of a Service of the service's namespace.
func ofCluster(s *policy.Service, host string) bool {
	parts := strings.Split(host, ".")
	return len(parts) >= 2 && parts[1] == s.Namespace && (len(parts) == 2 || parts[2] == "svc")
}

// owns tells whether a host can be nothing else. A name of two labels is closed everywhere by whoever has the namespace, and no more than that
// if the second is a public domain as well: who has a namespace "com" has no say about where example.com is.
func owns(s *policy.Service, host string) bool {
	if !ofCluster(s, host) {
		return false
	}
	_, last, _ := strings.Cut(host, ".")
	_, public := publicsuffix.PublicSuffix(last)
	return !public || strings.Contains(last, ".")
}

// governed are the services whose hosts are governed in a namespace, whoever uses them.
type governed struct{ services []governedService }

// governedService is a service as it counts in one namespace.
type governedService struct {
	*service
	hosts []string
	// stub is what a workload needs to know of it that has no rule for it.
	stub ir.Service
	// last tells that other services count at all of its hosts.
	last bool
}

// governedIn lists the services of a namespace. At a host and port the first of them counts. Rules refer to no others.
func (c *compiler) governedIn(ns policy.Namespace) []governedService {
	g := c.governed[ns.Name]
	if g == nil {
		g = &governed{}
		for _, s := range c.byName {
			if hosts := HostsIn(&s.Service, ns); len(hosts) > 0 {
				g.services = append(g.services, governedService{service: s, hosts: hosts, stub: c.stubIn(s, hosts, ns)})
			}
		}
		settle(g.services, ns)
		c.governed[ns.Name] = g
	}
	return g.services
}

// stubIn: a service is known, so that it is denied with NO_POLICY, and nothing about its endpoints is needed for that but those that pass
// without a policy. A service of another namespace that nobody here refers to has none, and no say in where its hosts are and how they
// are verified: else whoever may declare services anywhere could have what is sent to any host anywhere, by saying that it is theirs.
func (c *compiler) stubIn(s *service, hosts []string, ns policy.Namespace) ir.Service {
	out := s.stub
	foreign := func(h string) bool { return !owns(&s.Service, h) }
	if s.Namespace != ns.Name && !c.referred[ns.Name][s.Name] && slices.ContainsFunc(hosts, foreign) {
		out = ir.Service{Name: s.Name, Party: s.Party}
		for _, p := range s.Ports {
			out.Ports = append(out.Ports, ir.Port{Port: p.Port, Protocol: p.Protocol})
		}
	}
	return out
}

// settle gives each host that several services declare to one of them.
func settle(all []governedService, ns policy.Namespace) {
	type place struct {
		host string
		port int
	}
	claims := map[place]int{}
	for i := range all {
		for _, h := range all[i].hosts {
			for _, p := range all[i].Ports {
				at := place{h, p.Port}
				if j, taken := claims[at]; !taken || counts(&all[i].Service, &all[j].Service, h, ns) < 0 {
					claims[at] = i
				}
			}
		}
	}
	for i := range all {
		s := &all[i]
		lost := func(h string) bool {
			return slices.ContainsFunc(s.Ports, func(p ir.Port) bool { return claims[place{h, p.Port}] != i })
		}
		if s.last = !slices.ContainsFunc(s.hosts, func(h string) bool { return !lost(h) }); !s.last && slices.ContainsFunc(s.hosts, lost) {
			s.hosts = slices.DeleteFunc(slices.Clone(s.hosts), lost)
		}
	}
	slices.SortStableFunc(all, func(a, b governedService) int {
		switch {
		case a.last == b.last:
			return 0
		case a.last:
			return 1
		default:
			return -1
		}
	})
}

// counts orders services that declare the same host: a name of the cluster is its namespace's, a namespace's own services come before others,
// and older ones before those that claim later what is declared already.
func counts(a, b *policy.Service, host string, ns policy.Namespace) int {
	first := func(x, y bool) int {
		switch {
		case x == y:
			return 0
		case x:
			return -1
		default:
			return 1
		}
	}
	return cmp.Or(first(owns(a, host), owns(b, host)), first(a.Namespace == ns.Name, b.Namespace == ns.Name), a.Since.Compare(b.Since), cmp.Compare(a.Name, b.Name))
}
