package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// TestAnApplicationThatDoesNotTrustUsIsNoticed: by its alert, or because it hangs up; and goes on where nothing is enforced.
func TestAnApplicationThatDoesNotTrustUsIsNoticed(t *testing.T) {
	for how, attempt := range map[string]func(net.Conn) error{
		"alert": func(c net.Conn) error {
			return tls.Client(c, &tls.Config{ServerName: "customers.crm", RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}).Handshake()
		},
		"hangup": func(c net.Conn) error {
			// As Node.js does: the certificate is looked at once the handshake is done.
			x := tls.Client(c, &tls.Config{ServerName: "customers.crm", InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) //nolint:gosec // to hang up
			if err := x.Handshake(); err != nil {
				return err
			}
			return c.Close()
		},
	} {
		for _, mode := range []ir.Mode{ir.ModeEnforce, ir.ModeObserve} {
			t.Run(how+" "+string(mode), func(t *testing.T) {
				r := shop(t, func(b *ir.Bundle) { https(b); b.Mode = mode })
				own, roots := certificateFor(t, "customers.crm")
				service := serveTLS(t, own)
				addr := r.listen(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), service))
				for i := range r.bundle().Services {
					r.bundle().Services[i].Ports[0].Port = int(service)
				}
				r.current.Store(&State{Index: decide.NewIndex(r.bundle()), Facts: r.current.Load().Facts})
				c, err := net.Dial("tcp", addr.String())
				if err != nil {
					t.Fatal(err)
				}
				_ = attempt(c)
				_ = c.Close()
				counter := fmt.Sprintf(`optup_sidecar_tls_distrusted_total{host="customers.crm",how="%s"}`, how)
				eventually(t, "the distrust is counted", func() bool { return r.labelled(counter) == 1 })
				if got := r.proxy.Untrusting(); len(got) != 1 || got[0] != "customers.crm" {
					t.Errorf("untrusting: %v", got)
				}
				again, err := tls.Dial("tcp", addr.String(), &tls.Config{ServerName: "customers.crm", RootCAs: roots, MinVersion: tls.VersionTLS12})
				if passes := err == nil; passes != (mode == ir.ModeObserve) {
					t.Errorf("the next attempt: %v", err)
				}
				if err == nil {
					_ = again.Close()
				}
			})
		}
	}
}

// TestADeclaredListenerTakesTLSToItsHostAlone, where connections come to an address of their own.
func TestADeclaredListenerTakesTLSToItsHostAlone(t *testing.T) {
	for name, passes := range map[string]bool{"customers.crm": true, "api.esp": false, "": false} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, https)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			go func() { _ = r.proxy.ServeHost(ctx, l, "customers.crm", 443) }()
			c := r.app(l.Addr(), func(c *tls.Config) { c.ServerName, c.InsecureSkipVerify = name, name == "" }) //nolint:gosec // whatever is shown
			if name == "" {
				c.Transport.(*http.Transport).DialTLSContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
					return tls.Dial(network, l.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) //nolint:gosec // to have no name
				}
			}
			res, err := c.Do(getting(customers))
			if err == nil {
				_ = res.Body.Close()
			}
			if (err == nil) != passes || (passes && res.StatusCode != http.StatusOK) || (len(r.requests()) == 1) != passes {
				t.Errorf("%v, %d requests", err, len(r.requests()))
			}
		})
	}
}

// TestASlowHelloIsHeardOut: it would be taken for a client that waits for the service otherwise, and answered in plain.
func TestASlowHelloIsHeardOut(t *testing.T) {
	r := shop(t, https)
	c, err := net.Dial("tcp", r.listen(crm443).String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	time.Sleep(2 * peekTime)
	if err := tls.Client(c, &tls.Config{ServerName: "customers.crm", RootCAs: r.trusted, MinVersion: tls.VersionTLS12}).Handshake(); err != nil {
		t.Error(err)
	}
}

// serveTLS is a service on a port of this machine, which answers nothing.
func serveTLS(t *testing.T, own tls.Certificate) uint16 {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c); _ = c.Close() }()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String()).Port()
}
