package compile

import (
	"slices"
	"testing"
	"time"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

// stranger is a service of a namespace that has nothing to do with marketing's, and that claims hosts there.
func stranger(ours string, hosts ...string) policy.Service {
	return policy.Service{Namespace: "sandbox", Allowed: marketing, Service: ir.Service{
		Name: "sandbox/claim", Hosts: hosts, Ports: []ir.Port{{Port: 80, Protocol: "HTTP", TLSPort: 443}, {Port: 443, Protocol: "HTTPS", Intercept: true}},
		Party: ir.Party{Role: ir.RoleProcessor}, Authorities: ours,
		Endpoints: []ir.Endpoint{{Name: "all", Methods: []string{"POST"}, Path: "/{a}/{b}/{c}", NoPersonalData: true}},
	}}
}

// first gives the service of a bundle that counts at a host and port.
func first(b *ir.Bundle, host string, port int) *ir.Service {
	for i := range b.Services {
		s := &b.Services[i]
		if slices.Contains(s.Hosts, host) && slices.ContainsFunc(s.Ports, func(p ir.Port) bool { return p.Port == port }) {
			return s
		}
	}
	return nil
}

func mailersBundle(t *testing.T, s policy.Snapshot) *ir.Bundle {
	t.Helper()
	r := Compile(s)
	if len(r.Bundles) == 0 {
		t.Fatal("there is no bundle")
	}
	if _, err := ir.Encode(r.Bundles[0].Bundle); err != nil {
		t.Fatal(err)
	}
	return r.Bundles[0].Bundle
}

// TestNobodyTakesHostsOfOthers: who may declare services in one namespace says nothing in another about where hosts are, how they are
// verified, and what passes without a policy, whoever is let in by that service, and whatever it is called.
func TestNobodyTakesHostsOfOthers(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	base := func(claim policy.Service) policy.Snapshot {
		s := sound()
		for i := range s.Services {
			s.Services[i].Since = now
		}
		claim.Since = now.Add(time.Hour)
		s.Services = append(s.Services, claim)
		return s
	}
	b := mailersBundle(t, base(stranger(authority(t), "evil.example", "accounts.example", "mail.services.svc")))
	for _, host := range []string{"evil.example", "accounts.example"} {
		if got := first(b, host, 443); got == nil || got.Name != "sandbox/claim" || len(got.Endpoints) != 0 || got.Authorities != "" || got.Credential != nil ||
			slices.ContainsFunc(got.Ports, func(p ir.Port) bool { return p.Intercept || p.TLSPort != 0 }) {
			t.Errorf("%s: a service that nobody refers to has a say: %+v", host, got)
		}
	}
	if got := first(b, "mail.services.svc", 80); got == nil || got.Name != "services/mail" {
		t.Errorf("a host of another service was taken: %+v", got)
	}

	s := base(stranger(authority(t), "evil.example", "mail.services.svc"))
	s.Policies[0].Rules = append(s.Policies[0].Rules, policy.Rule{
		Name: "claimed", Purpose: "newsletter", Service: policy.ServiceRef{Namespace: "sandbox", Name: "claim"}, Endpoints: []string{"all"},
	})
	b = mailersBundle(t, s)
	if got := first(b, "mail.services.svc", 80); got == nil || got.Name != "services/mail" {
		t.Errorf("a host of another service was taken by a service that a policy refers to: %+v", got)
	}
	if got := first(b, "evil.example", 80); got == nil || len(got.Endpoints) == 0 || slices.Contains(got.Hosts, "mail.services.svc") {
		t.Errorf("what a policy refers to is not there as it is declared: %+v", got)
	}
}

// TestHostsBeyondTheOwnNamespace: a name of the cluster is governed everywhere, and brings no other host along.
func TestHostsBeyondTheOwnNamespace(t *testing.T) {
	s := sound()
	claim := stranger(authority(t), "crm.sandbox.svc", "crm.sandbox", "accounts.example")
	claim.Allowed = policy.NamespaceSelector{}
	s.Services = append(s.Services, claim)
	b := mailersBundle(t, s)
	if got := first(b, "accounts.example", 443); got != nil {
		t.Errorf("a namespace that is not even allowed has %+v", got)
	}
	for _, host := range []string{"crm.sandbox.svc", "crm.sandbox"} {
		if got := first(b, host, 80); got == nil || len(got.Endpoints) != 1 {
			t.Errorf("%s is not governed elsewhere, or without what needs no policy: %+v", host, got)
		}
	}
	last := &s.Services[len(s.Services)-1]
	last.Namespace, last.Name, last.Hosts = "com", "com/claim", []string{"example.com", "crm.com.svc"}
	if got := first(mailersBundle(t, s), "example.com", 443); got == nil || len(got.Endpoints) != 0 || got.Authorities != "" {
		t.Errorf("whoever has a namespace with the name of a public domain has a say about its hosts, more than to close them: %+v", got)
	}
}

// TestWhichServiceCounts where several declare a host: the namespace that a name belongs to, the own one, the older one, the first by name.
func TestWhichServiceCounts(t *testing.T) {
	old, late := time.Unix(1_700_000_000, 0), time.Unix(1_800_000_000, 0)
	named := func(namespace, name, host string, since time.Time) policy.Service {
		return policy.Service{Namespace: namespace, Allowed: marketing, Since: since, Service: ir.Service{
			Name: namespace + "/" + name, Hosts: []string{host}, Ports: []ir.Port{{Port: 80, Protocol: "HTTP"}}, Party: ir.Party{Role: ir.RoleProcessor},
		}}
	}
	for name, test := range map[string]struct {
		host  string
		all   []policy.Service
		count string
	}{
		"a name of the cluster": {"crm.zoo.svc", []policy.Service{named("marketing", "x", "crm.zoo.svc", old), named("zoo", "crm", "crm.zoo.svc", late)}, "zoo/crm"},
		"the own one":           {"api.example", []policy.Service{named("a", "x", "api.example", old), named("marketing", "x", "api.example", late)}, "marketing/x"},
		"the older one":         {"api.example", []policy.Service{named("a", "x", "api.example", late), named("b", "x", "api.example", old)}, "b/x"},
		"the first by name":     {"api.example", []policy.Service{named("b", "x", "api.example", old), named("a", "x", "api.example", old)}, "a/x"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sound()
			s.Services = append(s.Services, test.all...)
			if got := first(mailersBundle(t, s), test.host, 80); got == nil || got.Name != test.count {
				t.Errorf("%+v counts", got)
			}
		})
	}
}

// TestServicesThatNeverMeetShareAHost: two namespaces that each send to the same host with a service of their own are no conflict.
func TestServicesThatNeverMeetShareAHost(t *testing.T) {
	s := sound()
	one := stranger("", "api.example")
	one.Namespace, one.Name, one.Allowed = "marketing", "marketing/esp", policy.NamespaceSelector{}
	two := one
	two.Namespace, two.Name = "elsewhere", "elsewhere/esp"
	s.Services = append(s.Services, one, two)
	s.Namespaces = append(s.Namespaces, policy.Namespace{Name: "elsewhere", Mode: ir.ModeEnforce})
	for _, f := range Compile(s).Findings {
		if f.Code == HostConflict {
			t.Errorf("%+v", f)
		}
	}
}
