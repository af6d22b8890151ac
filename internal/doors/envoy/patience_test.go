package envoy

import (
	"context"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// soon is a patience that ends within a test.
func soon() patience {
	const ever = time.Hour
	return patience{start: ever, frame: ever, call: ever, write: ever, end: ever, silence: ever, pong: ever, idle: ever, look: 10 * time.Millisecond}
}

const moment = 200 * time.Millisecond

// TestNobodyIsWaitedForForEver: each time has a bound of its own.
func TestNobodyIsWaitedForForEver(t *testing.T) {
	for name, c := range map[string]struct {
		bound func(*patience)
		send  func(*peer)
		want  func(answer) bool
	}{
		"somebody who says nothing": {func(p *patience) { p.start = moment }, func(*peer) {}, func(a answer) bool { return a.closed && !a.away }},
		"somebody who begins only": {
			func(p *patience) { p.start = moment }, func(p *peer) { _, err := p.Write([]byte{0, 0}); p.write(err) },
			func(a answer) bool { return a.closed && !a.away },
		},
		"a part of a frame": {func(p *patience) { p.frame = moment }, func(p *peer) {
			p.write(p.f.WriteSettings())
			_, err := p.Write([]byte{0, 0, 8, 6})
			p.write(err)
		}, func(a answer) bool { return a.closed && !a.away }},
		"a part of the fields": {func(p *patience) { p.frame = moment }, func(p *peer) {
			p.write(p.f.WriteSettings())
			p.write(p.f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.head()[:3]}))
		}, func(a answer) bool { return a.closed && !a.away }},
		"a part of a message, which is denied": {func(p *patience) { p.call = moment }, func(p *peer) {
			p.write(p.f.WriteSettings())
			p.write(p.f.WriteData(p.open(), false, framed(example())[:20]))
		}, func(a answer) bool { return a.refused(Malformed) }},
		"an answer that is not taken": {func(p *patience) { p.call = moment }, func(p *peer) {
			p.write(p.f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
			p.write(p.f.WriteData(p.open(), true, framed(example())))
		}, func(a answer) bool { return a.reset == http2.ErrCodeCancel }},
		"a ping that is not answered": {
			func(p *patience) { p.silence, p.pong = moment, moment }, func(p *peer) { p.write(p.f.WriteSettings()) },
			func(a answer) bool { return a.closed && !a.away },
		},
		"somebody who has no call": {
			func(p *patience) { p.idle, p.end = moment, moment }, func(p *peer) { p.write(p.f.WriteSettings()) },
			func(a answer) bool { return a.closed && a.away && a.code == http2.ErrCodeNo },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := allowing()
			s.patience = soon()
			c.bound(&s.patience)
			address, _ := serve(t, s)
			p := connect(t, address)
			c.send(p)
			if got := p.answer(1); !c.want(got) {
				t.Errorf("%+v", got)
			}
			_ = p.Close()
		})
	}
}

// TestWhoAnswersPingsStays, and a call that comes late is answered.
func TestWhoAnswersPingsStays(t *testing.T) {
	s := allowing()
	s.patience = soon()
	s.patience.silence, s.patience.pong = 50*time.Millisecond, 100*time.Millisecond
	p := dial(t, s)
	for range 5 {
		f, ok := p.frame().(*http2.PingFrame)
		if !ok || f.IsAck() {
			t.Fatalf("%v instead of a ping", f)
		}
		p.write(p.f.WritePing(true, f.Data))
	}
	if got := p.call(framed(example())); !got.allowed() {
		t.Errorf("%+v", got)
	}
	_ = p.Close()
}

// TestWhoTakesNoAnswersIsGivenUp: acknowledgements do not pile up, because nothing more is read, and the connection ends.
func TestWhoTakesNoAnswersIsGivenUp(t *testing.T) {
	for name, send := range map[string]func(*peer) error{
		"pings":    func(p *peer) error { return p.f.WritePing(false, [8]byte{}) },
		"settings": func(p *peer) error { return p.f.WriteSettings() },
		"calls that are refused": func(p *peer) error {
			p.next += 2
			return p.f.WriteHeaders(http2.HeadersFrameParam{StreamID: p.next, BlockFragment: p.block(":method", "GET"), EndHeaders: true})
		},
		"calls": func(p *peer) error {
			p.next += 2
			err := p.f.WriteHeaders(http2.HeadersFrameParam{StreamID: p.next, BlockFragment: p.head(), EndHeaders: true})
			if err == nil {
				err = p.f.WriteData(p.next, true, framed(example()))
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := allowing()
			s.patience = soon()
			s.patience.write = moment
			p := dial(t, s)
			for i := 0; ; i++ {
				if err := send(p); err != nil {
					if strings.Contains(err.Error(), "timeout") {
						t.Error("the connection stays")
					}
					return
				}
				if i > 20_000_000 {
					t.Fatal("everything is read")
				}
			}
		})
	}
}

// TestTheEnd: calls that were begun are answered, new ones are not, and who does not go is cut off.
func TestTheEnd(t *testing.T) {
	enter, leave := make(chan struct{}), make(chan struct{})
	s := allowing()
	s.patience = soon()
	s.patience.end = 3 * time.Second
	s.Decide = func(context.Context, *Check, Metadata) Verdict {
		enter <- struct{}{}
		<-leave
		return Verdict{Allow: true}
	}
	address, end := serve(t, s)
	p, silent := connect(t, address), connect(t, address)
	p.write(p.f.WriteSettings())
	silent.write(silent.f.WriteSettings())
	begun := p.open()
	for b := framed(text(example(), 77, strings.Repeat("x", 2*inline))); len(b) > 0; {
		n := min(len(b), maxFrame)
		p.write(p.f.WriteData(begun, n == len(b), b[:n]))
		b = b[n:]
	}
	<-enter
	done := make(chan error, 1)
	go func() { done <- end() }()
	if f, ok := p.frame().(*http2.GoAwayFrame); !ok || f.LastStreamID != begun || f.ErrCode != http2.ErrCodeNo {
		t.Fatalf("%v instead of the end", f)
	}
	if got := p.answer(p.open()); got.reset != http2.ErrCodeRefusedStream {
		t.Errorf("a new call: %+v", got)
	}
	close(leave)
	if got := p.answer(begun); !got.allowed() {
		t.Errorf("the call that was begun: %+v", got)
	}
	_ = p.Close()
	if got := silent.answer(1); !got.away || !got.closed {
		t.Errorf("somebody who does not go: %+v", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
