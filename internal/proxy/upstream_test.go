package proxy

import (
	"testing"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// TestAServiceWithoutEndpointsLeadsNowhereElse: nobody said that its hosts are one service, so what passes because nothing is enforced goes
// where the application wants it, as it came.
func TestAServiceWithoutEndpointsLeadsNowhereElse(t *testing.T) {
	s := ir.Service{Name: "sandbox/claim", Hosts: []string{"evil.example", "accounts.example"}, Ports: []ir.Port{
		{Port: 80, Protocol: "HTTP", TLSPort: 443}, {Port: 443, Protocol: "HTTPS", Intercept: true},
	}}
	for endpoints, want := range map[*ir.Endpoint]map[int]upstream{
		nil: {80: {scheme: "https", addr: "accounts.example:443", host: "accounts.example"}, 443: {scheme: "https", addr: "accounts.example:443", host: "accounts.example", encrypted: true}},
		{Methods: []string{"GET"}, Path: "/"}: {
			80: {scheme: "https", addr: "evil.example:443", host: "evil.example"}, 443: {scheme: "https", addr: "evil.example:443", host: "evil.example", encrypted: true},
		},
	} {
		one := s
		if endpoints != nil {
			one.Endpoints = []ir.Endpoint{*endpoints}
		}
		all := upstreams(decide.NewIndex(&ir.Bundle{Services: []ir.Service{one}}))
		for port, u := range want {
			if got := all[place{"accounts.example", port}]; got != u {
				t.Errorf("port %d goes to %+v", port, got)
			}
		}
	}
}
