package envoy

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// allowing is a server that lets everything pass that it can read.
func allowing() *Server {
	return &Server{
		Decide: func(context.Context, *Check, Metadata) Verdict { return Verdict{Allow: true} },
		Refuse: func(u Unreadable) Verdict { return Verdict{Status: 500 + int(u)} },
		Hold:   func(int64) (func(), bool) { return func() {}, true },
		Ready:  func() bool { return true }, Panicked: func() {},
	}
}

// framed puts the prefix of gRPC before a message.
func framed(message []byte) []byte {
	return append([]byte{0, byte(len(message) >> 24), byte(len(message) >> 16), byte(len(message) >> 8), byte(len(message))}, message...)
}

// peer is a connection to a server, frame by frame. It is for one goroutine.
type peer struct {
	net.Conn
	t      *testing.T
	f      *http2.Framer
	fields bytes.Buffer
	enc    *hpack.Encoder
	next   uint32
	// given is by how much the server enlarged the windows of the connection and of calls.
	given map[uint32]int
}

// serve has a server answer, and gives its address and what ends it.
func serve(t *testing.T, s *Server) (address string, end func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	ended := false
	end = func() error {
		if cancel(); ended {
			return nil
		}
		ended = true
		select {
		case err := <-done:
			return err
		case <-time.After(30 * time.Second):
			return errors.New("the server does not end")
		}
	}
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), end
}

// dial serves and connects.
func dial(t *testing.T, s *Server, settings ...http2.Setting) *peer {
	t.Helper()
	address, _ := serve(t, s)
	p := connect(t, address)
	p.write(p.f.WriteSettings(settings...))
	return p
}

// connect sends the preface and nothing else.
func connect(t *testing.T, address string) *peer {
	t.Helper()
	return connectSaying(t, address, http2.ClientPreface)
}

func connectSaying(t *testing.T, address, preface string) *peer {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{Conn: c, t: t, f: http2.NewFramer(c, c), next: 1, given: map[uint32]int{}}
	p.f.AllowIllegalWrites = true
	p.f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.enc = hpack.NewEncoder(&p.fields)
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	_, err = c.Write([]byte(preface))
	p.write(err)
	return p
}

// write fails the test if something could not be written.
func (p *peer) write(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// block encodes pairs of a name and a value; those with no value are left out.
func (p *peer) block(pairs ...string) []byte {
	p.fields.Reset()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			p.write(p.enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]}))
		}
	}
	return bytes.Clone(p.fields.Bytes())
}

// head is the fields of a check.
func (p *peer) head(more ...string) []byte {
	return p.block(append([]string{":method", "POST", ":scheme", "http", ":path", checkPath, ":authority", "x", "content-type", "application/grpc", "te", "trailers"}, more...)...)
}

// open begins a call.
func (p *peer) open(more ...string) uint32 {
	p.t.Helper()
	id := p.next
	p.next += 2
	p.write(p.f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.head(more...), EndHeaders: true}))
	return id
}

// answer is what came of a call.
type answer struct {
	fields map[string]string
	body   []byte
	reset  http2.ErrCode
	code   http2.ErrCode
	// closed tells that the connection ended, away that the server said so, with the code.
	closed, away bool
}

func (a answer) allowed() bool {
	return a.fields["grpc-status"] == codeOK && len(a.body) > prefix && bytes.Equal(a.body[prefix:], (&Verdict{Allow: true}).append(nil))
}

func (a answer) refused(why Unreadable) bool {
	return a.fields["grpc-status"] == codeOK && len(a.body) > prefix && bytes.Equal(a.body[prefix:], (&Verdict{Status: 500 + int(why)}).append(nil))
}

// frame reads the next frame but for settings and windows, which it takes note of; nil when the connection has ended.
func (p *peer) frame() http2.Frame {
	p.t.Helper()
	for {
		f, err := p.f.ReadFrame()
		var timeout net.Error
		switch f := f.(type) {
		case nil:
			if errors.As(err, &timeout) && timeout.Timeout() {
				p.t.Fatal("nothing comes")
			}
			return nil
		case *http2.SettingsFrame:
		case *http2.WindowUpdateFrame:
			p.given[f.StreamID] += int(f.Increment)
		default:
			return f
		}
	}
}

// answer reads until a call is over, or the connection is.
func (p *peer) answer(id uint32) answer {
	p.t.Helper()
	a := answer{fields: map[string]string{}}
	for {
		switch f := p.frame().(type) {
		case nil:
			a.closed = true
			return a
		case *http2.GoAwayFrame:
			a.away, a.code = true, f.ErrCode
		case *http2.MetaHeadersFrame:
			if f.StreamID != id {
				continue
			}
			for _, h := range f.Fields {
				a.fields[h.Name] = h.Value
			}
			if f.StreamEnded() {
				return a
			}
		case *http2.DataFrame:
			if f.StreamID == id {
				a.body = append(a.body, f.Data()...)
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == id {
				a.reset = f.ErrCode
				return a
			}
		}
	}
}

// call makes a call in frames that are as large as they may be.
func (p *peer) call(body []byte, more ...string) answer {
	p.t.Helper()
	return p.callInPieces(body, maxFrame, more...)
}

// callInPieces sends a body in pieces, and no more of it than the server takes.
func (p *peer) callInPieces(body []byte, size int, more ...string) answer {
	p.t.Helper()
	id := p.open(more...)
	size = min(size, maxFrame)
	left := streamWindow
	for len(body) > 0 {
		n := min(size, len(body))
		for left < n {
			f, err := p.f.ReadFrame()
			if err != nil {
				p.t.Fatal(err)
			}
			switch f := f.(type) {
			case *http2.WindowUpdateFrame:
				p.given[f.StreamID] += int(f.Increment)
				if f.StreamID == id {
					left += int(f.Increment)
				}
			case *http2.MetaHeadersFrame, *http2.DataFrame:
				if f.Header().StreamID == id {
					return p.early(id, f)
				}
			}
		}
		p.write(p.f.WriteData(id, false, body[:n]))
		left -= n
		body = body[n:]
	}
	p.write(p.f.WriteData(id, true, nil))
	return p.answer(id)
}

// health asks for that of a service.
func (p *peer) health(about string) answer {
	p.t.Helper()
	id := p.next
	p.next += 2
	block := p.block(":method", "POST", ":scheme", "http", ":path", healthPath, "content-type", "application/grpc")
	p.write(p.f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true}))
	p.write(p.f.WriteData(id, true, framed(text(nil, 1, about))))
	return p.answer(id)
}

// early is an answer that came before everything was sent, from its first frame on.
func (p *peer) early(id uint32, f http2.Frame) answer {
	a := p.answer(id)
	if d, ok := f.(*http2.DataFrame); ok {
		a.body = append(bytes.Clone(d.Data()), a.body...)
	}
	return a
}
