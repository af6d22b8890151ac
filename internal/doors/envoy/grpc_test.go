package envoy

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/protobuf/encoding/protowire"
)

// example is a CheckRequest in bytes.
func example() []byte {
	http := text(text(text(nil, 2, "GET"), 4, "/v1/customers"), 5, "customers.crm")
	http = message(http, 3, func(b []byte) []byte { return text(text(b, 1, "optup-purpose"), 2, "profile-view") })
	http = protowire.AppendBytes(protowire.AppendTag(http, 12, protowire.BytesType), []byte("{}"))
	attributes := message(nil, 4, func(b []byte) []byte { return message(b, 2, func(b []byte) []byte { return append(b, http...) }) })
	attributes = message(attributes, 10, func(b []byte) []byte { return text(text(b, 1, "optup-body"), 2, "sent") })
	attributes = message(attributes, 2, func(b []byte) []byte {
		return message(b, 1, func(b []byte) []byte {
			return message(b, 1, func(b []byte) []byte { return number(text(b, 2, "192.0.2.1"), 3, 80) })
		})
	})
	return message(nil, 1, func(b []byte) []byte { return append(b, attributes...) })
}

func TestReading(t *testing.T) {
	c, err := read(example())
	if err != nil {
		t.Fatal(err)
	}
	if c.Method != "GET" || c.Path != "/v1/customers" || c.Host != "customers.crm" || !slices.Equal(c.Header["Optup-Purpose"], []string{"profile-view"}) ||
		string(c.Body) != "{}" || c.Text || c.Extensions["optup-body"] != "sent" || c.Destination.String() != "192.0.2.1:80" {
		t.Errorf("%+v", c)
	}
	for i := range example() {
		if _, err := read(example()[:i]); err == nil && i > 0 {
			t.Errorf("%d bytes of a message are one", i)
		}
	}
}

// FuzzReading: whatever comes ends as a check or as an error, and what is read of a check does not depend on fields that nobody knows. One
// after a message that is none may be what was missing at its end.
func FuzzReading(f *testing.F) {
	f.Add(example())
	f.Add([]byte{0x0a, 0xff})
	f.Add([]byte("\xcd0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := read(b)
		for place, with := range map[string][]byte{"before": append(text(nil, 77, "x"), b...), "after": text(slices.Clone(b), 77, "x")} {
			more, errMore := read(with)
			if place == "after" && err != nil {
				continue
			}
			if (err == nil) != (errMore == nil) || (err == nil && (c.Path != more.Path || len(c.Header) != len(more.Header))) {
				t.Errorf("%v, and %v with another field %s", err, errMore, place)
			}
		}
	})
}

// TestACheckThatNobodyWaitsForIsNotDecided, so that no use is recorded that never was.
func TestACheckThatNobodyWaitsForIsNotDecided(t *testing.T) {
	decided := 0
	s := allowing()
	s.Decide = func(context.Context, *Check, Metadata) Verdict { decided++; return Verdict{Allow: true} }
	p := dial(t, s)
	for timeout, want := range map[string]string{"1n": codeDeadlineExceeded, "0S": codeDeadlineExceeded, "1H": codeOK, "": codeOK, "x": codeOK, "99999999H": codeOK} {
		before := decided
		if got := p.call(framed(example()), "grpc-timeout", timeout); got.fields["grpc-status"] != want || (decided > before) != (want == codeOK) {
			t.Errorf("%q: %v", timeout, got)
		}
	}
}

// TestMemoryIsHeldForLargeMessagesOnly, and given back.
func TestMemoryIsHeldForLargeMessagesOnly(t *testing.T) {
	var held atomic.Int64
	var room atomic.Bool
	room.Store(true)
	s := allowing()
	most := int64(0)
	s.Hold = func(n int64) (func(), bool) {
		if !room.Load() {
			return nil, false
		}
		most = max(most, held.Add(n))
		return func() { held.Add(-n) }, true
	}
	p := dial(t, s)
	large := framed(text(example(), 77, strings.Repeat("x", 1<<20)))
	if p.call(framed(example())); most != 0 {
		t.Errorf("%d held for a small message", most)
	}
	if p.call(large); most < 1<<20 || held.Load() != 0 {
		t.Errorf("%d held, and %d after", most, held.Load())
	}
	room.Store(false)
	if got := p.call(large); !got.refused(Busy) {
		t.Errorf("without room: %v", got)
	}
	room.Store(true)
	id := p.open()
	p.write(p.f.WriteData(id, false, large[:1<<10]))
	p.write(p.f.WriteRSTStream(id, http2.ErrCodeCancel))
	if p.call(framed(example())); held.Load() != 0 {
		t.Errorf("%d held for a call that was given up", held.Load())
	}
	p.write(p.f.WriteData(p.open(), false, large[:1<<10]))
	if p.call(framed(example())); held.Load() == 0 {
		t.Error("nothing is held for a call that goes on")
	}
	_ = p.Close()
	for end := time.Now().Add(30 * time.Second); held.Load() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d held for a connection that is closed", held.Load())
		}
	}
}

// TestWhatIsNotOneMessageIsRefused by an answer, and is not decided about, even where what can be read of it would be allowed.
func TestWhatIsNotOneMessageIsRefused(t *testing.T) {
	compressed, large := framed(example()), framed(text(example(), 77, strings.Repeat("x", maxMessage)))
	compressed[0] = 1
	for name, c := range map[string]struct {
		sent []byte
		want Unreadable
	}{
		"flagged as compressed": {compressed, Malformed},
		"larger than is read":   {large, TooLarge},
		"two messages":          {append(framed(example()), framed(example())...), Malformed},
		"bytes behind it":       {append(framed(example()), 0), Malformed},
		"less than it says":     {framed(example())[:20], Malformed},
		"less than a prefix":    {framed(example())[:3], Malformed},
		"no message":            {nil, Malformed},
		"another message":       {framed([]byte{0x0a, 0xff}), Malformed},
	} {
		for _, piece := range []int{1 << 20, 7} {
			t.Run(fmt.Sprint(name, piece), func(t *testing.T) {
				s := allowing()
				s.Decide = func(context.Context, *Check, Metadata) Verdict {
					t.Error("it was decided about")
					return Verdict{Allow: true}
				}
				p := dial(t, s)
				if got := p.callInPieces(c.sent, piece); !got.refused(c.want) {
					t.Errorf("%v", got)
				}
			})
		}
	}
}

// TestMoreThanAMessageIsNotKept: who said little and goes on sending is answered at once, as nothing was taken for the rest.
func TestMoreThanAMessageIsNotKept(t *testing.T) {
	p := dial(t, allowing())
	id := p.open()
	p.write(p.f.WriteData(id, false, framed(make([]byte, 10))[:8]))
	p.write(p.f.WriteData(id, false, make([]byte, 1<<10)))
	if got := p.answer(id); !got.refused(Malformed) {
		t.Errorf("%+v", got)
	}
}

// TestTheBodyIsAsLongAsTheRequestSays, if it says something.
func TestTheBodyIsAsLongAsTheRequestSays(t *testing.T) {
	p := dial(t, allowing())
	size := len(framed(example()))
	for _, wrong := range []int{size - 1, size + 1} {
		if got := p.call(framed(example()), "content-length", strconv.Itoa(wrong)); !got.refused(Malformed) {
			t.Errorf("%d: %v", wrong, got)
		}
	}
	if got := p.call(framed(example()), "content-length", strconv.Itoa(size)); !got.allowed() {
		t.Errorf("%v", got)
	}
}

// TestAPanicDeniesByAnAnswer: a broken stream is an error of gRPC, which Envoy may be told to let pass.
func TestAPanicDeniesByAnAnswer(t *testing.T) {
	told := 0
	s := allowing()
	s.Decide = func(context.Context, *Check, Metadata) Verdict { panic("anna@example.org") }
	s.Panicked = func() { told++ }
	if got := dial(t, s).call(framed(example())); told != 1 || !got.refused(Malformed) || bytes.Contains(got.body, []byte("anna")) {
		t.Errorf("told %d times: %v", told, got)
	}
}

// TestAPanicElsewhereEndsTheConnection, and no other.
func TestAPanicElsewhereEndsTheConnection(t *testing.T) {
	told := make(chan struct{}, 1)
	s := allowing()
	s.Ready = func() bool { panic("anna@example.org") }
	s.Panicked = func() { told <- struct{}{} }
	address, _ := serve(t, s)
	p, other := connect(t, address), connect(t, address)
	for _, p := range []*peer{p, other} {
		p.write(p.f.WriteSettings())
	}
	if got := p.health(""); !got.closed {
		t.Errorf("%+v", got)
	}
	<-told
	if got := other.call(framed(example())); !got.allowed() {
		t.Errorf("another connection: %+v", got)
	}
}

// TestAPanicHoldsNoMemory: one while somebody is refused, about a message that is decided about apart.
func TestAPanicHoldsNoMemory(t *testing.T) {
	freed := make(chan struct{}, 1)
	s := allowing()
	s.Decide = func(context.Context, *Check, Metadata) Verdict { panic("anna@example.org") }
	s.Refuse = func(Unreadable) Verdict { panic("anna@example.org") }
	s.Hold = func(int64) (func(), bool) { return func() { freed <- struct{}{} }, true }
	if got := dial(t, s).call(framed(bytes.Repeat(example(), 1+2*inline/len(example())))); !got.closed {
		t.Errorf("%+v", got)
	}
	select {
	case <-freed:
	case <-time.After(30 * time.Second):
		t.Error("the memory of the message is still held")
	}
}

func TestDeadlines(t *testing.T) {
	now := time.Unix(0, 0)
	for text, want := range map[string]time.Duration{"5S": 5 * time.Second, "100m": 100 * time.Millisecond, "7u": 7 * time.Microsecond, "2M": 2 * time.Minute} {
		if got := deadline(text, now).Sub(now); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
	for _, text := range []string{"", "S", "5", "5s", "-5S", "123456789S"} {
		if !deadline(text, now).IsZero() {
			t.Errorf("%q is a time", text)
		}
	}
}
