package intercept

import (
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"github.com/optup/optup/internal/ir"
)

func keep(t *testing.T, as Authorities, at time.Time, hosts ...string) (Authorities, bool) {
	t.Helper()
	out, changed, err := as.Keep("n", hosts, at)
	if err != nil {
		t.Fatal(err)
	}
	return out, changed
}

// TestAuthoritiesOverlap: a new one comes for a new host and in good time, and old ones stay until they end.
func TestAuthoritiesOverlap(t *testing.T) {
	first, changed := keep(t, nil, now, "a.example")
	if !changed || len(first) != 1 {
		t.Fatalf("%d, %v", len(first), changed)
	}
	for name, hosts := range map[string][]string{"the same host": {"a.example"}, "no host any more": nil} {
		if same, changed := keep(t, first, now.Add(time.Hour), hosts...); changed || len(same) != 1 {
			t.Errorf("%s: %d, %v", name, len(same), changed)
		}
	}
	second, changed := keep(t, first, now.Add(time.Hour), "a.example", "b.example")
	if !changed || len(second) != 2 || second[1].ID() != first[0].ID() || second[0].Covers("c.example") || !second[0].Covers("b.example") {
		t.Fatalf("a new host: %d, %v", len(second), changed)
	}
	if back, changed := keep(t, second, now.Add(2*time.Hour), "b.example"); changed || len(back) != 2 {
		t.Errorf("a host fewer: %d, %v", len(back), changed)
	}
	old := now.Add(AuthorityLife/2 + 2*time.Hour)
	third, changed := keep(t, second, old, "a.example", "b.example")
	if !changed || len(third) != 3 {
		t.Fatalf("half of its life: %d, %v", len(third), changed)
	}
	last, changed := keep(t, third, now.Add(AuthorityLife+2*time.Hour), "a.example", "b.example")
	if !changed || len(last) != 1 || last[0].ID() != third[0].ID() {
		t.Errorf("the end of the first ones: %d, %v", len(last), changed)
	}
}

func TestAuthoritiesAreReadBackFromASecret(t *testing.T) {
	all, _ := keep(t, nil, now, "a.example")
	all, _ = keep(t, all, now.Add(time.Hour), "a.example", "b.example")
	data, err := all.Data()
	if err != nil {
		t.Fatal(err)
	}
	got := ReadAuthorities(data)
	if got.Version() != all.Version() || len(got) != 2 {
		t.Errorf("%s, want %s", got.Version(), all.Version())
	}
	delete(data, all[0].ID()+privateKey)
	data["x.crt"], data["x.key"] = []byte("x"), []byte("x")
	if got := ReadAuthorities(data); len(got) != 1 || got[0].ID() != all[1].ID() {
		t.Errorf("%d are read where one is whole", len(got))
	}
}

// TestALeafIsSignedByWhatThePodKnows, as long as that lives, so that applications that run go on.
func TestALeafIsSignedByWhatThePodKnows(t *testing.T) {
	all, _ := keep(t, nil, now, "a.example")
	all, _ = keep(t, all, now.Add(time.Hour), "a.example", "b.example")
	fresh, old := all[0], all[1]
	for name, tt := range map[string]struct {
		host    string
		trusted []string
		at      time.Time
		want    *Authority
	}{
		"a pod from before":                 {"a.example", []string{old.ID()}, now.Add(2 * time.Hour), old},
		"a pod that knows both":             {"a.example", []string{fresh.ID(), old.ID()}, now.Add(2 * time.Hour), old},
		"a new pod":                         {"a.example", []string{fresh.ID()}, now.Add(2 * time.Hour), fresh},
		"a pod that knows none":             {"a.example", nil, now.Add(2 * time.Hour), fresh},
		"a new host, for a pod from before": {"b.example", []string{old.ID()}, now.Add(2 * time.Hour), fresh},
		"an authority that is about to end": {"a.example", []string{fresh.ID(), old.ID()}, old.Certificate.NotAfter.Add(-time.Hour), fresh},
	} {
		leaves, err := all.Leaves([]string{tt.host}, newKey(t).Public(), tt.trusted, tt.at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c, err := x509.ParseCertificate(leaves[0]); err != nil || c.CheckSignatureFrom(tt.want.Certificate) != nil {
			t.Errorf("%s: signed by %s", name, c.Issuer)
		}
	}
	if _, err := all.Leaves([]string{"c.example"}, newKey(t).Public(), nil, now); !errors.Is(err, ErrNoLeaf) {
		t.Errorf("a host that no authority is for: %v", err)
	}
}

func TestHostsOfABundle(t *testing.T) {
	service := func(host string, ports ...ir.Port) ir.Service {
		return ir.Service{Name: "shop/x", Hosts: []string{host}, Ports: ports}
	}
	foreign := func(s ir.Service, endpoints ...ir.Endpoint) ir.Service {
		s.Name, s.Endpoints = "elsewhere/x", endpoints
		return s
	}
	caught, refused, plain := ir.Port{Port: 443, Protocol: "HTTPS", Intercept: true}, ir.Port{Port: 443, Protocol: "HTTPS"}, ir.Port{Port: 80, Protocol: "HTTP", TLSPort: 443}
	for name, tt := range map[string]struct {
		services []ir.Service
		want     int
	}{
		"nothing is intercepted":              {[]ir.Service{service("a.example", refused), service("b.example", plain)}, 0},
		"one, and one where TLS is refused":   {[]ir.Service{service("a.example", caught), service("b.example", refused), service("c.example", plain)}, 2},
		"an address, which TLS does not name": {[]ir.Service{service("192.0.2.1", caught)}, 0},
		"a host with several ports":           {[]ir.Service{service("a.example", caught, refused)}, 1},
		"one that others only close here":     {[]ir.Service{service("a.example", caught), foreign(service("b.example", refused))}, 1},
		"one of others that is used here":     {[]ir.Service{service("a.example", caught), foreign(service("b.example", refused), ir.Endpoint{})}, 2},
		"a host of several services":          {[]ir.Service{service("a.example", caught), service("a.example", refused)}, 1},
	} {
		if got := Hosts(&ir.Bundle{Namespace: "shop", Services: tt.services}); len(got) != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
