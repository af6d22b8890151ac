package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	h2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// half is a service over HTTP/2 of which only a part is alive.
type half struct {
	// plain tells that it does not even begin TLS.
	plain bool
	// mute tells that it answers no ping.
	mute     bool
	settings []h2.Setting
	// served is how many requests it answers before it falls silent; head, that it begins to answer the next.
	served int
	head   bool
}

func (s *half) listen(t *testing.T, r *road) {
	t.Helper()
	certificate, roots := certificateFor(t, "customers.crm", "api.esp")
	r.proxy.Roots = roots
	l := serving(t, func(ctx context.Context, c net.Conn) {
		if !s.plain {
			s.serve(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}))
		}
		<-ctx.Done() // it is never closed
	})
	r.proxy.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
	}
}

func (s *half) serve(c net.Conn) {
	if _, err := io.ReadFull(c, make([]byte, len(h2.ClientPreface))); err != nil {
		return
	}
	f := h2.NewFramer(c, c)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	head := func(stream uint32, end bool) {
		block.Reset()
		_ = encoder.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
		_ = encoder.WriteField(hpack.HeaderField{Name: "content-length", Value: fmt.Sprint(map[bool]int{false: 10, true: 0}[end])})
		_ = f.WriteHeaders(h2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: end})
	}
	_ = f.WriteSettings(s.settings...)
	for n := 0; ; {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *h2.PingFrame:
			if !frame.IsAck() && (!s.mute || n < s.served) {
				_ = f.WritePing(true, frame.Data)
			}
		case *h2.HeadersFrame:
			if n++; n <= s.served {
				head(frame.StreamID, true)
			} else if s.head {
				head(frame.StreamID, false)
			}
		}
	}
}

// TestServicesThatVanishOverHTTP2: a connection may be alive, as its pings show, and the service behind it not.
func TestServicesThatVanishOverHTTP2(t *testing.T) {
	body := strings.Repeat("x", 1<<20)
	upload := fmt.Sprintf("POST /v1/notes/a HTTP/1.1\r\nHost: customers.crm\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	note := get("GET /v1/notes/a", "")
	for name, tt := range map[string]struct {
		service half
		request string
		// want is the status; empty for an answer that is cut.
		want string
	}{
		"no TLS":                           {half{plain: true}, note, "504"},
		"no answer":                        {half{}, note, "504"},
		"no answer, and none to pings":     {half{mute: true}, note, "502"},
		"none on a connection that is old": {half{mute: true, served: 1}, note, "502"},
		"a head":                           {half{head: true}, note, ""},
		"a head, and no answer to pings":   {half{head: true, mute: true}, note, ""},
		"no room for a body":               {half{settings: []h2.Setting{{ID: h2.SettingInitialWindowSize, Val: 0}}}, upload, "504"},
		"no room for a whole body":         {half{}, upload, "504"},
		"no room for a request":            {half{settings: []h2.Setting{{ID: h2.SettingMaxConcurrentStreams, Val: 0}}}, note, "504"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := shop(t, func(b *ir.Bundle) {
				noted(b)
				for i := range b.Services {
					if b.Services[i].Name == "crm/customers" {
						b.Services[i].Ports = []ir.Port{{Port: 80, Protocol: "HTTP", TLSPort: 443}}
					}
				}
			})
			r.proxy.stall = 400 * time.Millisecond
			tt.service.listen(t, r)
			addr := r.listen(service)
			for range tt.service.served {
				untilTheEnd(t, addr, note)
			}
			got := untilTheEnd(t, addr, tt.request)
			if tt.want == "" {
				if got != "" && !strings.HasPrefix(got, "HTTP/1.1 200 ") {
					t.Errorf("answer %.300q", got)
				}
			} else if !strings.HasPrefix(got, "HTTP/1.1 "+tt.want+" ") {
				t.Errorf("answer %.300q", got)
			}
			nothingLeft(t, r)
		})
	}
}

// TestQuietStreamsOverHTTP2: a stream may be silent for longer than other answers, also towards an application over HTTP/2.
func TestQuietStreamsOverHTTP2(t *testing.T) {
	for path, watched := range map[string]bool{"/v1/feed": false, "/v1/notes/feed": false, "/v1/feed?": true} {
		r := withEndpoints(t, ir.OnMissingDropRecord, "", feed("application/x-ndjson"))
		noted(r.bundle())
		if watched {
			watching(r.bundle())
		}
		r.current.Store(&State{Index: decide.NewIndex(r.bundle()), Facts: r.current.Load().Facts, resolver: r.current.Load().resolver})
		r.proxy.stall = 200 * time.Millisecond
		const line = `{"email":"anna@example.org"}` + "\n"
		r.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Content-Type", "application/x-ndjson")
			for i := range 2 {
				_, _ = io.WriteString(w, line)
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Duration(1-i) * 5 * r.proxy.stall)
			}
		}
		transport := &http.Transport{Protocols: &http.Protocols{}}
		transport.Protocols.SetUnencryptedHTTP2(true)
		req, err := http.NewRequest(http.MethodGet, "http://"+r.listen(service).String()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "customers.crm"
		res, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		if err != nil || string(got) != line+line {
			t.Errorf("%s: %v, %q", path, err, got)
		}
		_ = res.Body.Close()
		transport.CloseIdleConnections()
	}
}
