package rekey_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/rekey"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/audit"
	"github.com/optup/optup/internal/ledger/store/journal"
	postgresstore "github.com/optup/optup/internal/ledger/store/postgres"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/testkit/postgres"
)

const (
	controller = "shop-gmbh"
	people     = 4000
)

// place is a database, in a directory or behind a URL, and the files of its two keys.
type place struct{ dir, url, first, next string }

const (
	envDir, envURL     = "OPTUP_TEST_REKEY_DIR", "OPTUP_TEST_REKEY_URL"
	envFirst, envNext  = "OPTUP_TEST_REKEY_FIRST", "OPTUP_TEST_REKEY_NEXT"
	settled, turn, hot = 50 * time.Millisecond, 20 * time.Millisecond, 4000
)

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if os.Getenv(envFirst) == "" {
		os.Exit(m.Run())
	}
	p := place{os.Getenv(envDir), os.Getenv(envURL), os.Getenv(envFirst), os.Getenv(envNext)}
	s, all, err := p.open(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	k := keeper(s, all)
	go func() {
		for k.Done() == 0 && all.Stream.Scheme().Current == 1 {
			time.Sleep(time.Millisecond)
		}
		fmt.Println("has begun")
	}()
	_ = k.Run(context.Background())
}

func keeper(s store.Store, all keys.All) *rekey.Keeper {
	return rekey.New(rekey.Options{
		Store: s, Keys: all.Stream, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Every: 5 * time.Millisecond, Settled: settled, Turn: turn, Rate: hot,
		Rekey: func(now store.Scheme) error { _, err := all.Stream.Follow(now); return err },
	})
}

func (p place) open(ctx context.Context) (s store.Store, all keys.All, err error) {
	first, errFirst := keys.ReadRoot(p.first)
	next, errNext := keys.ReadRoot(p.next)
	url := func() (string, error) { return p.url, nil }
	var kept []store.RootKey
	if p.url == "" {
		kept, err = sqlite.RootKeys(ctx, p.dir)
	} else {
		kept, err = postgresstore.RootKeys(ctx, url)
	}
	if err := errors.Join(err, errFirst, errNext); err != nil {
		return nil, all, err
	}
	if all, err = keys.Derive(first, &next, controller, kept); err != nil {
		return nil, all, err
	}
	complete := journal.Completing(all.Stream.Complete)
	if p.url == "" {
		s, err = sqlite.Open(ctx, p.dir, all.Stream.ID(), all.Secrets.Wrapping(), time.Now, complete)
	} else {
		s, err = postgresstore.Open(ctx, postgresstore.Options{
			URL: url, KeyID: all.Stream.ID(), Wrapping: all.Secrets.Wrapping(), Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		}, complete)
	}
	return s, all, err
}

func newPlace(t *testing.T, url string) place {
	t.Helper()
	dir := t.TempDir()
	p := place{filepath.Join(dir, "data"), url, filepath.Join(dir, "first"), filepath.Join(dir, "next")}
	if err := errors.Join(keys.CreateRoot(p.first), keys.CreateRoot(p.next)); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTheChangeGoesOnAfterAKill: however often the process that changes keys is killed, nobody is forgotten, and nobody's work is done twice.
func TestTheChangeGoesOnAfterAKill(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { killed(t, newPlace(t, "")) })
	t.Run("postgres", func(t *testing.T) { killed(t, newPlace(t, postgres.Shared(t).Database(t))) })
}

func killed(t *testing.T, p place) {
	s, all := opened(t, p)
	var events []store.Append
	for n := range people {
		id, err := all.Stream.Identity(address(n))
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, store.Append{Identities: []store.Identity{id}, Event: storetest.Given(n).Event})
	}
	if _, errs, err := s.Append(t.Context(), events...); errors.Join(append(errs, err)...) != nil {
		t.Fatal(errors.Join(append(errs, err)...))
	}
	key, err := all.Lineage.Key(2, controller)
	if err == nil {
		err = s.Rotate(t.Context(), store.First, store.First.Next(), key)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	cut, left := 0, people
	for range storetest.Rounds() {
		p.kill(t)
		s, all := opened(t, p)
		h, err := s.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, now, err := rekey.Lacking(t.Context(), s, all.Stream, h.Scheme, 0)
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
		if now > left {
			t.Fatalf("%d lack a tag, where it was %d", now, left)
		}
		if left = now; left > 0 && left < people {
			cut++
		}
	}
	if cut == 0 {
		t.Fatal("no process was killed in the middle of the work")
	}
	p.finish(t)
	p.check(t)
	t.Logf("killed %d times in the middle of the work", cut)
}

func opened(t *testing.T, p place) (store.Store, keys.All) {
	t.Helper()
	s, all, err := p.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s, all
}

func address(n int) consent.Identifier {
	return consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: fmt.Sprintf("p%d@example.org", n)}
}

// kill runs a process that changes keys until a moment after it began.
func (p place) kill(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envDir+"="+p.dir, envURL+"="+p.url, envFirst+"="+p.first, envNext+"="+p.next)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	begun := bufio.NewScanner(out).Scan()
	time.Sleep(rand.N(200 * time.Millisecond))
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if !begun {
		t.Fatal("the process did not begin")
	}
}

// finish lets the change come to its end.
func (p place) finish(t *testing.T) {
	t.Helper()
	s, all := opened(t, p)
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); _ = keeper(s, all).Run(ctx) }()
	for ctx.Err() == nil {
		if h, err := s.Head(ctx); err == nil && h.Scheme == (store.Scheme{Current: 2, Other: 2}) {
			cancel()
		}
		time.Sleep(5 * time.Millisecond)
	}
	<-done
	h, err := s.Head(t.Context())
	if err != nil || h.Scheme != (store.Scheme{Current: 2, Other: 2}) {
		t.Fatalf("%+v, %v", h, err)
	}
	if _, err := all.Stream.Follow(h.Scheme); err != nil {
		t.Fatal(err)
	}
	if want := consent.Position(2 * people); h.Position != want {
		t.Errorf("the log has %d events, want %d: each identifier once more", h.Position, want)
	}
	for n := range people {
		id, err := all.Stream.Identity(address(n))
		if err != nil || id.Tags[0].Generation() != 2 {
			t.Fatal(err)
		}
		if r, err := s.Lookup(t.Context(), id.Tags[n%3]); err != nil || len(r.Grants) != 1 {
			t.Fatalf("person %d: %+v, %v", n, r, err)
		}
	}
}

// check verifies the database as anybody can, without keys.
func (p place) check(t *testing.T) {
	t.Helper()
	var db audit.Database
	if p.url == "" {
		a, err := sqlite.OpenAudit(t.Context(), filepath.Join(p.dir, sqlite.FileName))
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		db = a
	} else {
		a, err := postgresstore.OpenAudit(t.Context(), func() (string, error) { return p.url, nil })
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		db = a
	}
	if r, err := audit.Verify(t.Context(), db, audit.Options{}); err != nil || !r.Sound() || r.People != people {
		t.Fatalf("%+v, %v", r, err)
	}
}
