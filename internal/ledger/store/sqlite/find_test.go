package sqlite

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/storetest"
)

// TestWhoLooksForPeopleWhileTheStoreCloses is answered, or told that it is closed.
func TestWhoLooksForPeopleWhileTheStoreCloses(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir(), "key-1", wrapping, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	a := storetest.Given(1)
	tag := a.Identities[0].Tags[0]
	if _, errs, err := s.Append(t.Context(), a); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	var group, asked sync.WaitGroup
	for range 4 * maxFinders {
		asked.Add(1)
		group.Go(func() {
			for n := 0; ; n++ {
				r, err := s.Lookup(t.Context(), tag)
				if n == 0 {
					asked.Done()
				}
				if errors.Is(err, store.ErrClosed) {
					return
				}
				if err != nil || r.Position != 1 {
					t.Errorf("%+v, %v", r, err)
					return
				}
			}
		})
	}
	asked.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	group.Wait()
	if n, free := len(s.finders.using), len(s.finders.free); n+free > 0 {
		t.Errorf("%d connections are in use after the store was closed, and %d open", n, free)
	}
}

func TestWhoWaitsToLookForSomebodyMayGiveUp(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir(), "key-1", wrapping, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range maxFinders {
		one, err := s.finders.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.finders.give(one)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.Lookup(ctx, storetest.Given(1).Identities[0].Tags[0]); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestWhoWasUsedLastIsUsedNext, and is the only connection where one is enough.
func TestWhoWasUsedLastIsUsedNext(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir(), "key-1", wrapping, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	first, err := s.finders.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.finders.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.finders.give(second)
	s.finders.give(first)
	for range 3 {
		if _, err := s.Lookup(t.Context(), storetest.Given(1).Identities[0].Tags[0]); err != nil {
			t.Fatal(err)
		}
		if free := s.finders.free; len(free) != 2 || free[1] != first {
			t.Fatal("another connection was used than the last one")
		}
	}
}
