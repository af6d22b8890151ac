package envoy

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// script is a connection that says what it was given, in pieces, and then is gone.
type script struct {
	net.Conn
	said    []byte
	piece   int
	written []byte
}

func (s *script) Read(b []byte) (int, error) {
	if len(s.said) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.said[:min(s.piece, len(s.said))])
	s.said = s.said[n:]
	return n, nil
}

func (s *script) Write(b []byte) (int, error) {
	s.written = append(s.written, b...)
	return len(b), nil
}
func (s *script) Close() error                     { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// FuzzConnection: whatever a peer says, in pieces or at once, nothing panics, nothing stays held, and what is said back are
// whole frames of a size that may be.
func FuzzConnection(f *testing.F) {
	head := append([]byte{}, http2.ClientPreface...)
	head = append(head, appendSettings(nil, settingWindow, 10)...)
	fields := "\x83\x86\x04" + string(rune(len(checkPath))) + checkPath + "\x0f\x10\x10application/grpc"
	call := append(appendHead(nil, len(fields), frameHeaders, flagEndHeaders, 1), fields...)
	call = append(call, dataFrame(1, true, framed(example()))...)
	f.Add(append(append([]byte{}, head...), call...), 1)
	f.Add(append(append(append([]byte{}, head...), call...), appendWindow(appendWindow(nil, 1, 1000), 0, 1000)...), 40)
	f.Add(append(append(append([]byte{}, head...), call...), appendReset(nil, 1, cancelled)...), 9)
	f.Add(append(append([]byte{}, head...), dataFrame(1, true, nil)...), 100)
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		for _, n := range []int{1 << 20, piece&0xff + 1} {
			var held atomic.Int64
			s := allowing()
			s.patience = usual
			s.Decide = func(_ context.Context, c *Check, _ Metadata) Verdict { return Verdict{Allow: c.Method != ""} }
			s.Hold = func(n int64) (func(), bool) {
				if n >= 1<<20 {
					return nil, false
				}
				held.Add(n)
				return func() { held.Add(-n) }, true
			}
			s.Panicked = func() { t.Error("a panic") }
			c := &script{said: b, piece: n}
			s.newConn(t.Context(), c).serve()
			s.calls.Wait()
			if held.Load() != 0 {
				t.Errorf("%d bytes stay held", held.Load())
			}
			for rest := c.written; len(rest) > 0; {
				f, size, ok := next(rest)
				if !ok || size > headSize+maxFrame || f.kind > frameContinuation {
					t.Fatalf("%q is no frame", rest)
				}
				rest = rest[size:]
			}
		}
	})
}
