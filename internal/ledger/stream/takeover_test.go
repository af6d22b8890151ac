package stream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/internal/ledger/wire"
)

// gated is a store whose head can be kept back.
type gated struct {
	store.Store
	gate chan struct{}
}

func (g *gated) Head(ctx context.Context) (store.Head, error) {
	select {
	case <-g.gate:
		return g.Store.Head(ctx)
	case <-ctx.Done():
		return store.Head{}, ctx.Err()
	}
}

// serving gives a server of a store of its own, which answers once the gate is closed, and a session of it.
func serving(t *testing.T) (*Server, *session, chan struct{}) {
	t.Helper()
	root := keys.NewRoot()
	k, err := root.Stream("shop-gmbh")
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := root.Secrets("shop-gmbh")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), t.TempDir(), k.ID(), secrets.Wrapping(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	hub := NewHub(db, log)
	g := &gated{Store: db, gate: make(chan struct{})}
	s := NewServer(Options{Store: g, Hub: hub, Keys: k, Alone: true, Now: time.Now, Logger: log})
	t.Cleanup(func() {
		hub.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	head, err := db.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s, s.session(t, "pod", head.Epoch), g.gate
}

func (s *Server) session(t *testing.T, id, epoch string) *session {
	t.Helper()
	st := &session{s: s, queue: newSubscriber(id, DefaultBound, true), epoch: epoch, request: request{version: wire.Version, told: s.Keys.Told()}}
	if !s.Hub.subscribe(wire.Version, interest{}, st.queue) {
		t.Fatal("the hub is closed")
	}
	return st
}

func frame(t *testing.T, typ wire.Type, payload any) []byte {
	t.Helper()
	raw, err := wire.Append(nil, typ, payload)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestPingsAreReadNoFasterThanTheyAreLookedInto: whoever sends more than the log can be looked at is not read meanwhile, so that nothing piles up.
func TestPingsAreReadNoFasterThanTheyAreLookedInto(t *testing.T) {
	_, st, gate := serving(t)
	near, far := net.Pipe()
	listened := make(chan struct{})
	go func() {
		defer close(listened)
		st.listen(near, nil)
	}()
	ping := frame(t, wire.TypePing, wire.Ping{Nonce: "n"})
	if _, err := far.Write(ping); err != nil {
		t.Fatal(err)
	}
	if err := far.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Write(ping); err == nil {
		t.Fatal("another ping was read before the one before was looked into")
	}
	close(gate)
	if err := far.SetWriteDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := far.Write(ping); err != nil {
			t.Fatalf("a ping whose turn it is was not read: %v", err)
		}
	}
	_ = far.Close()
	<-listened
}

// TestNothingIsKeptForWhoWasCut: one that does not read may be stuck in a write for a while yet.
func TestNothingIsKeptForWhoWasCut(t *testing.T) {
	s := newSubscriber("pod", DefaultBound, true)
	for range 10_000 {
		s.reply(make([]byte, 100))
	}
	if _, ok := s.take(); ok || cap(s.replies) > 2*maxReplies {
		t.Fatalf("it goes on: %v, %d bytes", ok, cap(s.replies))
	}
	s.reply(make([]byte, 100))
	if len(s.replies) != 0 {
		t.Fatal("something waits for who was cut")
	}
}

// broken is a connection that panics where it is told to.
type broken struct {
	net.Conn
	reads, writes bool
}

func (b *broken) Read(p []byte) (int, error) {
	if b.reads {
		panic("of the reader")
	}
	return b.Conn.Read(p)
}

func (b *broken) Write(p []byte) (int, error) {
	if b.writes && len(p) != len(switching) {
		panic("of the writer")
	}
	return b.Conn.Write(p)
}

// TestAPanicEndsNoOtherStream: the HTTP server, which would have caught it, has nothing to do with a connection that was taken over.
func TestAPanicEndsNoOtherStream(t *testing.T) {
	for name, conn := range map[string]broken{"reading": {reads: true}, "writing": {writes: true}} {
		t.Run(name, func(t *testing.T) {
			s, st, gate := serving(t)
			close(gate)
			near, far := net.Pipe()
			conn.Conn = near
			go func() { st.takeOver(&conn, nil) }()
			if err := far.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, far); err != nil {
				t.Fatalf("the connection stays open: %v", err)
			}
			for deadline := time.Now().Add(30 * time.Second); s.Hub.Stats().Subscribers != 0; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the subscriber is still there")
				}
			}
		})
	}
}

// TestAContradictionIsSeenByWhoSubscribesMeanwhile: it was found between the first look of a request and its registration.
func TestAContradictionIsSeenByWhoSubscribesMeanwhile(t *testing.T) {
	s, st, gate := serving(t)
	close(gate)
	if err := st.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.contradict(&Contradiction{Epoch: st.epoch})
	late := s.session(t, "other", st.epoch)
	if err := late.open(t.Context()); err == nil {
		t.Fatal("a stream begins of a log that is contradicted")
	}
	if st.queue.peek() {
		t.Fatal("the stream from before goes on")
	}
}

// outletFunc is an outlet.
type outletFunc func([]byte) error

func (f outletFunc) write(raw []byte) error { return f(raw) }

// TestASnapshotThatNothingGoesOnFromIsLeft: whoever takes so long to read it that the changes are gone has to begin again, and does not hold it.
func TestASnapshotThatNothingGoesOnFromIsLeft(t *testing.T) {
	_, st, gate := serving(t)
	close(gate)
	sc := st.queue.scope
	p := &picture{done: make(chan struct{}), frames: [][]byte{[]byte("one"), []byte("two"), []byte("three")}}
	p.head.Epoch = st.epoch
	close(p.done)
	sc.picture = p
	var got []string
	st.out = outletFunc(func(raw []byte) error {
		got = append(got, string(raw))
		if string(raw) == "one" {
			for at := consent.Position(1); at < 4; at++ {
				sc.ring.add(at, make([]byte, ringSize))
			}
		}
		return nil
	})
	if err := st.begin(make(chan time.Time)); !errors.Is(err, errGap) || got[len(got)-1] != "one" {
		t.Fatalf("%v after %q", err, got[len(got)-1])
	}
}

// TestWhoPingsElsewhereIsWaitedForLonger: its stream may be gone for a while before it notices, and its pings are answered meanwhile.
func TestWhoPingsElsewhereIsWaitedForLonger(t *testing.T) {
	for pings, want := range map[bool]time.Duration{true: time.Minute, false: time.Minute + straggle} {
		var r roll
		r.init()
		s := newSubscriber("pod", time.Minute, pings)
		r.join(s)
		r.leave(s)
		n, next, _ := r.waiting(1, nil)
		if left := time.Until(next); n != 1 || left > want || left < want-10*time.Second {
			t.Errorf("pings over the stream: %v: %d are waited for, %v", pings, n, left)
		}
	}
}

// TestAScopeThatMissedSomethingBeginsAgain: a gap, or a change that no frame can carry, cuts everybody in it, and whoever comes next begins anew.
func TestAScopeThatMissedSomethingBeginsAgain(t *testing.T) {
	for name, change := range map[string]store.Change{
		"a gap":                    {Event: consent.Event{Position: 3}},
		"something that came":      {Event: consent.Event{Position: 1}},
		"more than a frame's room": {Event: consent.Event{Position: 2}, People: []store.Person{{Tags: make([]consent.Tag, 400_000)}}},
	} {
		t.Run(name, func(t *testing.T) {
			s, st, gate := serving(t)
			close(gate)
			s.Hub.publish([]store.Change{{Event: consent.Event{Position: 1}, People: []store.Person{{Tags: make([]consent.Tag, 1)}}}})
			if err := s.Hub.Seen(t.Context(), 1); err != nil || !st.queue.peek() {
				t.Fatal("the first change cuts", err)
			}
			s.Hub.publish([]store.Change{change})
			for deadline := time.Now().Add(30 * time.Second); st.queue.peek(); time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the subscriber goes on")
				}
			}
			if next := s.session(t, "other", st.epoch); next.queue.scope == st.queue.scope {
				t.Fatal("the ring with the gap is used again")
			}
		})
	}
}

// TestARingThatKnowsNothingIsOfNoUse to who does not know all there is: what it missed was before the ring.
func TestARingThatKnowsNothingIsOfNoUse(t *testing.T) {
	sc := &scope{ring: &ring{limit: ringSize}}
	if _, ok := sc.resume(3, 5); ok {
		t.Fatal("a stream goes on from 3 with nothing that happened up to 5")
	}
	if _, ok := sc.resume(5, 5); !ok {
		t.Fatal("who knows everything cannot go on")
	}
}

// TestNothingIsToldOfAnotherLog: neither an answer nor a snapshot, whoever noticed first that the log became another one.
func TestNothingIsToldOfAnotherLog(t *testing.T) {
	s, st, gate := serving(t)
	close(gate)
	s.heard(st.queue, "another", wire.Ping{Nonce: "n"})
	if replies, ok := st.queue.take(); ok || len(replies) > 0 {
		t.Fatalf("the stream goes on: %q", replies)
	}
	st = s.session(t, "other", "another")
	st.out = outletFunc(func([]byte) error { return nil })
	if err := st.begin(make(chan time.Time)); !errors.Is(err, errEpoch) {
		t.Fatalf("a snapshot of one log is told as one of another: %v", err)
	}
}
