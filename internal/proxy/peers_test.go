package proxy

import (
	"testing"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/peer"
	known "github.com/optup/optup/internal/testkit/peers"
)

// TestANewIdentityMakesNewConnections: one that was made with an earlier certificate does not outlive it for want of another.
func TestANewIdentityMakesNewConnections(t *testing.T) {
	a := known.NewAuthority(t)
	p := &Proxy{Current: &Current{}}
	p.setup()
	if p.toPeers() != nil {
		t.Error("without an identity there are connections to sidecars")
	}
	roots, name := a.Authorities(t.Context()), peer.Name{Domain: known.Domain, Namespace: "shop", Account: "mailer", Workload: "mailer"}
	p.Current.Peers.Store(a.Identity(name, nil, roots))
	first := p.toPeers()
	if first == nil || p.toPeers() != first {
		t.Error("connections are not used again")
	}
	p.Current.Peers.Store(a.Identity(name, nil, roots))
	if second := p.toPeers(); second == nil || second == first || second.attested == first.attested || second.known == first.known {
		t.Error("connections of an earlier identity are used")
	}
}

// TestConnectionsToSidecarsServeForWhatTheyProved: connections are pooled by all that a sidecar has to prove, so that one which proved to be
// a service's serves for no other service at the same address, and not once its workload is the service no more.
func TestConnectionsToSidecarsServeForWhatTheyProved(t *testing.T) {
	p := &peers{routes: map[string]way{}}
	seen := map[string]string{}
	for name, one := range map[string]struct {
		service   string
		addr      string
		providers []string
	}{
		"a service":                 {"crm/customers", "crm:80", []string{"a", "b"}},
		"another namespace":         {"sandbox/customers", "crm:80", []string{"a", "b"}},
		"another address":           {"crm/customers", "crm:81", []string{"a", "b"}},
		"a workload fewer":          {"crm/customers", "crm:80", []string{"a"}},
		"workloads of another name": {"crm/customers", "crm:80", []string{"ab"}},
	} {
		got := p.name(&ir.Service{Name: one.service, Providers: one.providers}, one.addr)
		if other, twice := seen[got]; twice {
			t.Errorf("%s shares the connections of %s", name, other)
		}
		seen[got] = name
		if r := p.route(got + ":80"); r.addr != one.addr || len(r.providers) != len(one.providers) {
			t.Errorf("%s goes to %+v", name, r)
		}
	}
}
