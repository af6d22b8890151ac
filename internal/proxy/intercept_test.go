package proxy

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/ir"
)

// https makes every service of the shop one that is called by HTTPS.
func https(b *ir.Bundle) {
	for i := range b.Services {
		b.Services[i].Ports = []ir.Port{{Port: 443, Protocol: "HTTPS", Intercept: true}}
	}
}

// refusedTLS is the same, with TLS refused.
func refusedTLS(b *ir.Bundle) {
	https(b)
	for i := range b.Services {
		b.Services[i].Ports[0].Intercept = false
	}
}

// app is a client of an intercepted host: it dials the sidecar, and trusts what the workload's applications trust.
func (r *road) app(addr net.Addr, change func(*tls.Config)) *http.Client {
	config := &tls.Config{RootCAs: r.trusted, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(8)}
	if change != nil {
		change(config)
	}
	t := &http.Transport{
		TLSClientConfig: config, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr.String())
		},
	}
	r.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: 10 * time.Second}
}

// call gives the status and the body of an answer.
func call(t *testing.T, c *http.Client, request *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func getting(url string) *http.Request {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		panic(err)
	}
	return r
}

const customers = "https://customers.crm/v1/customers"

var crm443 = netip.MustParseAddrPort("192.0.2.1:443")

// TestHTTPSIsDecidedAbout, whatever version of TLS and of HTTP the application speaks, and goes out over TLS to the declared host.
func TestHTTPSIsDecidedAbout(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*tls.Config)
		major  int
	}{
		"TLS 1.3 and HTTP/2":   {nil, 2},
		"TLS 1.2 and HTTP/2":   {func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, 2},
		"TLS 1.3 and HTTP/1.1": {func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }, 1},
		"no protocol by name":  {func(c *tls.Config) { c.NextProtos = []string{} }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, https)
			c := r.app(r.listen(crm443), tt.change)
			if tt.major == 1 {
				c.Transport.(*http.Transport).ForceAttemptHTTP2 = false
			}
			res, body := call(t, c, getting(customers))
			got := r.requests()
			if res.StatusCode != http.StatusOK || res.ProtoMajor != tt.major || !strings.Contains(body, "anna@example.org") {
				t.Errorf("%s %s: %s", res.Proto, res.Status, body)
			}
			if len(got) != 1 || got[0].tls != "customers.crm" || got[0].host != "customers.crm" {
				t.Errorf("reached the service: %+v", got)
			}
			res, body = call(t, c, getting("https://customers.crm/v1/export"))
			if res.StatusCode != http.StatusForbidden || reasonOf(t, []byte(body)) != decide.EndpointUnknown || len(r.requests()) != 1 {
				t.Errorf("an unknown endpoint: %s %s", res.Status, body)
			}
			// Verified by every rule of Go's verifier, the constraints of names among them.
			leaf := res.TLS.VerifiedChains[0][0]
			if len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != "customers.crm" || time.Until(leaf.NotAfter) > intercept.LeafLife {
				t.Errorf("a leaf for %v until %s", leaf.DNSNames, leaf.NotAfter)
			}
		})
	}
}

func TestHandshakesResume(t *testing.T) {
	for name, most := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, https)
			addr := r.listen(crm443)
			cache := tls.NewLRUClientSessionCache(8)
			for i := range 3 {
				c := r.app(addr, func(c *tls.Config) { c.ClientSessionCache, c.MaxVersion = cache, most })
				res, _ := call(t, c, getting(customers))
				if res.TLS.DidResume != (i > 0) {
					t.Errorf("handshake %d resumed: %v", i, res.TLS.DidResume)
				}
				c.CloseIdleConnections()
			}
			if n := r.labelled(`optup_sidecar_tls_handshakes_total{outcome="resumed"}`); n != 2 {
				t.Errorf("%v handshakes were counted as resumed", n)
			}
		})
	}
}

// TestTLSThatDoesNotNameItsHostIsRefused: without the name in the clear nobody can tell what is decided about.
func TestTLSThatDoesNotNameItsHostIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		dst   string
		name  string
		alert string
	}{
		"no name":                              {"192.0.2.1:443", "", "unrecognized name"},
		"the name of somebody else":            {"192.0.2.1:443", "other.example", "unrecognized name"},
		"a port that is not declared":          {"192.0.2.1:8443", "customers.crm", "access denied"},
		"a name below the host":                {"192.0.2.1:443", "x.customers.crm", "unrecognized name"},
		"the name of a host on its other port": {"198.51.100.9:8443", "customers.crm", "access denied"},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, https)
			r.current.Load().resolver.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
			}
			c, err := net.Dial("tcp", r.listen(netip.MustParseAddrPort(tt.dst)).String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			err = tls.Client(c, &tls.Config{ServerName: tt.name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}).Handshake() //nolint:gosec // whatever is shown
			if err == nil || !strings.Contains(err.Error(), tt.alert) {
				t.Errorf("handshake: %v, want the alert %q", err, tt.alert)
			}
			if len(r.requests()) != 0 {
				t.Error("it reached the service")
			}
		})
	}
}

// TestEncryptedServerNamesAreRefused: what stands in the clear is the name of somebody else (RFC 9849).
func TestEncryptedServerNamesAreRefused(t *testing.T) {
	r := shop(t, https)
	c, err := net.Dial("tcp", r.listen(crm443).String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	err = tls.Client(c, &tls.Config{
		ServerName: "customers.crm", RootCAs: r.trusted, MinVersion: tls.VersionTLS13, EncryptedClientHelloConfigList: echList(t, "front.example"),
	}).Handshake()
	if err == nil || !strings.Contains(err.Error(), "unrecognized name") || len(r.requests()) != 0 {
		t.Errorf("handshake: %v, %d requests", err, len(r.requests()))
	}
}

// TestARequestIsForTheHostOfItsTLS: another Host would be decided about as one service and read by another.
func TestARequestIsForTheHostOfItsTLS(t *testing.T) {
	for _, mode := range []ir.Mode{ir.ModeEnforce, ir.ModeObserve} {
		for name, tt := range map[string]struct {
			host string
			same bool
		}{
			"the host":                {"customers.crm", true},
			"the host and its port":   {"customers.crm:443", true},
			"in upper case":           {"CUSTOMERS.crm", true},
			"with a dot":              {"customers.crm.", true},
			"another declared host":   {"api.esp", false},
			"a host of nobody":        {"other.example", false},
			"another port":            {"customers.crm:80", false},
			"another name of its own": {"customers.crm.svc", false},
			"an address":              {"192.0.2.1", false},
			"an IPv6 address":         {"[::1]:443", false},
		} {
			for _, protocol := range []string{"h2", "http/1.1"} {
				t.Run(fmt.Sprint(mode, " ", name, " ", protocol), func(t *testing.T) {
					r := shop(t, func(b *ir.Bundle) {
						https(b)
						b.Mode = mode
						for i := range b.Rules {
							b.Rules[i].Mode = mode
						}
					})
					c := r.app(r.listen(crm443), func(c *tls.Config) { c.NextProtos = []string{protocol} })
					c.Transport.(*http.Transport).ForceAttemptHTTP2 = protocol == "h2"
					request := getting(customers)
					request.Host = tt.host
					res, body := call(t, c, request)
					got := r.requests()
					switch {
					case tt.same || mode == ir.ModeObserve:
						// Where nothing is enforced the request goes to whom its connection is for, and nowhere in plain.
						if res.StatusCode != http.StatusOK || len(got) != 1 || got[0].tls != "customers.crm" || got[0].host != "customers.crm" {
							t.Errorf("%s: %+v", res.Status, got)
						}
					case reasonOf(t, []byte(body)) != decide.NotCanonical || len(got) != 0:
						t.Errorf("%s: %+v", body, got)
					}
				})
			}
		}
	}
}

// TestTLSToOthersIsNeverEnded: the application gets the very certificate of the host, whatever is declared besides.
func TestTLSToOthersIsNeverEnded(t *testing.T) {
	own, roots := certificateFor(t, "other.example")
	server, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c) }()
		}
	}()
	r := shop(t, func(b *ir.Bundle) { https(b); b.Ungoverned = ir.Ungoverned{Action: ir.UngovernedObserve} })
	c, err := tls.Dial("tcp", r.listen(netip.MustParseAddrPort(server.Addr().String())).String(), &tls.Config{ServerName: "other.example", RootCAs: roots, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if got := c.ConnectionState().PeerCertificates[0]; !got.Equal(mustParse(t, own.Certificate[0])) {
		t.Errorf("a certificate for %v", got.DNSNames)
	}
	if n := r.labelled(`optup_sidecar_connections_total{outcome="intercepted"}`); n != 0 {
		t.Errorf("%v connections were intercepted", n)
	}
}

// TestRefusedTLSSaysWhy: an application that trusts our certificate reads a sentence instead of an alert.
func TestRefusedTLSSaysWhy(t *testing.T) {
	r := shop(t, refusedTLS)
	res, body := call(t, r.app(r.listen(crm443), nil), getting(customers))
	if res.StatusCode != http.StatusForbidden || reasonOf(t, []byte(body)) != decide.TLSRefused || len(r.requests()) != 0 {
		t.Errorf("%s %s", res.Status, body)
	}
}

// TestWithoutACertificateTLSIsRefused, and passes as it is where nothing is enforced.
func TestWithoutACertificateTLSIsRefused(t *testing.T) {
	for name, leaves := range map[string]intercept.Source{"none": nil, "none yet": func() intercept.Source {
		l, err := intercept.NewLeaves()
		if err != nil {
			t.Fatal(err)
		}
		return l
	}()} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, https)
			r.proxy.Leaves = leaves
			_, err := r.app(r.listen(crm443), nil).Do(getting(customers))
			if err == nil || !strings.Contains(err.Error(), "access denied") || len(r.requests()) != 0 {
				t.Errorf("%v, %d requests", err, len(r.requests()))
			}
		})
	}
}

// TestInterceptionThatEndsLetsNothingOutInPlain: a connection that lives on is not decided about by what was declared before.
func TestInterceptionThatEndsLetsNothingOutInPlain(t *testing.T) {
	for name, change := range map[string]func(*ir.Bundle){
		"TLS is refused": refusedTLS,
		"nobody declares the service": func(b *ir.Bundle) {
			b.Services, b.Rules = nil, nil
		},
		"the port is for HTTP": func(b *ir.Bundle) {
			for i := range b.Services {
				b.Services[i].Ports = []ir.Port{{Port: 443, Protocol: "HTTP"}}
			}
		},
		"another port is intercepted": func(b *ir.Bundle) {
			for i := range b.Services {
				b.Services[i].Ports[0].Port = 8443
			}
		},
	} {
		for _, mode := range []ir.Mode{ir.ModeEnforce, ir.ModeObserve} {
			t.Run(name+" "+string(mode), func(t *testing.T) {
				r := shop(t, https)
				c := r.app(r.listen(crm443), nil)
				if res, body := call(t, c, getting(customers)); res.StatusCode != http.StatusOK {
					t.Fatalf("%s %s", res.Status, body)
				}
				next := golden(t, "grants/a-double-opt-in-that-was-never-confirmed-permits-nothing")
				https(next)
				change(next)
				next.Mode = mode
				now := r.current.Load()
				r.current.Store(&State{Index: decide.NewIndex(next), Facts: now.Facts})
				c.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF }
				res, body := call(t, c, getting(customers))
				if reasonOf(t, []byte(body)) != decide.TLSRefused || len(r.requests()) != 1 {
					t.Errorf("%s %s: %+v", res.Status, body, r.requests())
				}
				if _, err := c.Do(getting(customers)); err == nil {
					t.Error("the connection lives on")
				}
			})
		}
	}
}

// echList is how a server says that it takes encrypted names: one configuration with X25519, HKDF-SHA256 and AES-128-GCM (RFC 9849 §4).
func echList(t *testing.T, public string) []byte {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var contents []byte
	contents = append(contents, 7, 0, 0x20, 0, 32)
	contents = append(contents, key.PublicKey().Bytes()...)
	contents = append(contents, 0, 4, 0, 1, 0, 1, 0, byte(len(public)))
	contents = append(append(contents, public...), 0, 0)
	config := binary.BigEndian.AppendUint16([]byte{0xfe, 0x0d}, uint16(len(contents)))
	config = append(config, contents...)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(config))), config...)
}

func mustParse(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
