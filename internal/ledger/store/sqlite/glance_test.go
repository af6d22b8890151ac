package sqlite

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/store"
)

// TestTheHeadOfAClosedStore cannot be read any more, and is not what was kept of it.
func TestTheHeadOfAClosedStore(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir(), "key-1", wrapping, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(context.Context) (store.Head, error){"Head": s.Head, "Glance": s.Glance} {
		if _, err := read(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(context.Context) (store.Head, error){"Head": s.Head, "Glance": s.Glance} {
		if _, err := read(t.Context()); !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
