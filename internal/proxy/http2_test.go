package proxy

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	h2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestHTTP2 speaks to the sidecar in frames.
func TestHTTP2(t *testing.T) {
	for name, tt := range map[string]struct {
		fields [][2]string
		passes bool
	}{
		"the plain form":          {[][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "/v1/customers"}}, true},
		"no slash":                {[][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "v1/customers"}}, false},
		"an absolute path":        {[][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "http://customers.crm/v1/customers"}}, false},
		"a star":                  {[][2]string{{":method", "OPTIONS"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "*"}}, false},
		"no path":                 {[][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "customers.crm"}}, false},
		"CONNECT without a path":  {[][2]string{{":method", "CONNECT"}, {":authority", "customers.crm"}}, false},
		"CONNECT to a web socket": {[][2]string{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "/v1/customers"}}, false},
		"another host besides":    {[][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "/v1/customers"}, {"host", "api.esp"}}, false},
		"the same host besides":   {[][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "/v1/customers"}, {"host", "customers.crm"}}, true},
		"a host only":             {[][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/v1/customers"}, {"host", "customers.crm"}}, true},
		"two paths":               {[][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "/v1/customers"}, {":path", "/v1/export"}}, false},
		"a transfer encoding":     {[][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "/v1/customers"}, {"transfer-encoding", "chunked"}}, false},
		"a connection header":     {[][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "/v1/customers"}, {"connection", "close"}}, false},
		"a line in a header":      {[][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "/v1/customers"}, {"x-a", "b\r\nX-HTTP-Method: POST"}}, false},
		"a space in the method":   {[][2]string{{":method", "GET /v1/export"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "/v1/customers"}}, false},
		"a space in the path":     {[][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "customers.crm"}, {":path", "/v1/customers HTTP/1.1\r\nHost: x"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, noted)
			w := onWire(t, r, emptyList)
			f := framed(t, r.listen(service))
			f.headers(1, true, tt.fields...)
			status := f.status(1)
			if want := "GET /v1/customers HTTP/1.1\r\nHost: customers.crm\r\nAccept-Encoding: identity\r\n\r\n"; tt.passes && (status != "200" || w.got() != want) {
				t.Errorf("status %q, %q reached the service", status, w.got())
			}
			if !tt.passes && (w.got() != "" || status == "200") {
				t.Errorf("status %q, %q reached the service", status, w.got())
			}
		})
	}
}

// frames is a client that speaks HTTP/2 by hand.
type frames struct {
	t    testing.TB
	conn net.Conn
	*h2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
}

func framed(t testing.TB, addr net.Addr) *frames {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, h2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	f := &frames{t: t, conn: c, Framer: h2.NewFramer(c, c)}
	f.encoder = hpack.NewEncoder(&f.block)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *frames) encode(fields ...[2]string) []byte {
	f.block.Reset()
	for _, h := range fields {
		_ = f.encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	return f.block.Bytes()
}

func (f *frames) headers(stream uint32, end bool, fields ...[2]string) {
	_ = f.WriteHeaders(h2.HeadersFrameParam{StreamID: stream, BlockFragment: f.encode(fields...), EndStream: end, EndHeaders: true})
}

// status waits for the status of a stream; empty if it or the connection was ended.
func (f *frames) status(stream uint32) string {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return ""
		}
		switch frame := frame.(type) {
		case *h2.MetaHeadersFrame:
			if frame.StreamID == stream {
				return frame.PseudoValue("status")
			}
		case *h2.RSTStreamFrame:
			if frame.StreamID == stream {
				return ""
			}
		case *h2.GoAwayFrame:
			return ""
		case *h2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
		}
	}
}
