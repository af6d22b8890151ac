package stream

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// pair gives both ends of a connection, ours as a Listener gives it. One that is narrow takes little at once.
func pair(t *testing.T, narrow bool) (ours, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if theirs, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if ours, err = Listener(l).Accept(); err != nil {
		t.Fatal(err)
	}
	if narrow {
		const bytes = 4 << 10
		if err := errors.Join(eagerly(ours).Conn.(*net.TCPConn).SetWriteBuffer(bytes), theirs.(*net.TCPConn).SetReadBuffer(bytes)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = errors.Join(ours.Close(), theirs.Close()) })
	return ours, theirs
}

// TestAnEagerConnectionNeverWaits, and nothing of what it took is lost or comes in another order.
func TestAnEagerConnectionNeverWaits(t *testing.T) {
	ours, theirs := pair(t, true)
	e := eagerly(ours)
	var want bytes.Buffer
	write := func(n int) {
		piece := bytes.Repeat([]byte{byte(n)}, 1000+n)
		want.Write(piece)
		if wrote, err := e.Write(piece); err != nil || wrote != len(piece) {
			t.Fatal(wrote, err)
		}
	}
	if err := e.hurry(); err != nil {
		t.Fatal(err)
	}
	for n := 0; !e.stuck(); n++ {
		if n == 1000 {
			t.Fatal("1 MB went through a connection that nobody reads")
		}
		if write(n % 100); n == 0 && e.stuck() {
			t.Fatal("a connection takes nothing at once")
		}
	}
	for n := range 10 {
		write(n)
	}
	read := make(chan []byte)
	go func() {
		all := make([]byte, want.Len())
		_, _ = io.ReadFull(theirs, all)
		read <- all
	}()
	if err := e.wait(30 * time.Second); err != nil || e.stuck() {
		t.Fatal(err)
	}
	if !bytes.Equal(<-read, want.Bytes()) {
		t.Fatal("something else came than was written")
	}
	if err := e.wait(100 * time.Millisecond); err != nil { // with nothing to wait for
		t.Fatal(err)
	}
	for n := 0; ; n++ { // it waits now, until it has waited too long
		if _, err := e.Write(make([]byte, 1000)); e.stuck() || n == 10_000 {
			t.Fatal("writes do not wait")
		} else if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := e.hurry(); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		if _, err := e.Write(make([]byte, 100)); errors.Is(err, errKept) {
			break
		} else if err != nil || n > maxKept {
			t.Fatal("what is kept has no bound", err)
		}
	}
	if len(e.rest) > maxKept {
		t.Fatal(len(e.rest))
	}
	_ = theirs.Close()
	if err := e.hurry(); err != nil {
		t.Fatal(err)
	}
	_, err := e.Write([]byte("x"))
	if waited := e.wait(30 * time.Second); err == nil && waited == nil {
		t.Fatal("a connection that is gone takes what is written")
	}
}

// follower is the other end of a stream that a lane writes.
type follower struct {
	conn   net.Conn
	frames *wire.Reader
	at     consent.Position
}

// taken has a session take a connection over, and gives the other end once it has the snapshot. Over puts something over both ends.
func taken(t *testing.T, s *Server, id string, narrow bool, over func(ours, theirs net.Conn) (net.Conn, net.Conn)) *follower {
	t.Helper()
	head, err := s.Store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	st := &session{s: s, queue: newSubscriber(id, DefaultBound, true), epoch: head.Epoch, request: request{
		version: wire.Version, told: s.Keys.Told(), wants: newInterest([]consent.PurposeID{"newsletter"}, nil),
	}}
	if !s.Hub.subscribe(st.version, st.wants, st.queue) {
		t.Fatal("the hub is closed")
	}
	ours, theirs := pair(t, narrow)
	ours, theirs = over(ours, theirs)
	go st.takeOver(ours, nil)
	if err := theirs.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(theirs, make([]byte, len(switching))); err != nil {
		t.Fatal(err)
	}
	f := &follower{conn: theirs, frames: wire.NewReader(theirs)}
	for typ := wire.TypeHello; typ != wire.TypeSnapshotEnd; {
		var payload []byte
		if typ, payload, err = f.frames.Next(); err != nil {
			t.Fatal(err)
		}
		if typ == wire.TypeSnapshotEnd {
			at, err := wire.Decode[wire.At](payload)
			if err != nil {
				t.Fatal(err)
			}
			f.at = at.Position
		}
	}
	return f
}

// follow reads changes up to a position, each in its turn.
func (f *follower) follow(to consent.Position) error {
	for f.at < to {
		typ, payload, err := f.frames.Next()
		if err != nil {
			return fmt.Errorf("at %d: %w", f.at, err)
		}
		if typ != wire.TypeChange {
			continue
		}
		c, err := wire.Decode[wire.Change](payload)
		if err != nil {
			return err
		}
		if f.at++; c.Position != f.at {
			return fmt.Errorf("position %d came where %d was due", c.Position, f.at)
		}
	}
	return nil
}

func plain(ours, theirs net.Conn) (net.Conn, net.Conn) { return ours, theirs }

// secured gives what puts TLS over both ends.
func secured(t *testing.T) func(ours, theirs net.Conn) (net.Conn, net.Conn) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return func(ours, theirs net.Conn) (net.Conn, net.Conn) {
		return tls.Server(ours, s.TLS), tls.Client(theirs, &tls.Config{RootCAs: roots, ServerName: "example.com"})
	}
}

// appendOne appends an event whose frame is as large as what it is about.
func appendOne(t *testing.T, s *Server, n int, goods string) {
	t.Helper()
	_, errs, err := s.Store.Append(t.Context(), store.Append{
		Identities: []store.Identity{{Tags: []consent.Tag{{byte(n), byte(n >> 8), 1}}, Type: consent.IdentifierEmail, Plain: true}},
		Event:      consent.Event{Type: consent.EventRelationship, Goods: []string{goods}, Actor: consent.ActorTouchpoint},
	})
	if err != nil || errs[0] != nil {
		t.Fatal(err, errs)
	}
}

// TestWhoDoesNotReadKeepsNobodyWaiting: neither those of the same lane, nor for good: whoever reads again goes on from where it was.
func TestWhoDoesNotReadKeepsNobodyWaiting(t *testing.T) {
	t.Run("TCP", func(t *testing.T) { readsLate(t, plain) })
	t.Run("TLS", func(t *testing.T) { readsLate(t, secured(t)) })
}

func readsLate(t *testing.T, over func(ours, theirs net.Conn) (net.Conn, net.Conn)) {
	t.Helper()
	s, first, gate := serving(t)
	close(gate)
	s.Hub.unsubscribe(first.queue)
	s.Hub.lanes = newLanes(2)
	s.WriteTimeout = time.Minute
	lazy := taken(t, s, "lazy", true, over)
	var others []*follower
	for i := range 2 * len(s.Hub.lanes) {
		others = append(others, taken(t, s, fmt.Sprint("other-", i), false, over))
	}
	const events = 10 // 160 KB, more than a narrow connection takes
	done := make(chan error)
	for _, f := range others {
		go func() { done <- f.follow(events) }()
	}
	for n := range events {
		appendOne(t, s, n, strings.Repeat("x", 16<<10))
	}
	for range others {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("somebody waits for who does not read")
		}
	}
	if err := lazy.follow(events); err != nil {
		t.Fatal(err)
	}
	for i, l := range s.Hub.lanes {
		l.mu.Lock()
		if !l.running {
			t.Errorf("lane %d writes for nobody", i)
		}
		l.mu.Unlock()
	}
	appendOne(t, s, 0, "small")
	for _, f := range append(others, lazy) { // it is back in its lane
		if err := f.follow(events + 1); err != nil {
			t.Fatal(err)
		}
	}
}

// treacherous panics in writes once it is told to.
type treacherous struct {
	net.Conn
	panics atomic.Bool
}

func (c *treacherous) NetConn() net.Conn { return c.Conn }

func (c *treacherous) Write(p []byte) (int, error) {
	if c.panics.Load() {
		panic("of a lane")
	}
	return c.Conn.Write(p)
}

// TestAPanicInALaneEndsOneStream, and a lane that has nobody left ends, too.
func TestAPanicInALaneEndsOneStream(t *testing.T) {
	s, first, gate := serving(t)
	close(gate)
	s.Hub.unsubscribe(first.queue)
	s.Hub.lanes = s.Hub.lanes[:1]
	var bad *treacherous
	victim := taken(t, s, "victim", false, func(ours, theirs net.Conn) (net.Conn, net.Conn) {
		bad = &treacherous{Conn: ours}
		return bad, theirs
	})
	other := taken(t, s, "other", false, plain)
	appendOne(t, s, 1, "small")
	for _, f := range []*follower{victim, other} {
		if err := f.follow(1); err != nil {
			t.Fatal(err)
		}
	}
	bad.panics.Store(true)
	appendOne(t, s, 2, "small")
	if err := other.follow(2); err != nil {
		t.Fatal(err)
	}
	if _, _, err := victim.frames.Next(); err == nil {
		t.Fatal("the stream goes on")
	}
	_ = other.conn.Close()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		l := s.Hub.lanes[0]
		l.mu.Lock()
		running := l.running
		l.mu.Unlock()
		if n := s.Hub.Stats().Subscribers; n == 0 && !running {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%d subscribers are still there, or their lane", n)
		}
	}
	late := taken(t, s, "late", false, plain)
	appendOne(t, s, 3, "small")
	if err := late.follow(3); err != nil {
		t.Fatal(err)
	}
}

// TestALaneGivesSignsOfLife, and answers whoever asks for something, without any change.
func TestALaneGivesSignsOfLife(t *testing.T) {
	s, first, gate := serving(t)
	close(gate)
	s.Hub.unsubscribe(first.queue)
	s.Heartbeat = 10 * time.Millisecond
	f := taken(t, s, "pod", false, plain)
	if _, err := f.conn.Write(frame(t, wire.TypePing, wire.Ping{Nonce: "n"})); err != nil {
		t.Fatal(err)
	}
	for beats, pongs := 0, 0; beats < 2 || pongs < 1; {
		typ, _, err := f.frames.Next()
		if err != nil {
			t.Fatal(err)
		}
		switch typ {
		case wire.TypeHeartbeat:
			beats++
		case wire.TypePong:
			pongs++
		default:
		}
	}
}
