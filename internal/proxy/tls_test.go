package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// over makes the customers' service speak TLS on a port, while the application speaks plain HTTP.
func over(port int) func(*ir.Bundle) {
	return func(b *ir.Bundle) {
		for i := range b.Services {
			if b.Services[i].Name == "crm/customers" {
				b.Services[i].Ports[0].TLSPort = port
			}
		}
	}
}

func TestPlainRequestsGoOutOverTLS(t *testing.T) {
	for port, host := range map[int]string{443: "customers.crm", 8443: "customers.crm:8443"} {
		r := shop(t, over(port))
		answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), strings.Replace(get("GET /v1/customers", ""), "Host: customers.crm", "Host: customers.crm.svc:80", 1))
		got := r.requests()
		if len(got) != 1 || got[0].tls != "customers.crm" || got[0].host != host || !strings.Contains(answer, "anna@example.org") {
			t.Errorf("got %+v: %s", got, answer)
		}
	}
}

// TestTLSIsVerified: a service that cannot prove its name gets nothing, and there is no way back to plain.
func TestTLSIsVerified(t *testing.T) {
	right, roots := certificateFor(t, "customers.crm")
	wrong, _ := certificateFor(t, "customers.crm.example")
	others, err := x509.ParseCertificate(wrong.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	stranger, _ := certificateFor(t, "customers.crm")
	for name, tt := range map[string]struct {
		config *tls.Config
		passes bool
	}{
		"its name and a known root":        {&tls.Config{Certificates: []tls.Certificate{right}}, true},
		"another name and a known root":    {&tls.Config{Certificates: []tls.Certificate{wrong}}, false},
		"its name and a root of nobody":    {&tls.Config{Certificates: []tls.Certificate{stranger}}, false},
		"a version that is not safe":       {&tls.Config{Certificates: []tls.Certificate{right}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10, NextProtos: []string{"http/1.1"}}, false}, //nolint:gosec // to be refused
		"a service that speaks no TLS":     {nil, false},
		"its name, with TLS 1.2":           {&tls.Config{Certificates: []tls.Certificate{right}, MaxVersion: tls.VersionTLS12}, true}, //nolint:gosec // allowed
		"its name, for HTTP/1.1 only":      {&tls.Config{Certificates: []tls.Certificate{right}, NextProtos: []string{"http/1.1"}}, true},
		"no certificate that anybody made": {&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, io.EOF }}, false},
	} {
		for _, change := range []string{"GET /v1/customers", "GET /v1/open"} {
			t.Run(name+" "+change, func(t *testing.T) {
				r := shop(t, func(b *ir.Bundle) {
					over(8443)(b)
					for i := range b.Services {
						if b.Services[i].Name == "crm/customers" {
							b.Services[i].Endpoints = append(b.Services[i].Endpoints, ir.Endpoint{Name: "open", Methods: []string{"GET"}, Path: "/v1/open", NoPersonalData: true})
						}
					}
				})
				reached, plain := 0, 0
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					reached++
					w.Header().Set("Content-Type", "application/json")
					_, _ = io.WriteString(w, `{"customers":[]}`)
				}))
				server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
				if server.TLS = tt.config; tt.config != nil {
					server.EnableHTTP2 = tt.config.NextProtos == nil
					server.StartTLS()
				} else {
					server.Start()
				}
				defer server.Close()
				pool := roots.Clone()
				pool.AddCert(others)
				r.proxy.Roots = pool
				r.proxy.Dial = func(ctx ctx, network, addr string) (net.Conn, error) {
					if addr != "customers.crm:8443" {
						plain++
					}
					return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
				}
				answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), get(change, ""))
				if plain != 0 {
					t.Error("another port was dialled")
				}
				if (reached == 1) != tt.passes || strings.HasPrefix(answer, "HTTP/1.1 200 ") != tt.passes {
					t.Errorf("%d requests: %s", reached, answer)
				}
				if !tt.passes && !strings.HasPrefix(answer, "HTTP/1.1 502 ") {
					t.Errorf("answer %s", answer)
				}
			})
		}
	}
}

// TestAPortForHTTPSTakesNothingInPlain, for it would go out in plain.
func TestAPortForHTTPSTakesNothingInPlain(t *testing.T) {
	r := shop(t, func(b *ir.Bundle) {
		for i := range b.Services {
			b.Services[i].Ports = []ir.Port{{Port: 443, Protocol: "HTTPS"}}
		}
	})
	answer := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:443")), get("GET /v1/customers", ""))
	_, body, _ := strings.Cut(answer, "\r\n\r\n")
	if got := reasonOf(t, []byte(body)); got != decide.TLSRefused || len(r.requests()) != 0 {
		t.Errorf("%d requests: %s", len(r.requests()), answer)
	}
}

// TestUpgradesPassWhereNothingIsEnforced: a WebSocket goes on, byte for byte; and nowhere else.
func TestUpgradesPassWhereNothingIsEnforced(t *testing.T) {
	const request = "GET /v1/live HTTP/1.1\r\nHost: customers.crm\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"
	for _, mode := range []ir.Mode{ir.ModeObserve, ir.ModeEnforce} {
		r := shop(t, func(b *ir.Bundle) { b.Mode = mode })
		r.answer = func(w http.ResponseWriter, req *http.Request, _ []byte) {
			if req.Header.Get("Upgrade") != "websocket" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			c, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello ")
			word := make([]byte, 4)
			_, _ = io.ReadFull(buffered, word)
			_, _ = fmt.Fprintf(c, "%x", word)
		}
		c, err := net.Dial("tcp", r.listen(netip.MustParseAddrPort("192.0.2.1:80")).String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(time.Second))
		if _, err := io.WriteString(c, request+"\x00\x01\xfe\xff"); err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(c)
		_ = c.Close()
		passed := strings.HasPrefix(string(answer), "HTTP/1.1 101 ") && strings.HasSuffix(string(answer), "hello 0001feff")
		if passed != (mode == ir.ModeObserve) || (len(r.requests()) == 1) != (mode == ir.ModeObserve) {
			t.Errorf("%s: %d requests, %s", mode, len(r.requests()), answer)
		}
	}
}

// TestNobodySwitchesToWhatCarriesRequests: behind an upgrade to HTTP/2, which some servers take up without its settings, further requests
// would pass that nobody decides about, with a body or to a path that is governed.
func TestNobodySwitchesToWhatCarriesRequests(t *testing.T) {
	switches := func(w http.ResponseWriter, req *http.Request, _ []byte) {
		if req.Header.Get("Upgrade") == "" {
			return
		}
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nswitched")
			_ = c.Close()
		}
	}
	say := func(addr, request string) string {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(c)
		return string(answer)
	}
	for _, offer := range []string{"h2c", "H2C", "websocket, h2c", "HTTP/2.0", "TLS/1.2, HTTP/1.1"} {
		for _, mode := range []ir.Mode{ir.ModeObserve, ir.ModeEnforce} {
			r := shop(t, func(b *ir.Bundle) {
				b.Mode = mode
				for i := range b.Services {
					b.Services[i].Endpoints = append(b.Services[i].Endpoints, ir.Endpoint{Name: "version", Methods: []string{"GET"}, Path: "/v1/version", NoPersonalData: true})
				}
			})
			r.answer = switches
			request := "GET /v1/version HTTP/1.1\r\nHost: customers.crm\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: " + offer + "\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
			got := say(r.listen(netip.MustParseAddrPort("192.0.2.1:80")).String(), request)
			if strings.Contains(got, "switched") || (mode == ir.ModeObserve || offer == "h2c" || offer == "H2C") != strings.HasPrefix(got, "HTTP/1.1 200 ") {
				t.Errorf("%s, %s: %s", mode, offer, got)
			}
		}
	}
}
