package server

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/ir"
)

// authorities are those of one namespace.
type authorities struct {
	mu  sync.Mutex
	all intercept.Authorities
}

func (a *authorities) get() intercept.Authorities {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all
}

func (a *authorities) keep(t *testing.T, hosts ...string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	next, _, err := a.all.Keep("n", hosts, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	a.all = next
}

func (a *authorities) Version(_ context.Context, namespace string) string {
	if namespace != "n" {
		return ""
	}
	return a.get().Version()
}

func (a *authorities) Sign(_ context.Context, _ string, hosts []string, key crypto.PublicKey, trusted []string) (certificates, leaves [][]byte, err error) {
	leaves, err = a.get().Leaves(hosts, key, trusted, time.Now())
	return a.get().Certificates(), leaves, err
}

func intercepting(hosts ...string) *ir.Bundle {
	b := &ir.Bundle{
		Schema: ir.Schema, Namespace: "n", Workload: "Deployment/app", Mode: ir.ModeEnforce,
		Ungoverned: ir.Ungoverned{Action: ir.UngovernedDeny}, FreshnessBoundMillis: 5000,
	}
	for _, h := range hosts {
		b.Services = append(b.Services, ir.Service{
			Name: "esp/" + h, Hosts: []string{h}, Ports: []ir.Port{{Port: 443, Protocol: "HTTPS", Intercept: true}}, Party: ir.Party{Role: ir.RoleProcessor},
		})
	}
	return b
}

// leavesOf gives the hosts of leaves that are for the sidecar's key.
func leavesOf(t *testing.T, l *intercept.Leaves, leaves [][]byte) (hosts []string) {
	t.Helper()
	if err := l.Take(leaves); err != nil {
		t.Fatal(err)
	}
	for _, der := range leaves {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, c.DNSNames...)
	}
	return hosts
}

// TestLeavesFollowTheBundle: for its hosts and the sidecar's key, with the bundle that needs them; none before there is an authority for
// all of them, and none are left once nothing is intercepted.
func TestLeavesFollowTheBundle(t *testing.T) {
	r := newRig(t, "pod-1", time.Minute)
	a := &authorities{}
	r.server.Interceptor = a
	l, err := intercept.NewLeaves()
	if err != nil {
		t.Fatal(err)
	}
	r.options.InterceptionKey = l.PublicKey()
	r.dir.put(t, 1, intercepting("a.example"))
	r.run(t)
	if u := r.next(t); u.Bundle == nil || u.Interception != nil {
		t.Fatalf("before there is an authority: %+v", u)
	}
	a.keep(t, "a.example")
	u := r.next(t)
	if u.Interception == nil || !slices.Equal(leavesOf(t, l, u.Interception.Leaves), []string{"a.example"}) || len(u.Interception.Authorities) != 1 {
		t.Fatalf("%+v", u.Interception)
	}
	a.keep(t, "a.example", "b.example")
	if u = r.next(t); u.Interception == nil || len(u.Interception.Authorities) != 2 {
		t.Fatalf("a new authority: %+v", u.Interception)
	}
	// The application has started with the first one, and reads the second no more.
	first, leaf := a.get()[1].Certificate, u.Interception.Leaves[0]
	if c, err := x509.ParseCertificate(leaf); err != nil || c.CheckSignatureFrom(first) != nil {
		t.Fatal("the leaf is by an authority that came after the application had started")
	}
	r.dir.put(t, 2, intercepting("a.example", "b.example"))
	if u = r.next(t); u.Bundle == nil || u.Interception == nil || !slices.Equal(leavesOf(t, l, u.Interception.Leaves), []string{"a.example", "b.example"}) {
		t.Fatalf("with the next bundle: %+v", u.Interception)
	}
	r.dir.put(t, 3, intercepting())
	if u = r.next(t); u.Bundle == nil || u.Interception == nil || len(u.Interception.Leaves) != 0 {
		t.Errorf("without interception: %+v", u.Interception)
	}
}

// TestLeavesAreSignedByWhatApplicationsTrust: a pod that is older than an authority does not know it.
func TestLeavesAreSignedByWhatApplicationsTrust(t *testing.T) {
	a := &authorities{}
	a.keep(t, "a.example")
	old := a.get()[0]
	a.keep(t, "a.example", "b.example")
	r := newRig(t, "pod-1", time.Minute)
	r.server.Interceptor = a
	l, err := intercept.NewLeaves()
	if err != nil {
		t.Fatal(err)
	}
	r.options.InterceptionKey, r.options.Trusted = l.PublicKey(), func() []string { return []string{old.ID()} }
	r.dir.put(t, 1, intercepting("a.example", "b.example"))
	r.run(t)
	u := r.next(t)
	if u.Interception == nil || len(u.Interception.Leaves) != 2 {
		t.Fatalf("%+v", u.Interception)
	}
	for i, want := range []string{old.Certificate.Subject.String(), a.get()[0].Certificate.Subject.String()} {
		c, err := x509.ParseCertificate(u.Interception.Leaves[i])
		if err != nil || c.Issuer.String() != want {
			t.Errorf("%v is signed by %s, want %s", c.DNSNames, c.Issuer, want)
		}
	}
}

func TestOnlyKeysOfOneSortAreSigned(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(other.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string][]byte{"another curve": der, "no key": []byte("x")} {
		r := newRig(t, "pod-1", time.Minute)
		a := &authorities{}
		a.keep(t, "a.example")
		r.server.Interceptor, r.options.InterceptionKey = a, key
		r.dir.put(t, 1, intercepting("a.example"))
		r.run(t)
		select {
		case u := <-r.updates:
			t.Errorf("%s: %+v", name, u)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func TestHostsWhoseApplicationsDoNotTrustAreReported(t *testing.T) {
	r := newRig(t, "pod-1", time.Minute)
	r.options.Untrusting = func() []string { return []string{"a.example"} }
	r.dir.put(t, 1, intercepting("a.example"))
	r.run(t)
	eventually(t, "the host is reported", func() bool {
		all := r.sessions.Of("n", "c")
		return len(all) == 1 && slices.Equal(all[0].Untrusting, []string{"a.example"})
	})
}
