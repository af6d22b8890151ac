package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/storetest"
)

func openIn(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, "key-1", time.Now)
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
	if _, err := Open(t.Context(), dir, "key-2", time.Now); !errors.Is(err, store.ErrKey) {
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
}

func TestTimeInTheLogNeverGoesBack(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, err := Open(t.Context(), t.TempDir(), "key-1", func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		r, _, err := s.Append(t.Context(), storetest.Given(1))
		if err != nil || r[0].At.Before(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)) {
			t.Fatalf("at %v, %v", r, err)
		}
		now = now.Add(-time.Hour)
	}
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
	s, err := Open(context.Background(), dir, "key-1", time.Now)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	for n := 0; ; n++ {
		r, _, err := s.Append(context.Background(), storetest.Given(n), storetest.Given(n+1_000_000))
		if err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println(r[1].Position)
	}
}

func TestKilledProcessLosesNothingItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "OPTUP_TEST_APPEND_TO="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	acknowledged, lines := 0, bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
		if err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
		if acknowledged = n; n >= 40 {
			_ = cmd.Process.Kill() // SIGKILL, in the middle of the next append; what it still says is read on
		}
	}
	_ = cmd.Wait()
	if acknowledged < 40 {
		t.Fatalf("only %d appends before the kill", acknowledged)
	}
	s := openIn(t, dir)
	defer s.Close()
	var count, last int
	if err := s.reader.QueryRow(`SELECT count(*), max(position) FROM events`).Scan(&count, &last); err != nil {
		t.Fatal(err)
	}
	h, err := s.Head(t.Context())
	if err != nil || last < acknowledged || count != last || h.Position != consent.Position(last) {
		t.Fatalf("acknowledged %d, last %d, count %d, head %d, %v", acknowledged, last, count, h.Position, err)
	}
}
