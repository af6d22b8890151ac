package server

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/peer"
	"github.com/optup/optup/internal/testkit/peers"
)

var _ Identities = (*peers.Authority)(nil)

// providing is a bundle whose sidecars have to know their callers.
func providing() *ir.Bundle {
	return &ir.Bundle{
		Schema: ir.Schema, Namespace: "n", Workload: "Deployment/app", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 5000,
		Provides: []ir.Provided{{
			Service: ir.Service{Name: "n/crm", Hosts: []string{"crm.n.svc"}, Ports: []ir.Port{{Port: 80, Protocol: "HTTP"}}}, Mode: ir.ModeEnforce,
			Ports: []ir.ProvidedPort{{Port: 80, Target: 8080}},
		}},
	}
}

func calling() *ir.Bundle {
	b := providing()
	b.Services, b.Provides = []ir.Service{b.Provides[0].Service}, nil
	b.Services[0].Providers = []string{"deployment-crm-00000000"}
	return b
}

func TestSidecarsThatMeetOthersGetAnIdentity(t *testing.T) {
	for name, test := range map[string]struct {
		bundle *ir.Bundle
		tokens bool
	}{"one that provides": {providing(), true}, "one that calls": {calling(), false}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "pod-1", time.Hour)
			a := peers.NewAuthority(t)
			a.Issuer, a.Keys = "https://cluster", []byte(`{"keys":[]}`)
			r.server.Identities = a
			r.dir.put(t, 1, test.bundle)
			r.run(t)
			u := r.next(t)
			if u.Bundle == nil || u.Identity == nil {
				t.Fatalf("%+v", u)
			}
			want := peer.Name{Domain: peers.Domain, Namespace: "n", Account: "sa", Workload: "c"}
			if u.Identity.Name != want || time.Until(u.Identity.Expires) < 59*time.Minute {
				t.Errorf("%+v until %v", u.Identity.Name, u.Identity.Expires)
			}
			if (u.Identity.TokenIssuer == "https://cluster") != test.tokens || (len(u.Identity.TokenKeys) > 0) != test.tokens {
				t.Errorf("keys of tokens: %q, %q", u.Identity.TokenIssuer, u.Identity.TokenKeys)
			}
			// Heartbeats follow, and nothing new with them, until the authority is another.
			time.Sleep(5 * r.server.heartbeat)
			select {
			case u := <-r.updates:
				t.Errorf("another update: %+v", u)
			default:
			}
			a.Rotate()
			if u := r.next(t); u.Bundle != nil || u.Identity == nil {
				t.Errorf("after the rotation: %+v", u)
			}
			// The key is in no file.
			_ = filepath.Walk(r.options.StateDir, func(path string, info os.FileInfo, err error) error {
				if err != nil || info.IsDir() {
					return err
				}
				data, err := os.ReadFile(path)
				if strings.Contains(string(data), "CERTIFICATE") || strings.Contains(string(data), "spiffe") || strings.Contains(string(data), "PRIVATE") {
					t.Errorf("%s holds more than a bundle", path)
				}
				return err
			})
		})
	}
}

func TestACertificateIsRenewedBeforeItEnds(t *testing.T) {
	r := newRig(t, "pod-1", time.Hour)
	a := peers.NewAuthority(t)
	a.Life = 4 * time.Second // certificates count in whole seconds
	r.server.Identities = a
	r.dir.put(t, 1, providing())
	r.run(t)
	first := r.next(t)
	second := r.next(t)
	if first.Identity == nil || second.Identity == nil || second.Bundle != nil {
		t.Fatalf("%+v, %+v", first, second)
	}
	if !first.Identity.Expires.After(time.Now()) {
		t.Errorf("it was renewed after its end: %v", first.Identity.Expires)
	}
}

func TestWhoGetsNoIdentity(t *testing.T) {
	for name, test := range map[string]struct {
		bundle *ir.Bundle
		change func(*rig, *peers.Authority)
	}{
		"a bundle that meets no other sidecar": {func() *ir.Bundle { b := providing(); b.Provides = nil; return b }(), nil},
		"a ledger":                             {providing(), func(r *rig, _ *peers.Authority) { r.dir.ledger = true }},
		"a manager without an authority":       {providing(), func(r *rig, a *peers.Authority) { r.server.Identities = nil }},
		"a certificate without a name": {providing(), func(_ *rig, a *peers.Authority) {
			a.Change = func(c *x509.Certificate) { c.URIs = nil }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "pod-1", time.Hour)
			a := peers.NewAuthority(t)
			r.server.Identities = a
			if test.change != nil {
				test.change(r, a)
			}
			r.dir.put(t, 1, test.bundle)
			r.run(t)
			if u := r.next(t); u.Bundle == nil || u.Identity != nil {
				t.Errorf("%+v", u)
			}
		})
	}
}

// TestAGrantIsForWhatCallersNeedToo: facts about the purposes of callers are read with the grant of the service's sidecar.
func TestAGrantIsForWhatCallersNeedToo(t *testing.T) {
	r := newRig(t, "pod-1", time.Hour)
	b := providing()
	b.Ledgers = []ir.Ledger{{Controller: "shop", URL: "https://l"}}
	b.Provides[0].Purposes = []ir.Purpose{{Name: "advice", Controller: "shop", Objection: ir.ObjectionNone}}
	r.dir.put(t, 1, b)
	r.run(t)
	r.next(t)
	if g := r.grants.signed; len(g) != 1 || len(g[0].Purposes) != 1 || g[0].Purposes[0] != "advice" {
		t.Errorf("%+v", g)
	}
}

// TestWhatIsSentOfAKey: the public half, and with each stream another.
func TestWhatIsSentOfAKey(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		r := newRig(t, "pod-1", time.Hour)
		a := peers.NewAuthority(t)
		keyed := &keyed{Authority: a}
		r.server.Identities = keyed
		r.dir.put(t, 1, providing())
		r.run(t)
		r.next(t)
		if _, err := x509.ParsePKIXPublicKey(keyed.key); err != nil {
			t.Error(err)
		}
		if _, err := x509.ParsePKCS8PrivateKey(keyed.key); err == nil {
			t.Error("the private key was sent")
		}
		seen[string(keyed.key)] = true
	}
	if len(seen) != 2 {
		t.Error("two streams have one key")
	}
}

type keyed struct {
	*peers.Authority
	key []byte
}

func (k *keyed) Sign(name peer.Name, key []byte) ([]byte, time.Time, error) {
	k.key = key
	return k.Authority.Sign(name, key)
}
