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
	for range maxFinders {
		if one := <-s.finders.places; one != nil {
			t.Error("a connection is open after the store was closed")
		}
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
		defer func() { s.finders.places <- one }()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.Lookup(ctx, storetest.Given(1).Identities[0].Tags[0]); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
