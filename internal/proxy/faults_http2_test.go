package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	h2 "golang.org/x/net/http2"

	"github.com/optup/optup/internal/ir"
)

var plainGet = [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "/v1/customers"}}

// TestFloodsOverHTTP2: a client that floods the sidecar loses its connection, and nobody else notices.
func TestFloodsOverHTTP2(t *testing.T) {
	for name, flood := range map[string]func(*frames) error{
		"requests that are reset at once": func(f *frames) error {
			for i := uint32(1); i < 20000; i += 2 {
				f.headers(i, true, plainGet...)
				if err := f.WriteRSTStream(i, h2.ErrCodeCancel); err != nil {
					return err
				}
			}
			return nil
		},
		"headers without an end": func(f *frames) error {
			if err := f.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: f.encode(plainGet...)}); err != nil {
				return err
			}
			more := bytes.Clone(f.encode([2]string{"x-a", strings.Repeat("a", 1000)}))
			for range 50000 {
				if err := f.WriteContinuation(1, false, more); err != nil {
					return err
				}
			}
			return nil
		},
		"headers beyond all measure": func(f *frames) error {
			fields := append([][2]string(nil), plainGet...)
			for i := range 300 {
				fields = append(fields, [2]string{fmt.Sprintf("x-%d", i), strings.Repeat("a", 1000)})
			}
			block := f.encode(fields...)
			_ = f.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:16000], EndStream: true})
			for block = block[16000:]; len(block) > 16000; block = block[16000:] {
				if err := f.WriteContinuation(1, false, block[:16000]); err != nil {
					return err
				}
			}
			return f.WriteContinuation(1, true, block)
		},
		"pings":    func(f *frames) error { return repeat(50000, func() error { return f.WritePing(false, [8]byte{}) }) },
		"settings": func(f *frames) error { return repeat(50000, func() error { return f.WriteSettings() }) },
		"a frame size of nothing": func(f *frames) error {
			return f.WriteSettings(h2.Setting{ID: h2.SettingMaxFrameSize, Val: 0})
		},
		"empty data": func(f *frames) error {
			f.headers(1, false, append([][2]string{{":method", "POST"}}, plainGet[1:]...)...)
			return repeat(50000, func() error { return f.WriteData(1, false, nil) })
		},
		"a window of nothing": func(f *frames) error {
			_ = f.WriteSettings(h2.Setting{ID: h2.SettingInitialWindowSize, Val: 0})
			for i := uint32(1); i < 400; i += 2 {
				f.headers(i, true, plainGet...)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, nil)
			addr := r.listen(service)
			raw(t, addr, get("GET /v1/customers", ""))
			memory, goroutines := heap(), runtime.NumGoroutine()
			f := framed(t, addr)
			go func() { _, _ = io.Copy(io.Discard, f.conn) }()
			_ = flood(f)
			served(t, addr, memory, 64<<20)
			_ = f.conn.Close()
			settled(t, r.proxy, goroutines)
			served(t, addr, memory, 32<<20)
		})
	}
}

func repeat(n int, do func() error) error {
	for range n {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// TestAStreamThatIsNotReadEnds: over HTTP/2 the connection goes on while one stream is held up, so that the stream has a time of its own.
func TestAStreamThatIsNotReadEnds(t *testing.T) {
	r := shop(t, nil)
	r.proxy.stall = 300 * time.Millisecond
	addr := r.listen(service)
	goroutines := runtime.NumGoroutine()
	f := framed(t, addr)
	_ = f.WriteSettings(h2.Setting{ID: h2.SettingInitialWindowSize, Val: 0})
	f.headers(1, true, plainGet...)
	reset := make(chan bool, 1)
	go func() {
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				reset <- false
				return
			}
			switch frame := frame.(type) {
			case *h2.RSTStreamFrame:
				reset <- frame.StreamID == 1
				return
			case *h2.PingFrame:
				if !frame.IsAck() {
					_ = f.WritePing(true, frame.Data)
				}
			}
		}
	}()
	select {
	case ok := <-reset:
		if !ok {
			t.Error("the connection ended")
		}
	case <-time.After(30 * time.Second):
		t.Error("the stream is still open")
	}
	_ = f.conn.Close()
	settled(t, r.proxy, goroutines)
}

// TestServicesThatMisbehave over HTTP/2 and TLS: the sidecar is their client, and must come out of it.
func TestServicesThatMisbehave(t *testing.T) {
	for name, answer := range map[string]func(*h2.Framer) error{
		"a frame size of nothing": func(f *h2.Framer) error {
			return f.WriteSettings(h2.Setting{ID: h2.SettingMaxFrameSize, Val: 0})
		},
		"a frame size beyond all measure": func(f *h2.Framer) error {
			return f.WriteSettings(h2.Setting{ID: h2.SettingMaxFrameSize, Val: 1 << 30})
		},
		"headers without an end": func(f *h2.Framer) error {
			_ = f.WriteSettings()
			_ = f.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x88}})
			return repeat(100000, func() error { return f.WriteContinuation(1, false, bytes.Repeat([]byte{0x0f, 0x00, 0x01, 'a'}, 1000)) })
		},
		"a reset": func(f *h2.Framer) error {
			_ = f.WriteSettings()
			return f.WriteRSTStream(1, h2.ErrCodeInternal)
		},
		"a promise": func(f *h2.Framer) error {
			_ = f.WriteSettings()
			return f.WritePushPromise(h2.PushPromiseParam{StreamID: 1, PromiseID: 2, BlockFragment: []byte{0x82}, EndHeaders: true})
		},
		"resets of streams that never were": func(f *h2.Framer) error {
			_ = f.WriteSettings()
			return repeat(10000, func() error { return f.WriteRSTStream(9, h2.ErrCodeCancel) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := encryptedShop(t)
			certificate, roots := certificateFor(t, "customers.crm", "api.esp")
			r.proxy.Roots = roots
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			go misbehave(l, answer)
			r.proxy.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
			}
			addr := r.listen(service)
			memory, goroutines := heap(), runtime.NumGoroutine()
			got := raw(t, addr, get("GET /v1/customers", ""))
			if !strings.HasPrefix(got, "HTTP/1.1 502 ") {
				t.Errorf("answer %.200q", got)
			}
			if now := heap(); now > memory+32<<20 {
				t.Errorf("%d MiB more are in use", (now-memory)>>20)
			}
			_ = l.Close()
			r.proxy.transport.CloseIdleConnections()
			settled(t, r.proxy, goroutines)
		})
	}
}

// encryptedShop speaks TLS to the customers' service.
func encryptedShop(t *testing.T) *road {
	return shop(t, func(b *ir.Bundle) {
		for i := range b.Services {
			if b.Services[i].Name == "crm/customers" {
				b.Services[i].Ports = []ir.Port{{Port: 80, Protocol: "HTTP", TLSPort: 443}}
			}
		}
	})
}

func misbehave(l net.Listener, answer func(*h2.Framer) error) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(3 * time.Second)) // sooner than the client's patience ends
			preface := make([]byte, len(h2.ClientPreface))
			if _, err := io.ReadFull(c, preface); err != nil {
				return
			}
			f := h2.NewFramer(c, c)
			for { // until the request is there
				frame, err := f.ReadFrame()
				if err != nil {
					return
				}
				if _, ok := frame.(*h2.HeadersFrame); ok {
					break
				}
			}
			_ = answer(f)
			_, _ = io.Copy(io.Discard, c)
		}()
	}
}
