package ir_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/ir"
)

// certificate gives one in PEM, of an authority or not, and its key.
func certificate(t *testing.T, authority bool) (public, private string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: authority, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

func TestAuthoritiesAreCertificatesOfAuthoritiesAndNothingElse(t *testing.T) {
	authority, key := certificate(t, true)
	server, _ := certificate(t, false)
	for name, c := range map[string]struct {
		text string
		n    int
	}{
		"one":                            {authority, 1},
		"two, with comments":             {"# Root of the shop\n" + authority + "\n# and its heir\n" + authority, 2},
		"none":                           {"", 0},
		"something else":                 {"my root", 0},
		"a server's":                     {server, 0},
		"a key":                          {authority + key, 0},
		"one that is cut off":            {authority + authority[:len(authority)/2], 0},
		"one that is cut off first":      {authority[:len(authority)/2] + "\n" + authority, 0},
		"one that is no certificate":     {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), 0},
		"more than a bundle should hold": {authority + strings.Repeat("#", ir.MaxAuthoritiesBytes), 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ir.ParseAuthorities(c.text)
			if len(got) != c.n || (err == nil) != (c.n > 0) {
				t.Errorf("%d, %v", len(got), err)
			}
			b := bundle(request(ir.Message{}))
			b.Services[0].Authorities = c.text
			if _, err := ir.Encode(b); c.text != "" && (err == nil) != (c.n > 0) {
				t.Errorf("in a bundle: %v", err)
			}
		})
	}
}

// TestInterceptionIsCritical: whoever does not know it would take TLS for refused, and verify a service with the wrong authorities.
func TestInterceptionIsCritical(t *testing.T) {
	authority, _ := certificate(t, true)
	b := bundle(request(ir.Message{}))
	b.Services[0].Ports = []ir.Port{{Port: 443, Protocol: "HTTPS", Intercept: true}}
	b.Services[0].Authorities = authority
	data, err := ir.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = ir.Decode(data); err != nil || !slices.Equal(b.Critical, []string{"port.intercept", "service.authorities"}) || !b.Services[0].Ports[0].Intercept {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestOnlyTLSIsIntercepted(t *testing.T) {
	for name, port := range map[string]ir.Port{
		"HTTP": {Port: 80, Protocol: "HTTP", Intercept: true}, "what is begun by the sidecar": {Port: 443, Protocol: "HTTPS", TLSPort: 443, Intercept: true},
	} {
		b := bundle(request(ir.Message{}))
		b.Services[0].Ports = []ir.Port{port}
		if _, err := ir.Encode(b); !errors.Is(err, ir.ErrBundle) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
