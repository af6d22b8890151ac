package main

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/ir"
)

// sent is what a manager sends for a host.
func sent(t *testing.T, x *interception, host string) (client.Update, *intercept.Authority) {
	t.Helper()
	a, err := intercept.NewAuthority("n", []string{host}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(x.leaves.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := a.Leaf(host, key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return client.Update{Interception: &client.Interception{Authorities: [][]byte{a.Certificate.Raw}, Leaves: [][]byte{leaf}}}, a
}

func bundleOf(ports ...ir.Port) *ir.Bundle {
	return &ir.Bundle{Services: []ir.Service{{Name: "esp/mail", Hosts: []string{"api.esp.example"}, Ports: ports}}}
}

// TestApplicationsStartOnceTheyCanTrust: what they trust is read once, when they start.
func TestApplicationsStartOnceTheyCanTrust(t *testing.T) {
	dir := t.TempDir()
	x, err := newInterception(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if x.ready() {
		t.Error("ready before anything is written")
	}
	x.take(client.Update{Bundle: bundleOf(ir.Port{Port: 443, Protocol: "HTTPS", Intercept: true})})
	if x.ready() {
		t.Error("ready without the authority that the bundle needs")
	}
	u, first := sent(t, x, "api.esp.example")
	x.take(u)
	if !x.ready() || !slices.Equal(x.trusted(), []string{first.ID()}) {
		t.Errorf("ready %v, trusted %v", x.ready(), x.trusted())
	}
	if _, err := x.leaves.Leaf("api.esp.example"); err != nil {
		t.Error(err)
	}
	next, second := sent(t, x, "crm.example")
	x.take(next)
	if got := x.trusted(); !slices.Equal(got, []string{first.ID(), second.ID()}) {
		t.Errorf("what running applications have read was taken away: %v", got)
	}
	again, err := newInterception(dir, "")
	if err != nil || !again.ready() || len(again.trusted()) != 2 {
		t.Errorf("a sidecar that starts again: %v, ready %v, %v", err, again.ready(), again.trusted())
	}
}

func TestWithoutInterceptionApplicationsStartWithPublicAuthorities(t *testing.T) {
	dir := t.TempDir()
	x, err := newInterception(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	x.take(client.Update{Bundle: bundleOf(ir.Port{Port: 443, Protocol: "HTTPS"})})
	own, written := intercept.ReadTrust(dir)
	if !x.ready() || !written || len(own) != 0 {
		t.Errorf("ready %v, written %v, %d authorities of interception", x.ready(), written, len(own))
	}
	none, err := newInterception("", "")
	if err != nil || !none.ready() {
		t.Errorf("without a folder nothing is waited for: %v", err)
	}
}

// TestCertificatesForAnotherKeyAreNotTaken, and make nobody trust their authority.
func TestCertificatesForAnotherKeyAreNotTaken(t *testing.T) {
	x, err := newInterception(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	other, err := newInterception("", "")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := sent(t, other, "api.esp.example")
	u.Bundle = bundleOf(ir.Port{Port: 443, Protocol: "HTTPS", Intercept: true})
	x.take(u)
	if x.ready() || len(x.trusted()) > 0 || x.late == nil {
		t.Errorf("ready %v, trusted %v", x.ready(), x.trusted())
	}
}

// TestAuthoritiesOfTheNamespaceStay: what replaces those of an image has to have them, too.
func TestAuthoritiesOfTheNamespaceStay(t *testing.T) {
	dir, private := t.TempDir(), t.TempDir()
	x, err := newInterception(dir, private)
	if err != nil {
		t.Fatal(err)
	}
	_, own := sent(t, x, "intranet.example")
	public, key, err := own.PEM()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"company.crt": public, "mistake": key, "README": []byte("x")} {
		if err := os.WriteFile(filepath.Join(private, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	x.take(client.Update{Bundle: bundleOf(ir.Port{Port: 443, Protocol: "HTTPS"})})
	text, err := os.ReadFile(filepath.Join(dir, intercept.FileAll))
	if err != nil || !bytes.Contains(text, bytes.TrimSpace(public)) || bytes.Contains(text, []byte("PRIVATE")) {
		t.Errorf("%v: %d bytes", err, len(text))
	}
	if own, _ := intercept.ReadTrust(dir); len(own) != 0 {
		t.Error("an authority of the namespace counts as one of interception")
	}
}
