package compile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
)

var registerApp = policy.Workload{Namespace: "services", Kind: "Deployment", Name: "register"}

// provided is a sound snapshot in which we run the register ourselves.
func provided(s *policy.Snapshot) {
	s.Namespaces = append(s.Namespaces, policy.Namespace{Name: "services", Mode: ir.ModeEnforce})
	s.Services[register].Workloads = &policy.ServiceWorkloads{Targets: []policy.Target{{Kind: "Deployment", Name: "register"}}, Ports: map[int]int{80: 8080}}
	s.Workloads = append(s.Workloads, registerApp)
}

func bundleOf(t *testing.T, r Result, w policy.Workload) *ir.Bundle {
	t.Helper()
	i := slices.IndexFunc(r.Bundles, func(b Bundle) bool { return b.Workload.Namespace == w.Namespace && b.Workload.Config() == w.Config() })
	if i < 0 {
		t.Fatalf("no bundle of %s", w.ID())
	}
	b, err := ir.Decode(r.Bundles[i].Encoded)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAServicesSidecarsKnowTheRulesOfItsCallers: what they decide a caller's requests by is what the caller's own sidecar decides by.
func TestAServicesSidecarsKnowTheRulesOfItsCallers(t *testing.T) {
	s := sound()
	provided(&s)
	s.Workloads[0].Accounts = []string{"mailer"}
	s.Policies[0].FreshnessBound = 7e9
	s.Services[register].Credential = &ir.Credential{ID: ir.ValueID("key", "token"), Type: ir.CredentialHeader, Header: "Authorization", Prefix: "Bearer ", Own: ir.OwnRefuse}
	r := Compile(s)
	if len(r.Findings) != 1 || r.Findings[0].Code != CredentialInPlain {
		t.Errorf("%+v", r.Findings)
	}
	caller, b := bundleOf(t, r, mailerApp), bundleOf(t, r, registerApp)
	if len(b.Provides) != 1 || !slices.Contains(b.Critical, "provides") {
		t.Fatalf("%+v", b)
	}
	p := &b.Provides[0]
	if want := []ir.ProvidedPort{{Port: 80, Target: 8080}}; !slices.Equal(p.Ports, want) || len(p.Callers) != 1 {
		t.Fatalf("%+v, %+v", p.Ports, p.Callers)
	}
	c := &p.Callers[0]
	if c.Namespace != "marketing" || c.Workload != mailerApp.Config() || !slices.Equal(c.Accounts, []string{"mailer"}) || c.FreshnessBoundMillis != 7000 {
		t.Errorf("%+v", c)
	}
	seen := p.Of(c)
	own := func(b *ir.Bundle) (rules []ir.Rule, service ir.Service, purposes []ir.Purpose) {
		for _, x := range b.Rules {
			if x.Service != "services/register" {
				continue
			}
			rules = append(rules, x)
			for _, q := range b.Purposes {
				if q.Name == x.Purpose {
					purposes = append(purposes, q)
				}
			}
		}
		for _, x := range b.Services {
			if x.Name == "services/register" {
				service = x
			}
		}
		service.Providers, service.ProvidersEnforce, service.Credential = nil, false, nil
		return rules, service, purposes
	}
	if seen.Services[0].Credential != nil {
		t.Error("the service's sidecar would insert what callers bring")
	}
	r1, s1, p1 := own(caller)
	r2, s2, p2 := own(seen)
	if len(r1) == 0 || !reflect.DeepEqual(r1, r2) || !reflect.DeepEqual(s1, s2) || !reflect.DeepEqual(p1, p2) {
		t.Errorf("the caller decides by\n%+v\n%+v\n%+v\nthe service by\n%+v\n%+v\n%+v", r1, s1, p1, r2, s2, p2)
	}
	if !reflect.DeepEqual(b.Ledgers, caller.Ledgers) {
		t.Errorf("ledgers %+v", b.Ledgers)
	}
	if nobody := p.Of(nil); len(nobody.Rules) != 0 || len(nobody.Purposes) != 0 || nobody.Mode != ir.ModeEnforce {
		t.Errorf("somebody without a name has rules: %+v", nobody)
	}
	i := slices.IndexFunc(caller.Services, func(x ir.Service) bool { return x.Name == "services/register" })
	if x := caller.Services[i]; !slices.Equal(x.Providers, []string{registerApp.Config()}) || !x.ProvidersEnforce {
		t.Errorf("the caller is told of %v, enforcing %v", x.Providers, x.ProvidersEnforce)
	}
	for _, q := range b.Wanted().Purposes {
		if q.Blocked != "" {
			t.Errorf("no facts are asked for about %s", q.Name)
		}
	}
}

func TestWhatAServicesSidecarsDoNotEnforce(t *testing.T) {
	t.Run("an observing namespace", func(t *testing.T) {
		s := sound()
		provided(&s)
		s.Namespaces[1].Mode = ir.ModeObserve
		r := Compile(s)
		b, caller := bundleOf(t, r, registerApp), bundleOf(t, r, mailerApp)
		p := &b.Provides[0]
		if seen := p.Of(&p.Callers[0]); p.Of(nil).Mode != ir.ModeObserve || seen.Mode != ir.ModeObserve || seen.Rules[0].Mode != ir.ModeObserve {
			t.Errorf("it enforces: %+v", seen)
		}
		for _, x := range caller.Services {
			if x.ProvidersEnforce {
				t.Error("the caller is told that it enforces")
			}
		}
	})
	t.Run("a purpose that the caller's namespace may not act for", func(t *testing.T) {
		s := sound()
		provided(&s)
		s.Purposes[advice].Allowed = policy.NamespaceSelector{Names: []string{"services"}}
		r := Compile(s)
		p := &bundleOf(t, r, registerApp).Provides[0]
		for _, q := range p.Of(&p.Callers[0]).Purposes {
			if q.Name == "advice" && q.Blocked != reasonNamespaceNotAllowed {
				t.Errorf("the caller may act for %+v", q)
			}
		}
		// Another namespace's may, so the purpose itself is there.
		if q := bundleOf(t, r, registerApp).Wanted().Purposes; !slices.ContainsFunc(q, func(q ir.Purpose) bool { return q.Name == "advice" && q.Blocked == "" }) {
			t.Errorf("%+v", q)
		}
	})
	t.Run("nobody's service", func(t *testing.T) {
		s := sound()
		provided(&s)
		s.Services[register].Workloads = &policy.ServiceWorkloads{}
		if b := bundleOf(t, Compile(s), registerApp); len(b.Provides) != 0 {
			t.Error("a service that names nobody is everybody")
		}
	})
	t.Run("a workload of another namespace", func(t *testing.T) {
		s := sound()
		provided(&s)
		s.Workloads = append(s.Workloads, policy.Workload{Namespace: "marketing", Kind: "Deployment", Name: "register"})
		if b := bundleOf(t, Compile(s), policy.Workload{Namespace: "marketing", Kind: "Deployment", Name: "register"}); len(b.Provides) != 0 {
			t.Error("a name in another namespace makes it the service")
		}
	})
}

func TestWhatIsWrongWithProvidedServices(t *testing.T) {
	check(t, map[string]expected{
		"a namespace that is not governed": {
			func(s *policy.Snapshot) { provided(s); s.Namespaces = s.Namespaces[:1] }, serviceRef("register"), "spec.workloads", NotProvided, Warning, "is not governed",
		},
		"a port with TLS": {
			func(s *policy.Snapshot) { provided(s); s.Services[register].Ports[0].TLSPort = 443 }, serviceRef("register"), "spec.workloads", NotProvided, Warning, "Let the pods speak HTTP",
		},
		"two ports that are one of the pods": {
			func(s *policy.Snapshot) {
				provided(s)
				s.Services[register].Ports = append(s.Services[register].Ports, ir.Port{Port: 8080, Protocol: "HTTP"})
			}, serviceRef("register"), "spec.workloads.ports", InvalidEndpoint, Error, "Give each its own",
		},
		"more callers than fit": {crowded, serviceRef("register"), "spec.workloads", CallersLeftOut, Error, "their requests are denied: marketing/"},
	})
}

// crowded has more callers than a bundle holds, each with a rule of its own.
func crowded(s *policy.Snapshot) {
	provided(s)
	for i := range 400 {
		name := fmt.Sprintf("caller-%03d", i)
		s.Workloads = append(s.Workloads, policy.Workload{Namespace: "marketing", Kind: "Deployment", Name: name})
		s.Policies = append(s.Policies, policy.Policy{Namespace: "marketing", Name: name, Targets: []policy.Target{{Kind: "Deployment", Name: name}}, Rules: []policy.Rule{{
			Name: "advice", Purpose: "advice", Service: policy.ServiceRef{Namespace: "services", Name: "register"}, Endpoints: []string{"list"},
			When: []ir.Condition{{Source: ir.SourceHeader, Name: "X-Caller", In: []string{strings.Repeat("x", 700) + name}}},
		}}})
	}
}

// TestCallersThatDoNotFitAreLeftOut: the others keep their rules, and so does the service's own sidecar.
func TestCallersThatDoNotFitAreLeftOut(t *testing.T) {
	s := sound()
	crowded(&s)
	r := Compile(s)
	b := bundleOf(t, r, registerApp)
	n := len(b.Provides[0].Callers)
	if n < 100 || n > 399 || len(b.Provides[0].Rules) != n {
		t.Errorf("%d callers with %d rules are left", n, len(b.Provides[0].Rules))
	}
	if encoded, err := ir.Encode(b); err != nil || len(encoded) < ir.MaxBundleBytes-4<<10 {
		t.Errorf("%d bytes, %v", len(encoded), err)
	}
	if slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == BundleTooLarge }) {
		t.Error("the bundle as a whole was given up")
	}
	// Rules that many share are held once.
	s = sound()
	provided(&s)
	s.Policies[0].Targets = nil
	for i := range 400 {
		s.Workloads = append(s.Workloads, policy.Workload{Namespace: "marketing", Kind: "Deployment", Name: fmt.Sprintf("caller-%03d", i)})
	}
	b = bundleOf(t, Compile(s), registerApp)
	if p := b.Provides[0]; len(p.Callers) != 401 || len(p.Rules) != 1 {
		t.Errorf("%d callers, %d rules", len(p.Callers), len(p.Rules))
	}
}

// TestTheOrderOfCallersDoesNotMatter: shuffled inputs give the same bundle.
func TestTheOrderOfCallersDoesNotMatter(t *testing.T) {
	s := sound()
	crowded(&s)
	want := Compile(s)
	slices.Reverse(s.Workloads)
	slices.Reverse(s.Policies)
	slices.Reverse(s.Namespaces)
	got := Compile(s)
	for i := range want.Bundles {
		if want.Bundles[i].Hash != got.Bundles[i].Hash {
			t.Errorf("%s differs", want.Bundles[i].Workload.ID())
		}
	}
}
