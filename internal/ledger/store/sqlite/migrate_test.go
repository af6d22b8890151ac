package sqlite

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/storetest"
)

// old makes a database of version 3 with people of two tags each: the first agreed and withdrew, the others agreed.
func old(t *testing.T, dir string, people int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	exec := func(q string, args ...any) {
		t.Helper()
		if _, err := db.Exec(q, args...); err != nil {
			t.Fatal(err)
		}
	}
	raw := func(v any) []byte {
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	db.SetMaxOpenConns(1)
	exec(`BEGIN`)
	defer exec(`COMMIT`)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	position := consent.Position(0)
	for id := 1; id <= people; id++ {
		events := []consent.Event{storetest.Given(0).Event}
		if id == 1 {
			events = append(events, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"})
		}
		for i := range events {
			position++
			events[i].Position, events[i].At = position, at
		}
		exec(`INSERT INTO people (id, record) VALUES (?, ?)`, id, raw(consent.Fold(events)))
		for n := range 2 {
			tag := storetest.Tag(10*id + n)
			exec(`INSERT INTO tags (tag, person) VALUES (?, ?)`, tag[:], id)
		}
		for _, e := range events {
			exec(`INSERT INTO events (position, person, event) VALUES (?, ?, ?)`, e.Position, id, raw(e))
			exec(`INSERT INTO idempotency (key, digest, position, at) VALUES (?, ?, ?, ?)`, fmt.Sprint("key-", e.Position), make([]byte, 32), e.Position, at.UnixNano())
		}
	}
	exec(`INSERT INTO head (id, epoch, position, at, key_id, hashed) VALUES (1, 'old', ?, ?, 'key-1', 1)`, position, at.UnixNano())
}

func TestAnOldDatabaseIsTakenOver(t *testing.T) {
	dir := t.TempDir()
	const people = 1200
	old(t, dir, people)
	s := openIn(t, dir)
	defer s.Close()
	h, err := s.Head(t.Context())
	if err != nil || h.Epoch != "old" || h.Position != people+1 || !h.Hashed {
		t.Fatalf("%+v, %v", h, err)
	}
	storetest.Consistent(t, s) // every entry has its salt and leaf, and the records are what the entries come to
	for _, n := range []int{10, 11} {
		if r, err := s.Lookup(t.Context(), storetest.Tag(n)); err != nil || r.Grants[0].Status != consent.StatusWithdrawn {
			t.Errorf("tag %d: %+v, %v", n, r, err)
		}
	}
	seen := 0
	if _, err := s.Snapshot(t.Context(), func(p store.Person) error {
		if seen++; len(p.Tags) != 2 {
			t.Errorf("a person with %d tags", len(p.Tags))
		}
		return nil
	}); err != nil || seen != people {
		t.Errorf("%d people, %v", seen, err)
	}
	again := storetest.Given(1)
	again.Key = "key-2"
	if r, errs, err := s.Append(t.Context(), again); err != nil || errs[0] != nil || !r[0].Replayed || r[0].Position != 2 {
		t.Errorf("an old key: %+v, %v, %v", r, errs, err)
	}
	if r, errs, err := s.Append(t.Context(), storetest.Given(5_000_000)); err != nil || errs[0] != nil || r[0].Position != people+2 {
		t.Errorf("the log goes on with %+v, %v, %v", r, errs, err)
	}
	// What is new is found, and erased, together with what was kept in the old way.
	again = storetest.Given(10)
	again.Event.BasedOn = 2
	if _, errs, err := s.Append(t.Context(), again, again); err != nil || errs[0] != nil || errs[1] != nil {
		t.Fatal(errs, err)
	}
	history := func() (out []consent.Position) {
		t.Helper()
		all, err := s.History(t.Context(), []consent.Tag{storetest.Tag(11)}, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			out = append(out, l.Position)
		}
		return out
	}
	storetest.Consistent(t, s)
	if got, want := history(), []consent.Position{people + 4, people + 3, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("the history is %v, not %v", got, want)
	}
	if _, errs, err := s.Append(t.Context(), storetest.About(10, consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer})); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	if got, want := history(), []consent.Position{people + 5}; !slices.Equal(got, want) {
		t.Errorf("after the erasure the history is %v, not %v", got, want)
	}
}

// TestADatabaseOfALaterVersionIsRefused with a sentence that says what to do, and as it is.
func TestADatabaseOfALaterVersionIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	if _, err := s.writer.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, "key", make([]byte, 32), time.Now); err == nil || !strings.Contains(err.Error(), "run the later one") {
		t.Fatalf("err = %v", err)
	}
}
