package postgres

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/testkit/postgres"
)

// A dump is taken as the guide says while 16 writers append. Restored into an empty database it is sound, holds everything that was
// acknowledged before the dump began, and goes on in another epoch once it is adopted.
func TestADumpWhileOthersWriteIsALedger(t *testing.T) {
	server := postgres.Shared(t)
	url := server.Database(t)
	s := open(t, url)
	var all sync.WaitGroup
	done := make(chan struct{})
	var mu sync.Mutex
	var acknowledged consent.Position
	reached := func() consent.Position {
		mu.Lock()
		defer mu.Unlock()
		return acknowledged
	}
	for w := range 16 {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				r, errs, err := s.Append(t.Context(), store.Append{
					Identities: []store.Identity{storetest.Identity(consent.IdentifierEmail, w*1000+n%50)},
					Event:      consent.Event{Type: consent.EventAsked, Purpose: "newsletter"},
				})
				if err := errors.Join(append(errs, err)...); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged = max(acknowledged, r[0].Position)
				mu.Unlock()
			}
		})
	}
	for deadline := time.Now().Add(time.Minute); reached() < 600; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("only %d events in a minute", reached())
		}
	}
	before := reached()
	dump := server.Run(t, nil, "pg_dump", "--format=custom", "--exclude-schema=optup_keys", url)
	close(done)
	all.Wait()
	old, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	restored := server.Database(t)
	server.Run(t, dump, "pg_restore", "--exit-on-error", "--no-owner", "--dbname="+restored)
	r := verify(t, restored)
	if !r.Sound() || r.Size < before || r.Size > old.Position {
		t.Fatalf("%d to %d: %+v", before, old.Position, r)
	}
	again := open(t, restored)
	head, err := again.Adopt(t.Context(), old.Epoch)
	if err != nil || head.Epoch == old.Epoch || head.Position != r.Size {
		t.Fatalf("%+v, %v", head, err)
	}
	if root, err := s.RootAt(t.Context(), r.Size); err != nil || root != head.Root {
		t.Fatalf("it is the beginning of another log, %v", err)
	}
	result, errs, err := again.Append(t.Context(), store.Append{
		Identities: []store.Identity{storetest.Identity(consent.IdentifierEmail, 1)}, Event: consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"},
	})
	if err := errors.Join(append(errs, err)...); err != nil || result[0].Position != head.Position+1 {
		t.Fatalf("%+v, %v", result, err)
	}
}
