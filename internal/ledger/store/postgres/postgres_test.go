package postgres

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/testkit/postgres"
)

func at(url string) func() (string, error) { return func() (string, error) { return url, nil } }

// options are those of a test's store.
func options(t *testing.T, url string) Options {
	return Options{URL: at(url), KeyID: "key-1", Wrapping: wrapping, Now: storetest.Now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

func open(t *testing.T, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), options(t, url), journal.Completing(storetest.Keys(t).Stream.Complete))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestAcceptance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Factory {
		url := postgres.Shared(t).Database(t)
		return func(t *testing.T) store.Store { return open(t, url) }
	})
}

func TestAnotherKeyIsRefused(t *testing.T) {
	url := postgres.Shared(t).Database(t)
	if err := open(t, url).Close(); err != nil {
		t.Fatal(err)
	}
	o := options(t, url)
	o.KeyID = "key-2"
	if _, err := Open(t.Context(), o); !errors.Is(err, store.ErrKey) {
		t.Fatalf("err = %v, want ErrKey", err)
	}
}
