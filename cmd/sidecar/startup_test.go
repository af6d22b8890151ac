package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

// probed is a sidecar with its probes, which has had no bundle yet.
func probed(t *testing.T, wait time.Duration) (s *sidecar, ask func(path string) (int, string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	o := options{state: t.TempDir(), usesSpool: 1, factsTime: wait, admin: free(t), ledgerToken: filepath.Join(t.TempDir(), "token")}
	if err := os.WriteFile(o.ledgerToken, []byte(ledgertest.DevToken), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := newSidecar(ctx, group, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := serveAdmin(ctx, group, o.admin, s, s.registry); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
	return s, func(path string) (int, string) {
		t.Helper()
		res, err := http.Get("http://" + o.admin + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(body)
	}
}

func following(urls ...string) client.Update {
	b := ledgertest.NewBundle("newsletter")
	b.Ledgers = nil
	for _, u := range urls {
		b.Ledgers = append(b.Ledgers, ir.Ledger{Controller: ledgertest.Controller, URL: u})
	}
	return client.Update{Generation: 1, Bundle: b}
}

// TestTheApplicationStartsOnceThereAreFacts, and readiness never waits for them.
func TestTheApplicationStartsOnceThereAreFacts(t *testing.T) {
	l := ledgertest.New(t).Start()
	s, ask := probed(t, time.Hour)
	if code, said := ask("/startup"); code != http.StatusServiceUnavailable || !strings.Contains(said, "a bundle") {
		t.Errorf("without a bundle: %d %s", code, said)
	}
	if err := s.Apply(following("http://127.0.0.1:1")); err != nil {
		t.Fatal(err)
	}
	if code, said := ask("/startup"); code != http.StatusServiceUnavailable || !strings.Contains(said, "facts") {
		t.Errorf("without a ledger: %d %s", code, said)
	}
	if code, said := ask("/readyz"); code != http.StatusOK {
		t.Errorf("readiness without a ledger: %d %s", code, said)
	}
	if err := s.Apply(following(l.URL)); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		code, said := ask("/startup")
		if code == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("with a ledger: %d %s", code, said)
		}
	}
	if s.withoutFacts() {
		t.Error("it started without facts")
	}
}

// TestTheApplicationStartsWithoutALedgerInTheEnd, or at once where none is named.
func TestTheApplicationStartsWithoutALedgerInTheEnd(t *testing.T) {
	s, ask := probed(t, 0)
	if err := s.Apply(following("http://127.0.0.1:1")); err != nil {
		t.Fatal(err)
	}
	if code, said := ask("/startup"); code != http.StatusOK {
		t.Errorf("when its time is over: %d %s", code, said)
	}
	s, ask = probed(t, time.Hour)
	if err := s.Apply(following()); err != nil {
		t.Fatal(err)
	}
	if code, said := ask("/startup"); code != http.StatusOK {
		t.Errorf("without a ledger: %d %s", code, said)
	}
}

func TestHowLongTheApplicationWaits(t *testing.T) {
	begin, missing := time.Unix(1e9, 0), func() bool { return true }
	s := startup{limit: 10 * time.Second}
	for i, step := range []struct {
		after   time.Duration
		missing func() bool
		waits   bool
	}{
		{0, missing, true}, {9 * time.Second, missing, true}, {10 * time.Second, missing, false}, {11 * time.Second, missing, false},
	} {
		if got := s.waits(begin.Add(step.after), step.missing); got != step.waits {
			t.Errorf("step %d: it waits %v", i, got)
		}
	}
	early := startup{limit: 10 * time.Second}
	if early.waits(begin, func() bool { return false }) || early.waits(begin.Add(time.Second), missing) {
		t.Error("once started it waits again")
	}
}
