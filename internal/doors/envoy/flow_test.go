package envoy

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// lengthy gives a server whose answers are as long as that, and what it answers.
func lengthy(size int) (*Server, []byte) {
	v := Verdict{Status: 403, Body: []byte(strings.Repeat("x", size))}
	s := allowing()
	s.Decide = func(context.Context, *Check, Metadata) Verdict { return v }
	return s, framed(v.append(nil))
}

// TestAnswersKeepToTheWindows of the connection and of the call, whichever is smaller and however it changes.
func TestAnswersKeepToTheWindows(t *testing.T) {
	s, want := lengthy(200_000)
	window := func(n uint32) http2.Setting { return http2.Setting{ID: http2.SettingInitialWindowSize, Val: n} }
	for name, c := range map[string]struct {
		first uint32
		more  func(p *peer, id uint32)
		// after is how much comes before more is allowed.
		after int
	}{
		"nothing at first, then by settings": {0, func(p *peer, _ uint32) { p.write(p.f.WriteSettings(window(1 << 20))) }, 0},
		"nothing at first, then by windows":  {0, func(p *peer, id uint32) { p.write(p.f.WriteWindowUpdate(id, 1<<20)) }, 0},
		"a little at first":                  {100, func(p *peer, id uint32) { p.write(p.f.WriteWindowUpdate(id, 1<<20)) }, 100},
		"more than the connection":           {1 << 20, func(*peer, uint32) {}, firstWindow},
		"less by settings than what was sent": {1000, func(p *peer, id uint32) {
			p.write(p.f.WriteSettings(window(0)))
			p.write(p.f.WriteWindowUpdate(id, 1<<20))
		}, 1000},
		"the same for two, the first given up": {0, func(p *peer, id uint32) {
			p.write(p.f.WriteRSTStream(id-2, http2.ErrCodeCancel))
			p.write(p.f.WriteWindowUpdate(id, 1<<20))
		}, 0},
		"in steps that are smaller than a frame": {0, func(p *peer, id uint32) {
			for range 400 {
				p.write(p.f.WriteWindowUpdate(id, 1000))
			}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, s, window(c.first))
			for range 2 {
				p.write(p.f.WriteData(p.open(), true, framed(example())))
			}
			// The first takes what the connection has, where it is that which is short; then all that is left is for the second.
			first, id := uint32(1), uint32(3)
			if c.after == firstWindow {
				got := p.until(first)
				if len(got) != c.after {
					t.Fatalf("%d bytes came, want %d", len(got), c.after)
				}
				p.write(p.f.WriteWindowUpdate(0, uint32(len(want)-c.after)))
				if a := p.answer(first); !bytes.Equal(append(got, a.body...), want) {
					t.Fatalf("%d bytes of the first answer", len(a.body))
				}
				p.write(p.f.WriteWindowUpdate(0, 1<<20))
				if a := p.answer(id); !bytes.Equal(a.body, want) || a.fields["grpc-status"] != codeOK {
					t.Errorf("%d bytes of the second, %v", len(a.body), a.fields)
				}
				return
			}
			p.write(p.f.WriteWindowUpdate(0, 1<<20))
			got := p.until(id)
			if len(got) != c.after {
				t.Fatalf("%d bytes came, want %d", len(got), c.after)
			}
			c.more(p, id)
			a := p.answer(id)
			if !bytes.Equal(append(got, a.body...), want) || a.fields["grpc-status"] != codeOK {
				t.Errorf("%d and %d bytes, %v", len(got), len(a.body), a.fields)
			}
		})
	}
}

// until gives what came of the body of a call until two pings were answered: what is answered at once goes out before answers do.
func (p *peer) until(id uint32) (body []byte) {
	p.t.Helper()
	for range 2 {
		p.write(p.f.WritePing(false, [8]byte{1}))
		for answered := false; !answered; {
			switch f := p.frame().(type) {
			case *http2.PingFrame:
				answered = f.IsAck()
			case *http2.DataFrame:
				if f.StreamID == id {
					body = append(body, f.Data()...)
				}
			case nil:
				p.t.Fatal("the connection ended")
			}
		}
	}
	return body
}

// TestTheEncoderSaysThatItRemembersNothing, again whenever the peer changes what it may: a decoder that is told to remember less waits for it.
func TestTheEncoderSaysThatItRemembersNothing(t *testing.T) {
	p := dial(t, allowing())
	p.f.ReadMetaHeaders = nil
	blocks := func() (out [][]byte) {
		p.write(p.f.WriteData(p.open(), true, framed(example())))
		for len(out) < 2 {
			if f, ok := p.frame().(*http2.HeadersFrame); ok {
				out = append(out, bytes.Clone(f.HeaderBlockFragment()))
			}
		}
		return out
	}
	for _, want := range []bool{true, false, true, false} {
		if got := blocks(); (got[0][0] == resized[0]) != want || got[1][0] == resized[0] {
			t.Errorf("%q, want the change of size at the beginning: %v", got, want)
		}
		if !want {
			p.write(p.f.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0}))
		}
	}
}

// TestWindowsAreGivenBack as what comes is out of the way, so that large messages arrive however they are cut.
func TestWindowsAreGivenBack(t *testing.T) {
	large := framed(text(example(), 77, strings.Repeat("x", 9<<20)))
	p := dial(t, allowing())
	for range 2 {
		for _, size := range []int{maxFrame, 5000} {
			if got := p.callInPieces(large, size); !got.allowed() {
				t.Fatalf("%+v", got)
			}
		}
	}
	if given := p.given[0]; given < 3*len(large) {
		t.Errorf("%d bytes given back to the connection", given)
	}
}

// TestCallsBeyondTheMostAreRefused, those that were given up but are still decided about among them.
func TestCallsBeyondTheMostAreRefused(t *testing.T) {
	enter, leave := make(chan struct{}, maxStreams), make(chan struct{})
	s := allowing()
	s.Decide = func(context.Context, *Check, Metadata) Verdict {
		enter <- struct{}{}
		<-leave
		return Verdict{Allow: true}
	}
	large := framed(text(example(), 77, strings.Repeat("x", 2*inline)))
	p := dial(t, s)
	for range maxStreams {
		id := p.open()
		for b := large; len(b) > 0; {
			n := min(len(b), maxFrame)
			p.write(p.f.WriteData(id, n == len(b), b[:n]))
			b = b[n:]
		}
		<-enter
		p.write(p.f.WriteRSTStream(id, http2.ErrCodeCancel))
	}
	id := p.open()
	if got := p.answer(id); got.reset != http2.ErrCodeRefusedStream {
		t.Errorf("one too many: %+v", got)
	}
	close(leave)
	s.Decide = allowing().Decide
	for range maxStreams {
		if got := p.call(framed(example())); got.allowed() {
			return
		} else if got.reset != http2.ErrCodeRefusedStream {
			t.Fatalf("%+v", got)
		}
	}
	t.Error("calls that were given up count for ever")
}

// TestManyResetsCostNothing: what is given up at once is not decided about, and nothing of it is left.
func TestManyResetsCostNothing(t *testing.T) {
	decided := 0
	s := allowing()
	s.Decide = func(context.Context, *Check, Metadata) Verdict { decided++; return Verdict{Allow: true} }
	p := dial(t, s)
	for range 10 * maxStreams {
		id := p.open()
		p.write(p.f.WriteData(id, false, framed(example())[:10]))
		p.write(p.f.WriteRSTStream(id, http2.ErrCodeCancel))
	}
	if got := p.call(framed(example())); !got.allowed() || decided != 1 {
		t.Errorf("%d decided; %+v", decided, got)
	}
	// The same where all of it comes at once, and whole.
	id := p.open()
	all := append(dataFrame(id, true, framed(example())), resetFrame(id)...)
	_, err := p.Write(all)
	p.write(err)
	if got := p.call(framed(example())); !got.allowed() || decided != 2 {
		t.Errorf("%d decided; %+v", decided, got)
	}
}

func resetFrame(id uint32) []byte { return appendReset(nil, id, cancelled) }

// TestLargeMessagesHoldNobodyUp: others of the connection are answered while one is decided about.
func TestLargeMessagesHoldNobodyUp(t *testing.T) {
	enter, leave := make(chan struct{}), make(chan struct{})
	s := allowing()
	s.Decide = func(_ context.Context, _ *Check, m Metadata) Verdict {
		if m.Get("x-large") != "" {
			enter <- struct{}{}
			<-leave
		}
		return Verdict{Allow: true}
	}
	p := dial(t, s)
	id := p.open("x-large", "1")
	for b := framed(text(example(), 77, strings.Repeat("x", 2*inline))); len(b) > 0; {
		n := min(len(b), maxFrame)
		p.write(p.f.WriteData(id, n == len(b), b[:n]))
		b = b[n:]
	}
	<-enter
	for i := range 3 {
		if got := p.call(framed(example())); !got.allowed() {
			t.Errorf("%s: %+v", fmt.Sprint(i), got)
		}
	}
	close(leave)
	if got := p.answer(id); !got.allowed() {
		t.Errorf("%+v", got)
	}
}
