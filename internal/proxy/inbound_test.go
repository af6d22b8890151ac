package proxy

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/optup/optup/internal/ir"
)

// inboundAt serves connections to the pod that were "redirected" from dst, with changes, and gives where to dial.
func (r *road) inboundAt(dst netip.AddrPort, changes ...func(r *road)) net.Addr {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.proxy.Original = func(net.Conn) (netip.AddrPort, error) { return dst, nil }
	for _, change := range changes {
		change(r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.t.Cleanup(cancel)
	go func() { _ = r.proxy.ServeInbound(ctx, l) }()
	return l.Addr()
}

// echoing is an application that gives back what it was sent once the other side has ended, and then says goodbye.
func echoing(t *testing.T) (at netip.AddrPort, reached chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	reached = make(chan struct{}, 16)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			reached <- struct{}{}
			go func() {
				defer func() { _ = c.Close() }()
				got, _ := io.ReadAll(c)
				_, _ = c.Write(append(got, " goodbye"...))
			}()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String()), reached
}

// TestWhatIsNotGovernedInThePodPasses byte for byte, in both directions, the end of one before the end of the other.
func TestWhatIsNotGovernedInThePodPasses(t *testing.T) {
	app, _ := echoing(t)
	for name, hook := range map[string]func(context.Context, net.Conn, netip.AddrPort) bool{
		"nobody takes any":        nil,
		"nobody takes this one's": func(_ context.Context, _ net.Conn, dst netip.AddrPort) bool { return dst != app },
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, func(b *ir.Bundle) { b.Ungoverned = ir.Ungoverned{Action: ir.UngovernedDeny} }) // which is about what goes out
			c, err := net.Dial("tcp", r.inboundAt(app, func(r *road) { r.proxy.Inbound = hook }).String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			_, _ = io.WriteString(c, "\x00GET / HTTP/1.1\r\n")
			_ = c.(*net.TCPConn).CloseWrite()
			if got, err := io.ReadAll(c); string(got) != "\x00GET / HTTP/1.1\r\n goodbye" {
				t.Errorf("read %q, %v", got, err)
			}
		})
	}
}

// TestConnectionsToThePodThatDoNotPass: nothing reaches the application past a hook that took them, fails or panics, without a bundle, or
// where nobody knows where they went.
func TestConnectionsToThePodThatDoNotPass(t *testing.T) {
	for name, change := range map[string]func(r *road){
		"the hook takes it": func(r *road) {
			r.proxy.Inbound = func(_ context.Context, c net.Conn, _ netip.AddrPort) bool { return c.Close() == nil }
		},
		"the hook panics": func(r *road) {
			r.proxy.Inbound = func(context.Context, net.Conn, netip.AddrPort) bool { panic("oops") }
		},
		"no bundle": func(r *road) { r.proxy.Current = &Current{} },
		"not redirected": func(r *road) {
			r.proxy.Original = func(net.Conn) (netip.AddrPort, error) { return netip.AddrPort{}, net.ErrClosed }
		},
	} {
		t.Run(name, func(t *testing.T) {
			app, reached := echoing(t)
			if got := raw(t, shop(t, nil).inboundAt(app, change), "hello"); got != "" {
				t.Errorf("read %q", got)
			}
			select {
			case <-reached:
				t.Error("it reached the application")
			case <-time.After(50 * time.Millisecond):
			}
		})
	}
	t.Run("the sidecar's own port", func(t *testing.T) {
		dialled := make(chan struct{}, 1000)
		at := shop(t, nil).inboundAt(netip.AddrPort{}, func(r *road) {
			r.proxy.Original = func(c net.Conn) (netip.AddrPort, error) {
				dialled <- struct{}{}
				return netip.ParseAddrPort(c.LocalAddr().String())
			}
		})
		raw(t, at, "hello")
		if n := len(dialled); n != 1 {
			t.Errorf("the connection came back %d times", n-1)
		}
	})
}
