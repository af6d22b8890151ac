package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/storetest"
)

func openIn(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, "key-1", wrapping, storetest.Now, journal.Completing(storetest.Keys(t).Stream.Complete))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAcceptance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Factory {
		dir := t.TempDir()
		return func(t *testing.T) store.Store { return openIn(t, dir) }
	})
}

func TestAnotherKeyIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := openIn(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, "key-2", wrapping, time.Now); !errors.Is(err, store.ErrKey) {
		t.Fatalf("err = %v, want ErrKey", err)
	}
}

func TestDurabilityIsConfigured(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	var mode string
	var sync int
	if err := errors.Join(s.writer.QueryRow("PRAGMA journal_mode").Scan(&mode), s.writer.QueryRow("PRAGMA synchronous").Scan(&sync)); err != nil {
		t.Fatal(err)
	}
	if mode != "wal" || sync != 2 {
		t.Fatalf("journal_mode %s, synchronous %d; want wal and 2 (FULL)", mode, sync)
	}
	for pragma, want := range map[string]int64{"synchronous": 2, "secure_delete": 1, "temp_store": 2} {
		if got := pragmaOf(t, s, "PRAGMA "+pragma); got != want {
			t.Errorf("the appender's %s is %d; want %d", pragma, got, want)
		}
	}
	for name, db := range map[string]*sql.DB{"writer": s.writer, "reader": s.reader, "keys": s.keys.db} {
		var temporary int
		if err := db.QueryRow("PRAGMA temp_store").Scan(&temporary); err != nil || temporary != 2 {
			t.Errorf("%s: temp_store %d, %v; want 2 (memory), because pods have no other place", name, temporary, err)
		}
	}
}

// pragmaOf runs a pragma on the appender's connection, while nobody appends.
func pragmaOf(t *testing.T, s *Store, sql string) int64 {
	t.Helper()
	if err := s.turn.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.turn.pass()
	pragma, err := s.database.conn.Prepare(sql)
	if err != nil {
		t.Fatal(err)
	}
	defer pragma.Reset()
	if there, err := pragma.Step(); err != nil || !there {
		t.Fatal(there, err)
	}
	return pragma.Number(0)
}

func TestNobodyKnowsTheFuture(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	a := storetest.Given(1)
	a.Event.BasedOn = 1 // the position that the event itself would get
	_, errs, err := s.Append(t.Context(), a)
	if err != nil || !errors.Is(errs[0], consent.ErrInvalid) {
		t.Fatalf("a grant that is based on what has not happened yet: %v, %v; want invalid", errs, err)
	}
}

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("OPTUP_TEST_APPEND_TO"); dir != "" {
		appendUntilKilled(dir)
		return
	}
	os.Exit(m.Run())
}

func appendUntilKilled(dir string) {
	s, err := Open(context.Background(), dir, "key-1", wrapping, time.Now)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	storetest.AppendUntilKilled(s, os.Stdout)
}

func TestKilledProcessLosesNothingItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	storetest.Crash(t, func(t *testing.T) store.Store { return openIn(t, dir) }, func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "OPTUP_TEST_APPEND_TO="+dir)
		return cmd
	})
}

func TestAFullDatabaseRefusesAndGoesOn(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	storetest.Full(t, s, func() func() {
		pages := pragmaOf(t, s, `PRAGMA page_count`)
		limit := func(n int64) { pragmaOf(t, s, fmt.Sprintf(`PRAGMA max_page_count = %d`, n)) }
		limit(pages + 4)
		return func() { limit(1 << 30) }
	})
}

// TestWhatWasErasedIsInNoFile: not in a page that is free, either.
func TestWhatWasErasedIsInNoFile(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	a := storetest.Given(1)
	a.Event.Touchpoint = "a-word-that-is-nowhere-else"
	in := func() (found bool) {
		t.Helper()
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			found = found || bytes.Contains(raw, []byte(a.Event.Touchpoint))
		}
		return found
	}
	for n := range 200 { // a page of the person alone would be taken again
		other := storetest.Given(100 + n)
		if _, errs, err := s.Append(t.Context(), a, other); err != nil || errs[0] != nil || errs[1] != nil {
			t.Fatal(errs, err)
		}
	}
	if err := s.Close(); err != nil || !in() {
		t.Fatalf("the word is not there before the erasure; %v", err)
	}
	s = openIn(t, dir)
	if _, errs, err := s.Append(t.Context(), storetest.About(1, consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer})); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	if err := s.Close(); err != nil || in() {
		t.Fatalf("the word is still there after the erasure; %v", err)
	}
}
