package postgres

import (
	"errors"
	"strings"
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
	// Evidence is taken again, of people whose keys the backup left out, too.
	append1(t, again, withEvidence(1))
	if got, err := again.Attachments(t.Context(), storetest.Tag(1)); err != nil || len(got) != 1 || string(got[0].Body) != seeded {
		t.Fatalf("%d attachments, %v", len(got), err)
	}
}

// A database without its keys is made whole again by whoever may, and refused otherwise; those that are restored beside it are left alone.
func TestKeysComeBackBesideALog(t *testing.T) {
	server := postgres.Shared(t)
	url := server.Database(t)
	append1(t, open(t, url), withEvidence(1))
	dump := server.Run(t, nil, "pg_dump", "--format=custom", "--exclude-schema=optup_keys", url)
	keys := server.Run(t, nil, "pg_dump", "--format=custom", "--schema=optup_keys", url)

	whole := server.Database(t)
	for _, part := range [][]byte{dump, keys} {
		server.Run(t, part, "pg_restore", "--exit-on-error", "--no-owner", "--dbname="+whole)
	}
	if got, err := open(t, whole).Attachments(t.Context(), storetest.Tag(1)); err != nil || len(got) != 1 || string(got[0].Body) != seeded {
		t.Fatalf("%d attachments, %v", len(got), err)
	}

	bare := server.Database(t)
	server.Run(t, dump, "pg_restore", "--exit-on-error", "--no-owner", "--dbname="+bare)
	name := nameOf(t, bare)
	role := "r_" + name
	server.Exec(t, name, `CREATE ROLE `+role+` LOGIN PASSWORD 'x'`, `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO `+role)
	t.Cleanup(func() { server.Exec(t, "postgres", `DROP ROLE `+role) })
	t.Cleanup(func() { server.Exec(t, name, `DROP OWNED BY `+role) })
	if s, err := Open(t.Context(), options(t, server.As(role, "x", name))); err == nil {
		_ = s.Close()
		t.Fatal("a ledger serves that can take no evidence")
	} else if !strings.Contains(err.Error(), "optup_keys") {
		t.Fatal(err)
	}
	s := open(t, bare)
	if got, err := s.Attachments(t.Context(), storetest.Tag(1)); err != nil || len(got) != 0 {
		t.Fatalf("%d attachments can be read without keys, %v", len(got), err)
	}
	append1(t, s, withEvidence(1))
	if got, err := s.Attachments(t.Context(), storetest.Tag(1)); err != nil || len(got) != 1 || string(got[0].Body) != seeded {
		t.Fatalf("%d attachments, %v", len(got), err)
	}
}
