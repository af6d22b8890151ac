package stream_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/wire"
)

// dial opens a stream that carries frames both ways.
func dial(t *testing.T, l *ledgertest.Ledger, held *wire.Held, purposes ...consent.PurposeID) (*subscription, net.Conn, int) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	head := "GET /v1/stream?version=2&version=3&bound=5000 HTTP/1.1\r\nHost: ledger\r\nConnection: Upgrade\r\nUpgrade: " + wire.Protocol +
		"\r\nAuthorization: Bearer " + l.Token(ledgertest.Sidecar, "pod-1", time.Hour) + "\r\n" + wire.GrantHeader + ": " +
		l.Grant(ledgertest.Sidecar, "pod-1", time.Hour, purposes...) + "\r\n"
	if held != nil {
		text, err := wire.EncodeHeld(*held)
		if err != nil {
			t.Fatal(err)
		}
		head += wire.HeldHeader + ": " + text + "\r\n"
	}
	if _, err := conn.Write([]byte(head + "\r\n")); err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(conn)
	res, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &subscription{t: t, frames: wire.NewReader(from), close: func() { _ = conn.Close() }}, conn, res.StatusCode
}

// whole reads hello and snapshot, and gives what the subscriber then holds.
func (s *subscription) whole() wire.Held {
	s.t.Helper()
	hello := next[wire.Hello](s, wire.TypeHello)
	next[struct{}](s, wire.TypeSnapshotBegin)
	for {
		typ, payload, err := s.frames.Next()
		if err != nil {
			s.t.Fatal(err)
		}
		if typ != wire.TypeSnapshotEnd {
			continue
		}
		at, err := wire.Decode[wire.At](payload)
		if err != nil {
			s.t.Fatal(err)
		}
		return wire.Held{
			Epoch: hello.Epoch, Position: at.Position, Checkpoint: at.Checkpoint, Resume: true, Purposes: hello.Purposes, Timed: hello.Timed, KeyID: hello.KeyID,
		}
	}
}

// TestAStreamGoesOnWhereASubscriberWas: with every position that it may have been at, without a gap and without anything twice.
func TestAStreamGoesOnWhereASubscriberWas(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("p0@example.org", ledgertest.Given("newsletter"))
	s, _, _ := dial(t, l, nil, "newsletter")
	held := []wire.Held{s.whole()}
	const events = 10
	for n := range events {
		l.Append(fmt.Sprintf("p%d@example.org", n), ledgertest.Given("newsletter"))
		c := next[wire.Change](s, wire.TypeChange)
		h := held[0]
		h.Position, h.Checkpoint = c.Position, c.Checkpoint
		held = append(held, h)
	}
	s.close()
	for _, h := range held {
		s, _, _ := dial(t, l, &h, "newsletter")
		if hello := next[wire.Hello](s, wire.TypeHello); hello.Proven != h.Position {
			t.Fatalf("proven %d, want %d", hello.Proven, h.Position)
		}
		if at := next[wire.At](s, wire.TypeResumed); at.Position != h.Position {
			t.Fatalf("it goes on after %d, want %d", at.Position, h.Position)
		}
		for p := h.Position + 1; p <= events+1; p++ {
			if c := next[wire.Change](s, wire.TypeChange); c.Position != p {
				t.Fatalf("position %d came where %d was due", c.Position, p)
			}
		}
		s.close()
	}
	if st := l.Hub.Stats(); st.Resumed != uint64(len(held)) || st.Snapshots != 1 {
		t.Fatalf("%+v", st)
	}
}

// TestWhoHoldsSomethingElseReadsASnapshot: nobody goes on from what the ledger did not tell them.
func TestWhoHoldsSomethingElseReadsASnapshot(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	s, _, _ := dial(t, l, nil, "newsletter", "survey")
	sound := s.whole()
	l.Append("ada@example.org", ledgertest.Withdrawn("newsletter"))
	later := next[wire.Change](s, wire.TypeChange)
	for name, change := range map[string]func(*wire.Held){
		"of another log":           func(h *wire.Held) { h.Epoch = "another" },
		"without a checkpoint":     func(h *wire.Held) { h.Checkpoint = "" },
		"that nobody signed":       func(h *wire.Held) { h.Checkpoint = strings.Replace(h.Checkpoint, "\n1\n", "\n2\n", 1) },
		"of another position":      func(h *wire.Held) { h.Checkpoint = later.Checkpoint },
		"for other purposes":       func(h *wire.Held) { h.Purposes = []consent.PurposeID{"newsletter"} },
		"with times":               func(h *wire.Held) { h.Timed = []consent.PurposeID{"newsletter"} },
		"with another key":         func(h *wire.Held) { h.KeyID = "another" },
		"without asking to resume": func(h *wire.Held) { h.Resume = false },
	} {
		t.Run(name, func(t *testing.T) {
			held := sound
			change(&held)
			s, _, _ := dial(t, l, &held, "newsletter", "survey")
			s.whole()
		})
	}
	if err := l.Stream.Contradicted(t.Context()); err != nil {
		t.Fatalf("what nobody signed stopped the ledger: %v", err)
	}
	s, _, _ = dial(t, l, &sound, "newsletter", "survey")
	next[wire.Hello](s, wire.TypeHello)
	next[wire.At](s, wire.TypeResumed)
}

// TestPingsGoOverTheStream, and the ledger knows what was applied.
func TestPingsGoOverTheStream(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	s, conn, _ := dial(t, l, nil, "newsletter")
	held := s.whole()
	send(t, conn, wire.TypePing, wire.Ping{Nonce: "n", Epoch: held.Epoch, Position: 1, Checkpoint: held.Checkpoint, AgeMillis: 1500})
	if p := next[wire.Pong](s, wire.TypePong); p.Nonce != "n" || p.Epoch != held.Epoch || p.Position != 1 || p.Proven != 1 || p.Time.IsZero() {
		t.Fatalf("%+v", p)
	}
	if st := l.Hub.Stats(); st.Proven != 1 || st.LowestPosition != 1 || st.OldestStaleness < 1500*time.Millisecond || st.OldestStaleness > time.Minute {
		t.Fatalf("%+v", st)
	}
	send(t, conn, wire.Type(100), nil) // what is not critical may be ignored
	send(t, conn, wire.TypePing, wire.Ping{Nonce: "m", Epoch: held.Epoch})
	if p := next[wire.Pong](s, wire.TypePong); p.Nonce != "m" || p.Proven != 0 {
		t.Fatalf("%+v", p)
	}
}

func send(t *testing.T, conn net.Conn, typ wire.Type, payload any) {
	t.Helper()
	raw, err := wire.Append(nil, typ, payload)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(raw); err != nil {
		t.Fatal(err)
	}
}

// TestSubscribersOfOneScopeGetIdenticalBytes: all changes of a stream, as they are on the wire.
func TestSubscribersOfOneScopeGetIdenticalBytes(t *testing.T) {
	l := ledgertest.New(t).Start()
	a, _, _ := dial(t, l, nil, "newsletter")
	b, _, _ := dial(t, l, nil, "newsletter")
	a.whole()
	b.whole()
	for n := range 20 {
		l.Append(fmt.Sprintf("p%d@example.org", n), ledgertest.Given("newsletter"))
	}
	for range 20 {
		_, one, err := a.frames.Next()
		if err != nil {
			t.Fatal(err)
		}
		_, other, err := b.frames.Next()
		if err != nil || string(one) != string(other) {
			t.Fatalf("%s\n%s %v", one, other, err)
		}
	}
}
