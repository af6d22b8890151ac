package intercept

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func authority(t *testing.T, hosts ...string) *Authority {
	t.Helper()
	a, err := NewAuthority("marketing", hosts, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// verified tells whether a client that trusts the authority accepts a leaf for a name.
func verified(t *testing.T, a *Authority, leaf []byte, name string, at time.Time) error {
	t.Helper()
	c, err := x509.ParseCertificate(leaf)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate)
	_, err = c.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: at})
	return err
}

func TestALeafIsForItsHostAndADay(t *testing.T) {
	a := authority(t, "api.esp.example", "crm.example")
	leaf, err := a.Leaf("crm.example", newKey(t).Public(), now)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		host string
		at   time.Time
		ok   bool
	}{
		"its host":                          {"crm.example", now, true},
		"a clock that is five minutes slow": {"crm.example", now.Add(-5 * time.Minute), true},
		"the end of its day":                {"crm.example", now.Add(LeafLife - time.Second), true},
		"the next day":                      {"crm.example", now.Add(LeafLife + time.Second), false},
		"another host of the authority":     {"api.esp.example", now, false},
		"a name below":                      {"x.crm.example", now, false},
	} {
		if err := verified(t, a, leaf, tt.host, tt.at); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnAuthorityIsForItsHostsAlone: even with its key nobody can make a certificate that applications accept for another host.
func TestAnAuthorityIsForItsHostsAlone(t *testing.T) {
	a := authority(t, "api.esp.example")
	for _, host := range []string{"bank.example", "esp.example", "api.esp.example.bank.example"} {
		if _, err := a.Leaf(host, newKey(t).Public(), now); err == nil {
			t.Errorf("a leaf for %s", host)
		}
	}
	forge := func(change func(*x509.Certificate)) []byte {
		c := &x509.Certificate{SerialNumber: one(), NotBefore: now, NotAfter: now.Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
		change(c)
		der, err := x509.CreateCertificate(rand.Reader, c, a.Certificate, newKey(t).Public(), a.key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	for name, tt := range map[string]struct {
		leaf []byte
		host string
		ok   bool
	}{
		"its host":     {forge(func(c *x509.Certificate) { c.DNSNames = []string{"api.esp.example"} }), "api.esp.example", true},
		"another host": {forge(func(c *x509.Certificate) { c.DNSNames = []string{"bank.example"} }), "bank.example", false},
		"both":         {forge(func(c *x509.Certificate) { c.DNSNames = []string{"api.esp.example", "bank.example"} }), "api.esp.example", false},
		"an address":   {forge(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} }), "192.0.2.1", false},
		"an IPv6 one":  {forge(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("2001:db8::1")} }), "2001:db8::1", false},
	} {
		if err := verified(t, a, tt.leaf, tt.host, now); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatCannotBeIntercepted(t *testing.T) {
	for _, hosts := range [][]string{nil, {"192.0.2.1"}, {"2001:db8::1"}, {"*.example"}, {""}, {"a.example", "b:443"}} {
		if _, err := NewAuthority("x", hosts, now); err == nil {
			t.Errorf("an authority for %q", hosts)
		}
	}
}

func TestAnAuthorityIsReadBackFromItsFiles(t *testing.T) {
	a, b := authority(t, "api.esp.example"), authority(t, "api.esp.example")
	public, private, err := a.PEM()
	if err != nil {
		t.Fatal(err)
	}
	_, others, err := b.PEM()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadAuthority(public, private)
	if err != nil || got.ID() != a.ID() || a.ID() == b.ID() || !got.Covers("api.esp.example") || got.Covers("bank.example") {
		t.Errorf("%v, %v", got, err)
	}
	if a.Certificate.Subject.String() == b.Certificate.Subject.String() {
		t.Error("two authorities have one name")
	}
	leaf, err := a.Leaf("api.esp.example", newKey(t).Public(), now)
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string][2][]byte{
		"the key of another": {public, others}, "no key": {public, nil}, "no certificate": {nil, private},
		"a leaf": {certificatePEM(leaf), private}, "the files the wrong way round": {private, public},
	} {
		if _, err := ReadAuthority(in[0], in[1]); err == nil || strings.Contains(err.Error(), "MIG") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestALeafEndsWithItsAuthority, so that nobody is shown one that no client accepts.
func TestALeafEndsWithItsAuthority(t *testing.T) {
	a := authority(t, "api.esp.example")
	late := a.Certificate.NotAfter.Add(-time.Hour)
	leaf, err := a.Leaf("api.esp.example", newKey(t).Public(), late)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := x509.ParseCertificate(leaf); err != nil || !c.NotAfter.Equal(a.Certificate.NotAfter) {
		t.Errorf("until %s, the authority until %s", c.NotAfter, a.Certificate.NotAfter)
	}
}

func TestDistrustIsToldFromOtherFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		how  Distrust
		want bool
	}{
		"unknown authority":   {&net.OpError{Op: "remote error", Err: tls.AlertError(48)}, DistrustAlert, true},
		"bad certificate":     {fmt.Errorf("wrapped: %w", &net.OpError{Op: "remote error", Err: tls.AlertError(42)}), DistrustAlert, true},
		"certificate unknown": {&net.OpError{Op: "remote error", Err: tls.AlertError(46)}, DistrustAlert, true},
		"handshake failure":   {&net.OpError{Op: "remote error", Err: tls.AlertError(40)}, "", false},
		"an end":              {io.EOF, DistrustHangup, true},
		"a reset":             {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, DistrustHangup, true},
		"no common version":   {errors.New("tls: client offered only unsupported versions"), "", false},
	} {
		if how, got := Distrusts(tt.err); got != tt.want || got && how != tt.how {
			t.Errorf("%s: %q, %v", name, how, got)
		}
	}
}
