package stream_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/stream"
)

// TestATapSeesEveryChangeAndHoldsNobodyUp: one consumer follows, another never asks.
func TestATapSeesEveryChangeAndHoldsNobodyUp(t *testing.T) {
	l := ledgertest.New(t).Start()
	tap, idle := l.Hub.Tap(), l.Hub.Tap()
	defer idle.Close()
	const events = 50
	go func() {
		for n := range events {
			l.Append(fmt.Sprintf("p%d@example.org", n), ledgertest.Given("newsletter"))
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var seen []store.Change
	for len(seen) < events {
		changes, err := tap.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, changes...)
	}
	for n, c := range seen {
		if int(c.Event.Position) != n+1 {
			t.Fatalf("position %d came as number %d", c.Event.Position, n)
		}
	}
	tap.Close()
	if _, err := tap.Next(ctx); !errors.Is(err, stream.ErrEnded) {
		t.Fatalf("err = %v", err)
	}
}

// TestATapThatFallsBehindIsTold: a store that never waits.
func TestATapThatFallsBehindIsTold(t *testing.T) {
	source := &watched{}
	hub := stream.NewHub(source, nil)
	tap := hub.Tap()
	for range 65 {
		source.tell(make([]store.Change, 1<<10))
	}
	if _, err := tap.Next(t.Context()); !errors.Is(err, stream.ErrBehind) {
		t.Fatalf("err = %v", err)
	}
	source.tell(make([]store.Change, 2))
	if c, err := tap.Next(t.Context()); err != nil || len(c) != 2 {
		t.Fatalf("%d changes, %v", len(c), err)
	}
	hub.Close()
	if _, err := tap.Next(t.Context()); !errors.Is(err, stream.ErrEnded) {
		t.Fatalf("err = %v", err)
	}
}

// watched is a store of which nothing is asked but changes.
type watched struct {
	store.Store
	tell func([]store.Change)
}

func (*watched) Head(context.Context) (store.Head, error) { return store.Head{}, nil }

func (w *watched) Watch(f func([]store.Change)) { w.tell = f }
