package stream_test

import (
	"context"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/wire"
)

// waiting is how many are waited for when a moment has passed.
func waiting(t *testing.T, l *ledgertest.Ledger, at consent.Position, alone bool) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	return l.Hub.Enforced(ctx, at, alone)
}

// TestWhoIsUnknownIsWaitedFor: those who followed before the hub began, or follow another replica.
func TestWhoIsUnknownIsWaitedFor(t *testing.T) {
	l := ledgertest.New(t).Start()
	at := l.Append("ada@example.org", ledgertest.Given("newsletter"))
	if n := waiting(t, l, at, true); n != 0 {
		t.Fatalf("%d are waited for, and nobody can know anything", n)
	}
	if n := waiting(t, l, at, false); n != 1 {
		t.Fatalf("%d are waited for, though another replica may serve somebody", n)
	}
	l.Stop()
	l.Start()
	if n := waiting(t, l, at, true); n != 1 {
		t.Fatalf("%d are waited for, though somebody may have followed before", n)
	}
}

// TestASubscriberIsWaitedForUntilItSaysSo: in what it applied of this log, not by being there, and not with what it says of none.
func TestASubscriberIsWaitedForUntilItSaysSo(t *testing.T) {
	l := ledgertest.New(t).Start()
	s, conn, _ := dial(t, l, nil, "newsletter")
	held := s.whole()
	at := l.Append("ada@example.org", ledgertest.Given("newsletter"))
	next[wire.Change](s, wire.TypeChange)
	if n := waiting(t, l, at, true); n != 1 {
		t.Fatalf("%d are waited for", n)
	}
	if ask := next[wire.At](s, wire.TypeAsk); ask.Position != at {
		t.Fatalf("it is asked for %d", ask.Position)
	}
	say := func(p wire.Ping) {
		p.Nonce = "n"
		send(t, conn, wire.TypePing, p)
		for typ, _, err := s.frames.Next(); typ != wire.TypePong; typ, _, err = s.frames.Next() {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	say(wire.Ping{Epoch: held.Epoch, Position: at - 1})
	say(wire.Ping{Position: at})
	if n := waiting(t, l, at, true); n != 1 {
		t.Fatalf("%d are waited for", n)
	}
	say(wire.Ping{Epoch: held.Epoch, Position: at})
	if n := waiting(t, l, at, true); n != 0 {
		t.Fatalf("%d are waited for", n)
	}
}
