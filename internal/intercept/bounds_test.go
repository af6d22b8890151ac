package intercept

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"
)

// TestWhatAnAuthorityCannotSign: no authority below it, and nothing that is no server; and clients that know no name constraints do not
// accept it at all, rather than for every host.
func TestWhatAnAuthorityCannotSign(t *testing.T) {
	a := authority(t, "api.esp.example")
	constraints := pkix.Extension{}
	for _, e := range a.Certificate.Extensions {
		if e.Id.Equal([]int{2, 5, 29, 30}) {
			constraints = e
		}
	}
	if len(constraints.Value) == 0 || !constraints.Critical {
		t.Errorf("name constraints that a client may leave aside: %v", constraints)
	}
	key := newKey(t)
	below := &x509.Certificate{
		SerialNumber: one(), Subject: pkix.Name{CommonName: "below"}, NotBefore: now, NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	sign := func(c, by *x509.Certificate, of, with any) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, c, by, of, with)
		if err != nil {
			t.Fatal(err)
		}
		out, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	below = sign(below, a.Certificate, key.Public(), a.key)
	leaf := &x509.Certificate{SerialNumber: one(), NotBefore: now, NotAfter: now.Add(time.Hour), DNSNames: []string{"api.esp.example"}}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(a.Certificate)
	between.AddCert(below)
	if _, err := sign(leaf, below, newKey(t).Public(), key).Verify(x509.VerifyOptions{DNSName: "api.esp.example", Roots: roots, Intermediates: between, CurrentTime: now}); err == nil {
		t.Error("an authority below it signs leaves")
	}
	for use, want := range map[x509.ExtKeyUsage]bool{x509.ExtKeyUsageServerAuth: true, x509.ExtKeyUsageClientAuth: false, x509.ExtKeyUsageCodeSigning: false} {
		leaf.ExtKeyUsage = []x509.ExtKeyUsage{use}
		_, err := sign(leaf, a.Certificate, newKey(t).Public(), a.key).Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: leaf.ExtKeyUsage})
		if (err == nil) != want {
			t.Errorf("a certificate for use %d: %v", use, err)
		}
	}
}

// TestALeafsKeyMakesNoAuthority: a certificate that is no authority's is none with its own key either.
func TestALeafsKeyMakesNoAuthority(t *testing.T) {
	a := authority(t, "api.esp.example")
	leaf, err := a.Leaf("api.esp.example", a.key.Public(), now)
	if err != nil {
		t.Fatal(err)
	}
	_, private, err := a.PEM()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadAuthority(certificatePEM(leaf), private); err == nil {
		t.Error("a leaf is taken for an authority")
	}
}

// TestAnAuthorityForAllHostsSignsForNoAddress: one that somebody brings may have no constraints.
func TestAnAuthorityForAllHostsSignsForNoAddress(t *testing.T) {
	a := authority(t, "api.esp.example")
	open := *a.Certificate
	open.PermittedDNSDomains = nil
	a = &Authority{&open, a.key}
	if _, err := a.Leaf("any.example", newKey(t).Public(), now); err != nil {
		t.Error(err)
	}
	for _, host := range []string{"192.0.2.1", "*.example", ""} {
		if _, err := a.Leaf(host, newKey(t).Public(), now); err == nil {
			t.Errorf("a leaf for %q", host)
		}
	}
}

// TestAuthoritiesThatEndedSignNothing, also where there is no other and nobody has taken them away yet.
func TestAuthoritiesThatEndedSignNothing(t *testing.T) {
	all, _ := keep(t, nil, now, "a.example")
	for _, trusted := range [][]string{nil, {all[0].ID()}} {
		if _, err := all.Leaves([]string{"a.example"}, newKey(t).Public(), trusted, now.Add(AuthorityLife)); !errors.Is(err, ErrNoLeaf) {
			t.Errorf("%v", err)
		}
	}
}

// TestAuthoritiesAreBounded: the newest are kept, so that there is one for all hosts of the moment.
func TestAuthoritiesAreBounded(t *testing.T) {
	var all Authorities
	var hosts []string
	for i := range maxAuthorities + 3 {
		hosts = append(hosts, fmt.Sprintf("h%d.example", i))
		all, _ = keep(t, all, now.Add(time.Duration(i)*time.Minute), hosts...)
	}
	if len(all) != maxAuthorities || slices.ContainsFunc(hosts, func(h string) bool { return !all[0].Covers(h) }) {
		t.Errorf("%d authorities", len(all))
	}
}

// TestOneLeafIsForOneHost: what a manager signed for several names, or for an address, is not shown.
func TestOneLeafIsForOneHost(t *testing.T) {
	l, err := NewLeaves()
	if err != nil {
		t.Fatal(err)
	}
	a := authority(t, "a.example", "b.example")
	for _, names := range [][]string{{"a.example", "b.example"}, {"*.a.example"}} {
		der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: one(), NotBefore: now, NotAfter: now.Add(time.Hour), DNSNames: names}, a.Certificate, l.key.Public(), a.key)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Take([][]byte{der}); err == nil {
			t.Errorf("one leaf for %q", names)
		}
	}
}

// TestHowApplicationsAreAnswered: by no version of TLS that is broken, and in whatever case they write the name.
func TestHowApplicationsAreAnswered(t *testing.T) {
	l, err := NewLocal(authority(t, "crm.example"))
	if err != nil {
		t.Fatal(err)
	}
	l.now = func() time.Time { return now }
	for name, test := range map[string]struct {
		client *tls.Config
		want   bool
	}{
		"as it is":     {&tls.Config{ServerName: "crm.example"}, true},
		"capitals":     {&tls.Config{ServerName: "CRM.Example"}, true},
		"TLS 1.1":      {&tls.Config{ServerName: "crm.example", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		"another name": {&tls.Config{ServerName: "bank.example"}, false},
	} {
		test.client.InsecureSkipVerify = true //nolint:gosec // only whether there is an answer
		x, y := net.Pipe()
		go func() {
			_ = tls.Server(y, ServerConfig(l)).Handshake()
			_ = y.Close()
		}()
		if err := tls.Client(x, test.client).Handshake(); (err == nil) != test.want {
			t.Errorf("%s: %v", name, err)
		}
		_ = x.Close()
	}
}
