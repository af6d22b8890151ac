package proxy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// ca signs certificates of services.
type ca struct {
	t           *testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newCA(t *testing.T) *ca {
	t.Helper()
	c, _ := certificateFor(t, "authority.example")
	return &ca{t, mustParse(t, c.Certificate[0]), c.PrivateKey.(*ecdsa.PrivateKey)}
}

func (c *ca) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.certificate.Raw}))
}

func (c *ca) sign(change func(*x509.Certificate)) tls.Certificate {
	c.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "secret words of the service"}, DNSNames: []string{"customers.crm"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(leaf)
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, c.certificate, key.Public(), c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestServicesAreVerifiedAsStrictlyAsApplicationsWould, and the application is told what is wrong, in HTTP and by a sentence.
func TestServicesAreVerifiedAsStrictlyAsApplicationsWould(t *testing.T) {
	public, private := newCA(t), newCA(t)
	self, _ := certificateFor(t, "customers.crm")
	for name, tt := range map[string]struct {
		certificate tls.Certificate
		authorities string
		// want is a part of the sentence, reason the metric's; empty where the request passes.
		want, reason string
	}{
		"a public authority":                             {public.sign(nil), "", "", ""},
		"an authority of its own":                        {private.sign(nil), private.pem(), "", ""},
		"one of several authorities":                     {private.sign(nil), public.pem() + private.pem(), "", ""},
		"a public authority where one of its own counts": {public.sign(nil), private.pem(), "no authority that is known", "authority"},
		"an authority that nobody knows":                 {private.sign(nil), "", "no authority that is known", "authority"},
		"signed by itself":                               {self, "", "no authority that is known", "authority"},
		"expired":                                        {public.sign(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), "", "has expired", "expired"},
		"not valid yet":                                  {public.sign(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), "", "not valid yet", "expired"},
		"another name":                                   {public.sign(func(c *x509.Certificate) { c.DNSNames = []string{"api.esp"} }), "", "another name", "name"},
		"another name, by an authority of its own":       {private.sign(func(c *x509.Certificate) { c.DNSNames = []string{"api.esp"} }), private.pem(), "another name", "name"},
		"for clients":                                    {public.sign(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), "", "not valid", "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, func(b *ir.Bundle) { https(b); authorities(b, tt.authorities) })
			reached := serviceWith(t, r, tt.certificate)
			r.proxy.Roots = x509.NewCertPool()
			r.proxy.Roots.AddCert(public.certificate)
			res, body := call(t, r.app(r.listen(crm443), nil), getting(customers))
			if tt.want == "" {
				if res.StatusCode != http.StatusOK || reached.Load() != 1 {
					t.Errorf("%s %s", res.Status, body)
				}
				return
			}
			if res.StatusCode != http.StatusBadGateway || !strings.Contains(body, tt.want) || reached.Load() != 0 || strings.Contains(body, "secret words") {
				t.Errorf("%d requests: %s %s", reached.Load(), res.Status, body)
			}
			if n := r.labelled(`optup_sidecar_service_certificates_refused_total{reason="` + tt.reason + `",service="crm/customers"}`); n != 1 {
				t.Errorf("%v certificates were counted", n)
			}
		})
	}
}

// TestAuthoritiesThatChangeCountAtOnce: a connection that was verified with others is not used again.
func TestAuthoritiesThatChangeCountAtOnce(t *testing.T) {
	first, second := newCA(t), newCA(t)
	r := shop(t, func(b *ir.Bundle) { https(b); authorities(b, first.pem()) })
	reached := serviceWith(t, r, first.sign(nil))
	c := r.app(r.listen(crm443), nil)
	if res, body := call(t, c, getting(customers)); res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", res.Status, body)
	}
	b := r.bundle()
	authorities(b, second.pem())
	r.current.Store(&State{Index: decide.NewIndex(b), Facts: r.current.Load().Facts})
	if res, body := call(t, c, getting(customers)); res.StatusCode != http.StatusBadGateway || reached.Load() != 1 {
		t.Errorf("%d requests: %s %s", reached.Load(), res.Status, body)
	}
	if n := len(r.proxy.private.by); n != 1 {
		t.Errorf("%d sets of connections are kept", n)
	}
}

func authorities(b *ir.Bundle, pem string) {
	for i := range b.Services {
		b.Services[i].Authorities = pem
	}
}

// serviceWith lets a service with a certificate answer, and counts what reaches it.
func serviceWith(t *testing.T, r *road, certificate tls.Certificate) *atomic.Int32 {
	t.Helper()
	reached := &atomic.Int32{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"customers":[]}`)
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	s.EnableHTTP2 = true
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	r.proxy.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
	}
	return reached
}
