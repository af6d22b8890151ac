package proxy

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// TestUngovernedTrafficIsSplicedByteForByte includes a server that speaks first, as PostgreSQL's and SMTP's do not until asked, and
// bytes that look like HTTP for another host.
func TestUngovernedTrafficIsSplicedByteForByte(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
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
			go func() {
				_, _ = io.WriteString(c, "220 mail.example ESMTP\r\n")
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	dst := netip.MustParseAddrPort(server.Addr().String())
	for name, tt := range map[string]struct {
		action ir.Ungoverned
		passes bool
	}{
		"observed":               {ir.Ungoverned{Action: ir.UngovernedObserve}, true},
		"allowed by its address": {ir.Ungoverned{Action: ir.UngovernedAllow, Hosts: []string{"127.0.0.0/8"}}, true},
		"not on the list":        {ir.Ungoverned{Action: ir.UngovernedAllow, Hosts: []string{"10.0.0.0/8", "db.internal"}}, false},
		"denied":                 {ir.Ungoverned{Action: ir.UngovernedDeny}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, func(b *ir.Bundle) { b.Ungoverned = tt.action })
			c, err := net.Dial("tcp", r.listen(dst).String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			greeting := make([]byte, 24)
			n, _ := io.ReadFull(c, greeting)
			if (n == len(greeting)) != tt.passes {
				t.Fatalf("greeting %q", greeting[:n])
			}
			if !tt.passes {
				return
			}
			for _, talk := range []string{"\x00\x01\xff", "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n"} {
				if _, err := io.WriteString(c, talk); err != nil {
					t.Fatal(err)
				}
				echo := make([]byte, len(talk))
				if _, err := io.ReadFull(c, echo); err != nil || string(echo) != talk {
					t.Fatalf("echo %q, %v", echo, err)
				}
			}
		})
	}
}

// TestAGovernedNameIsGovernedOnEveryAddress, and a governed address under every name.
func TestAGovernedNameIsGovernedOnEveryAddress(t *testing.T) {
	for name, tt := range map[string]struct {
		addr, request string
		want          decide.Reason
	}{
		"the name on an address of nobody": {"198.51.100.9:80", get("GET /v1/export", ""), decide.EndpointUnknown},
		"the address under another name":   {"192.0.2.7:80", "GET /v1/customers HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n", decide.NotCanonical},
		"the address on another port":      {"192.0.2.7:8080", "GET /v1/customers HTTP/1.1\r\nHost: customers.crm:8080\r\nConnection: close\r\n\r\n", decide.HostUndeclared},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, nil)
			r.current.Load().resolver.lookup = func(_ ctx, _, host string) ([]netip.Addr, error) {
				if host == "customers.crm" {
					return []netip.Addr{netip.MustParseAddr("192.0.2.7")}, nil
				}
				return nil, nil
			}
			answer := raw(t, r.listen(netip.MustParseAddrPort(tt.addr)), tt.request)
			_, body, _ := strings.Cut(answer, "\r\n\r\n")
			if len(r.requests()) != 0 {
				t.Fatal("it reached the service")
			}
			if got := reasonOf(t, []byte(body)); got != tt.want {
				t.Errorf("reason %s, want %s", got, tt.want)
			}
		})
	}
}

// TestTLSToAGovernedHostIsRefused by its server name, on whatever address.
func TestTLSToAGovernedHostIsRefused(t *testing.T) {
	r := shop(t, nil)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	reached := make(chan struct{}, 1)
	go func() {
		if c, err := server.Accept(); err == nil {
			reached <- struct{}{}
			_ = c.Close()
		}
	}()
	addr := r.listen(netip.MustParseAddrPort(server.Addr().String()))
	hello := clientHello(t, "customers.crm")
	if got := raw(t, addr, hello); got != "\x15\x03\x03\x00\x02\x02\x31" {
		t.Errorf("no alert that access is denied: %q", got)
	}
	select {
	case <-reached:
		t.Error("the connection was made")
	case <-time.After(100 * time.Millisecond):
	}
}

// TestWhereAConnectionGoesHasToBeKnown: while nobody knows the addresses of a governed name, an address of nobody may be its. A
// connection that arrives during the first look-up waits for it as the one that started it does.
func TestWhereAConnectionGoesHasToBeKnown(t *testing.T) {
	governed := netip.MustParseAddr("192.0.2.7")
	for name, tt := range map[string]struct {
		answer func() ([]netip.Addr, error)
		passes bool
	}{
		"the names do not exist":  {func() ([]netip.Addr, error) { return nil, &net.DNSError{IsNotFound: true} }, true},
		"the names are elsewhere": {func() ([]netip.Addr, error) { return []netip.Addr{governed}, nil }, true},
		"name servers are silent": {func() ([]netip.Addr, error) { return nil, &net.DNSError{IsTimeout: true} }, false},
		"name servers fail":       {func() ([]netip.Addr, error) { return nil, &net.DNSError{IsTemporary: true} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := shop(t, func(b *ir.Bundle) { b.Ungoverned = ir.Ungoverned{Action: ir.UngovernedObserve} }).current.Load()
			s.resolver.lookup = func(ctx, string, string) ([]netip.Addr, error) { return tt.answer() }
			k := s.classify(netip.MustParseAddrPort("198.51.100.9:5432"), hello{protocol: opaque})
			if (k.verdict == splice) != tt.passes {
				t.Errorf("class %+v", k)
			}
		})
	}
	t.Run("two connections at once", func(t *testing.T) {
		s := shop(t, func(b *ir.Bundle) { b.Ungoverned = ir.Ungoverned{Action: ir.UngovernedObserve} }).current.Load()
		begun := make(chan struct{}, 100)
		s.resolver.lookup = func(ctx, string, string) ([]netip.Addr, error) {
			begun <- struct{}{}
			time.Sleep(100 * time.Millisecond)
			return []netip.Addr{governed}, nil
		}
		to := netip.AddrPortFrom(governed, 80)
		go s.classify(to, hello{protocol: opaque})
		<-begun
		if k := s.classify(to, hello{protocol: opaque}); k.verdict != refuse || !k.governed {
			t.Errorf("the second connection: %+v", k)
		}
	})
}

// TestPortsOfMailFollowUngoverned: SMTP is not enforced, so it passes exactly where what nobody declares does, and never to a governed address.
func TestPortsOfMailFollowUngoverned(t *testing.T) {
	governed := netip.MustParseAddr("192.0.2.7")
	for name, tt := range map[string]struct {
		u      ir.Ungoverned
		passes bool
	}{
		"observed": {ir.Ungoverned{Action: ir.UngovernedObserve}, true}, "denied": {ir.Ungoverned{Action: ir.UngovernedDeny}, false},
		"on the list":     {ir.Ungoverned{Action: ir.UngovernedAllow, Hosts: []string{"198.51.100.0/24"}}, true},
		"not on the list": {ir.Ungoverned{Action: ir.UngovernedAllow, Hosts: []string{"203.0.113.0/24"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := shop(t, func(b *ir.Bundle) { b.Ungoverned = tt.u }).current.Load()
			s.resolver.lookup = func(context.Context, string, string) ([]netip.Addr, error) { return []netip.Addr{governed}, nil }
			for _, port := range []uint16{25, 465, 587} {
				for _, said := range []hello{{protocol: silent}, {protocol: opaque}, {protocol: tlsHello, name: "mail.example"}} {
					if k := s.classify(netip.AddrPortFrom(netip.MustParseAddr("198.51.100.9"), port), said); (k.verdict == splice) != tt.passes {
						t.Errorf("port %d after %v: %+v", port, said, k)
					}
					if k := s.classify(netip.AddrPortFrom(governed, port), said); k.verdict == splice {
						t.Errorf("port %d of a governed service after %v: %+v", port, said, k)
					}
				}
			}
		})
	}
}
