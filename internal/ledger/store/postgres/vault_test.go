package postgres

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/seal"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/testkit/postgres"
)

var wrapping = bytes.Repeat([]byte{7}, 32)

const seeded = "ada.lovelace@seeded.example"

func append1(t *testing.T, s *Store, a store.Append) store.Result {
	t.Helper()
	r, refused, err := s.Append(t.Context(), a)
	if err := errors.Join(append(refused, err)...); err != nil {
		t.Fatal(err)
	}
	return r[0]
}

func withEvidence(n int) store.Append {
	a := storetest.Given(n)
	a.Attachments = []store.Attachment{{Kind: store.KindEvidence, Body: []byte(seeded)}}
	return a
}

// A dump without the schema of the keys is of no use once the keys are gone, and nothing readable is in it.
func TestNoBackupBringsBackWhatWasShredded(t *testing.T) {
	for name, erase := range map[string]func(t *testing.T, s *Store){
		"by an erased event": func(t *testing.T, s *Store) {
			append1(t, s, storetest.About(1, consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer}))
		},
		"by hand": func(t *testing.T, s *Store) {
			if err := s.Shred(t.Context(), storetest.Tag(1)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := postgres.Shared(t).Database(t)
			s := open(t, url)
			append1(t, s, withEvidence(1))
			dump := dumped(t, url)
			var keys int
			if err := s.pool.QueryRow(t.Context(), `SELECT count(*) FROM optup_keys.keys`).Scan(&keys); err != nil || keys != 1 {
				t.Fatalf("%d keys, %v", keys, err)
			}
			if !strings.Contains(dump, "attachments") || strings.Contains(dump, "wrapped") || strings.Contains(dump, "lovelace") {
				t.Error("the dump holds keys, a person, or no attachments")
			}
			rows := `INSERT INTO attachments OVERRIDING SYSTEM VALUE SELECT * FROM kept`
			if _, err := s.pool.Exec(t.Context(), `CREATE TABLE kept AS SELECT * FROM attachments`); err != nil {
				t.Fatal(err)
			}
			erase(t, s)
			if err := s.pool.QueryRow(t.Context(), `SELECT count(*) FROM optup_keys.keys`).Scan(&keys); err != nil || keys != 0 {
				t.Fatalf("%d keys are left, %v", keys, err)
			}
			if _, err := s.pool.Exec(t.Context(), rows); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Attachments(t.Context(), storetest.Tag(1)); err != nil || len(got) != 0 {
				t.Fatalf("%d can be read again, %v", len(got), err)
			}
		})
	}
}

func dumped(t *testing.T, url string) string {
	t.Helper()
	out, err := exec.Command("pg_dump", "--exclude-schema=optup_keys", "--dbname="+url).Output()
	if err != nil {
		t.Fatalf("pg_dump: %v", err)
	}
	return string(out)
}

func TestABodyInAnotherPlaceIsNotRead(t *testing.T) {
	s := open(t, postgres.Shared(t).Database(t))
	append1(t, s, withEvidence(1))
	append1(t, s, withEvidence(2))
	if _, err := s.pool.Exec(t.Context(), `UPDATE attachments SET identity = 3 - identity`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Attachments(t.Context(), storetest.Tag(1)); !errors.Is(err, seal.ErrSealed) {
		t.Fatalf("err = %v", err)
	}
}

// Two replicas, one that appends evidence and one that shreds: what is appended after the last shredding can be read.
func TestKeysAreNotShreddedUnderAnAppend(t *testing.T) {
	url := postgres.Shared(t).Database(t)
	a, b := open(t, url), open(t, url)
	for range 20 {
		done := make(chan error)
		go func() { done <- b.Shred(t.Context(), storetest.Tag(1)) }()
		append1(t, a, withEvidence(1))
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	append1(t, a, withEvidence(1))
	got, err := b.Attachments(t.Context(), storetest.Tag(1))
	if err != nil || len(got) == 0 || string(got[len(got)-1].Body) != seeded {
		t.Fatalf("%d attachments, %v", len(got), err)
	}
	var orphans int
	if err := a.pool.QueryRow(t.Context(), `SELECT count(*) FROM attachments WHERE key NOT IN (SELECT id FROM optup_keys.keys)`).Scan(&orphans); err != nil || orphans != 0 {
		t.Fatalf("%d cannot be read, %v", orphans, err)
	}
}

// A backup is restored without the keys: whoever had asked for erasure by then is still erased.
func TestARequestForErasureOutlivesItsKey(t *testing.T) {
	s := open(t, postgres.Shared(t).Database(t))
	append1(t, s, withEvidence(1))
	append1(t, s, storetest.About(1, consent.Event{Type: consent.EventErasureRequested}))
	if _, err := s.pool.Exec(t.Context(), `DELETE FROM optup_keys.keys`); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Attachments(t.Context(), storetest.Tag(1), store.KindEvidence); err != nil || len(got) != 0 {
		t.Fatalf("%d can be read, %v", len(got), err)
	}
	later := time.Now().Add(time.Hour)
	due, err := s.Due(t.Context(), store.KindErasure, later, time.Minute, 10)
	if err != nil || len(due) != 1 || due[0].Tag != storetest.Tag(1) {
		t.Fatalf("%d requests are due, %v: the person is never erased", len(due), err)
	}
	append1(t, s, storetest.About(1, consent.Event{Type: consent.EventErased}))
	if b, err := s.Backlog(t.Context(), store.KindErasure, later); err != nil || b.Waiting != 0 {
		t.Fatalf("%+v, %v", b, err)
	}
}
