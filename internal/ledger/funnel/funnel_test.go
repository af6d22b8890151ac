package funnel_test

import (
	"errors"
	"io"
	"log/slog"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/funnel"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/ledger/stream"
)

// counted waits until everything up to a position is counted.
func counted(t *testing.T, f *funnel.Funnel, p consent.Position) []funnel.Cell {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if cells, at, ok := f.Counted(); ok && at == p {
			return cells
		}
	}
	t.Fatalf("position %d was never counted", p)
	return nil
}

func run(t *testing.T, l *ledgertest.Ledger) *funnel.Funnel {
	t.Helper()
	f := funnel.New(l.Store, l.Hub, slog.New(slog.NewTextHandler(io.Discard, nil)))
	go f.Run(t.Context())
	return f
}

func TestWhatBecomesOfAskingIsCountedAsItHappensAndAnewAlike(t *testing.T) {
	l := ledgertest.New(t)
	l.Bundle.Store(ledgertest.NewBundle("newsletter"))
	l.Start()
	f := run(t, l)
	counted(t, f, 0)
	at := func(e consent.EventType) consent.Event {
		return consent.Event{Type: e, Actor: consent.ActorPerson, Purpose: "newsletter", Notice: "newsletter-v1", Touchpoint: ledgertest.Form}
	}
	pending := at(consent.EventGiven)
	pending.Pending = true
	confirmed := at(consent.EventConfirmed)
	confirmed.Proof, confirmed.Touchpoint, confirmed.Notice = consent.ProofMailboxConfirmed, "", ""
	withdrawn := consent.Event{Type: consent.EventWithdrawn, Actor: consent.ActorPerson, Purpose: "newsletter"}
	for _, who := range []string{"ada@example.org", "bob@example.org", "cyd@example.org"} {
		l.Append(who, at(consent.EventAsked))
		l.Append(who, pending)
	}
	l.Append("ada@example.org", confirmed)
	l.Append("bob@example.org", confirmed)
	l.Append("bob@example.org", withdrawn)
	l.Append("bob@example.org", withdrawn)
	l.Append("dan@example.org", at(consent.EventRefused))
	last := l.Append("eve@example.org", at(consent.EventDeferred))
	want := []funnel.Cell{{
		Key:    funnel.Key{Touchpoint: ledgertest.Form, Notice: "newsletter-v1"},
		Counts: funnel.Counts{Asked: 3, Given: 3, Confirmed: 2, Refused: 1, Deferred: 1, Withdrawn: 1},
	}}
	if got := counted(t, f, last); !reflect.DeepEqual(got, want) {
		t.Errorf("as it happened: %+v", got)
	}
	if got := counted(t, run(t, l), last); !reflect.DeepEqual(got, want) {
		t.Errorf("anew: %+v", got)
	}
}

// skipping is a store whose watcher misses changes, as that of a replica does which was away for longer than changes are kept.
type skipping struct {
	store.Store
	away atomic.Bool
}

func (s *skipping) Watch(f func([]store.Change)) {
	s.Store.Watch(func(c []store.Change) {
		if !s.away.Load() {
			f(c)
		}
	})
}

func TestWhatAReplicaMissedIsCountedAnew(t *testing.T) {
	db, err := sqlite.Open(t.Context(), t.TempDir(), "key", make([]byte, 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s := &skipping{Store: db}
	quiet := slog.New(slog.DiscardHandler)
	hub := stream.NewHub(s, quiet)
	f := funnel.New(s, hub, quiet)
	done := make(chan struct{})
	go func() { defer close(done); f.Run(t.Context()) }()
	t.Cleanup(func() {
		hub.Close()
		<-done
		_ = db.Close()
	})
	given := func(n int) {
		_, errs, err := s.Append(t.Context(), storetest.Given(n))
		if err := errors.Join(append(errs, err)...); err != nil {
			t.Fatal(err)
		}
	}
	given(1)
	counted(t, f, 1)
	s.away.Store(true)
	given(2)
	given(3)
	s.away.Store(false)
	given(4)
	if got := counted(t, f, 4); len(got) != 1 || got[0].Given != 4 {
		t.Errorf("of 4 grants %+v are counted", got)
	}
}
