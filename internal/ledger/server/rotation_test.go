package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/api"
	"github.com/optup/optup/internal/ledger/client"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/server"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/audit"
	postgresstore "github.com/optup/optup/internal/ledger/store/postgres"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/internal/testkit/postgres"
)

// town is a database whose key changes, with a ledger or more on it.
type town struct {
	t        *testing.T
	dir, url string
	first    keys.Root
	next     keys.Root
}

func (w *town) options(root keys.Root, next *keys.Root) server.Options {
	w.t.Helper()
	config, err := json.Marshal(map[string]any{"controller": ledgertest.Controller})
	if err != nil {
		w.t.Fatal(err)
	}
	path := filepath.Join(w.t.TempDir(), "config.json")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		w.t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	guard, err := access.Open(access.Options{ConfigFile: path, DevToken: ledgertest.DevToken, Now: time.Now, Logger: log})
	if err != nil {
		w.t.Fatal(err)
	}
	o := server.Options{Data: w.dir, Root: root, Next: next, Guard: guard, Now: time.Now, Logger: log, Settled: 3 * time.Second}
	if w.url != "" {
		o.DatabaseURL = func() (string, error) { return w.url, nil }
	}
	return o
}

// open serves a ledger until the function that it gives is called.
func (w *town) open(root keys.Root, next *keys.Root) (*server.Ledger, string, func()) {
	w.t.Helper()
	l, err := server.Open(w.t.Context(), w.options(root, next))
	if err != nil {
		w.t.Fatal(err)
	}
	s := httptest.NewServer(l.Server(server.Served{Limits: &api.Limits{}}).Handler)
	end := sync.OnceFunc(func() {
		l.Hub.Close()
		s.CloseClientConnections()
		s.Close()
		if err := l.Close(); err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(end)
	return l, s.URL, end
}

func (w *town) follow(ctx context.Context, url string) *client.Feed {
	feed := client.New(client.Options{
		URL: url, Logger: slog.New(slog.DiscardHandler), PingEvery: 20 * time.Millisecond, Retry: 5 * time.Millisecond,
		Token: func() (string, error) { return ledgertest.DevToken, nil }, Purposes: func() []consent.PurposeID { return []consent.PurposeID{"newsletter"} },
	})
	done := make(chan error, 1)
	go func() { done <- feed.Run(ctx) }()
	w.t.Cleanup(func() { <-done })
	return feed
}

func (w *town) write(l *server.Ledger, i consent.Identifier, key string, e consent.Event) consent.Position {
	id, err := l.Keys.Identity(i)
	if err != nil {
		w.t.Error(err)
		return 0
	}
	r, errs, err := l.Store.Append(context.Background(), store.Append{Identities: []store.Identity{id}, Event: e, Key: key})
	if err := errors.Join(append(errs, err)...); err != nil {
		w.t.Error(err)
		return 0
	}
	return r[0].Position
}

func person(what string, n int) consent.Identifier {
	return ledgertest.Email(fmt.Sprintf("%s%d@example.org", what, n))
}

// hashedPerson is known to the ledger by a hash alone.
func hashedPerson(n int) consent.Identifier { return consent.Derived(person("hashed", n))[0] }

const townsfolk = 120

// settle fills a town: people who agreed, people who took it back, and people who objected and are known by a hash alone.
func (w *town) settle(l *server.Ledger) {
	for n := range townsfolk {
		w.write(l, person("yes", n), "", ledgertest.Given("newsletter"))
		w.write(l, person("no", n), "", ledgertest.Given("newsletter"))
		w.write(l, person("no", n), "", ledgertest.Withdrawn("newsletter"))
		if n%10 == 0 { // who was erased, and stays suppressed
			w.write(l, person("gone", n), "", ledgertest.Given("newsletter"))
			w.write(l, person("gone", n), "", consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer})
		}
		w.write(l, hashedPerson(n), "", consent.Event{Type: consent.EventObjected, Scope: consent.ScopeAll, Actor: consent.ActorTouchpoint})
	}
}

// wrong asks a sidecar about everybody, and says what it does not know. It says nothing of a sidecar that permits nothing.
func wrong(feed *client.Feed) string {
	view := feed.View()
	if view == nil || feed.Now().Age < 0 {
		return ""
	}
	for n := range townsfolk {
		for what, want := range map[string]consent.Status{"yes": consent.StatusGiven, "no": consent.StatusWithdrawn} {
			fact, known, err := feed.Lookup(person(what, n), "newsletter")
			if feed.View() != view || feed.Now().Age < 0 {
				return ""
			}
			if err != nil || !known || len(fact.Grants) != 1 || fact.Grants[0].Status != want {
				return fmt.Sprintf("%s %d: %+v, %v, %v", what, n, fact, known, err)
			}
		}
		if gone, known, err := feed.Lookup(person("gone", n), "newsletter"); n%10 == 0 {
			if feed.View() != view || feed.Now().Age < 0 {
				return ""
			}
			if err != nil || !known || gone.Suppressed == 0 {
				return fmt.Sprintf("that somebody is suppressed is not known, %d: %+v, %v, %v", n, gone, known, err)
			}
		}
		fact, known, err := feed.Lookup(person("hashed", n), "newsletter")
		if feed.View() != view || feed.Now().Age < 0 {
			return ""
		}
		if err != nil || !known || len(fact.Objections) != 1 {
			return fmt.Sprintf("an objection by hash is not known, %d: %+v, %v, %v", n, fact, known, err)
		}
	}
	return ""
}

// TestTheRootKeyChangesWhileTheLedgerServes: nobody is denied or permitted wrongly meanwhile by sidecars or look-ups, writes go on, and in the
// end the ledger runs with the next key alone, its log proves what it did, and idempotency keys are known.
func TestTheRootKeyChangesWhileTheLedgerServes(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { change(t, &town{t: t, dir: filepath.Join(t.TempDir(), "data")}, 1) })
	t.Run("postgres", func(t *testing.T) { change(t, &town{t: t, url: postgres.Shared(t).Database(t)}, 2) })
}

func change(t *testing.T, w *town, replicas int) {
	w.first, w.next = keys.NewRoot(), keys.NewRoot()
	var all []*server.Ledger
	var ends []func()
	var feeds []*client.Feed
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for n := range replicas {
		l, url, end := w.open(w.first, &w.next)
		if n == 0 {
			w.settle(l)
		}
		all, ends, feeds = append(all, l), append(ends, end), append(feeds, w.follow(ctx, url))
	}
	for _, f := range feeds {
		until(t, "a sidecar follows", func() bool { return f.Now().Age >= 0 })
	}
	once := w.write(all[0], person("once", 1), "a key", ledgertest.Given("newsletter"))
	busy, stop := w.busy(all, feeds)
	until(t, "there is traffic with the first key", func() bool { return busy.more(0) })
	w.begin(all[0])
	until(t, "one key is left", func() bool { return w.head(all[0]).Scheme == store.Scheme{Current: 2, Other: 2} })
	for i, f := range feeds {
		until(t, "sidecars go by the next key", func() bool { return f.Now().Age >= 0 && wrong(f) == "" && all[i].Keys.Scheme().Other == 2 })
	}
	before := min(busy.written.Load(), busy.asked.Load())
	until(t, "there is traffic with the next key", func() bool { return busy.more(before) })
	stop()
	t.Logf("%d writes and %d rounds of questions went on meanwhile", busy.written.Load(), busy.asked.Load())
	if again := w.write(all[len(all)-1], person("once", 1), "a key", ledgertest.Given("newsletter")); again != once {
		t.Errorf("an idempotency key gives position %d, and gave %d", again, once)
	}
	w.only(all[0], person("new", 1))
	cancel()
	for _, end := range ends {
		end()
	}
	w.restarted(once)
	w.sound()
}

// traffic counts what went on.
type traffic struct{ written, asked atomic.Int64 }

// more tells that there were some writes and questions beyond a number of them.
func (t *traffic) more(than int64) bool { return t.written.Load() > than+4 && t.asked.Load() > than+4 }

// busy writes to all replicas and asks all sidecars, until it is stopped.
func (w *town) busy(all []*server.Ledger, feeds []*client.Feed) (*traffic, func()) {
	tr, done := &traffic{}, make(chan struct{})
	var work sync.WaitGroup
	loop := func(f func(n int)) {
		work.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
					f(n)
				}
			}
		})
	}
	for r, l := range all {
		loop(func(n int) {
			who := person(fmt.Sprintf("busy%d-", r), n)
			w.write(l, who, "", ledgertest.Given("newsletter"))
			w.write(l, who, "", ledgertest.Withdrawn("newsletter"))
			id, err := l.Keys.Identity(who)
			if err != nil {
				w.t.Error(err)
			}
			if found, err := l.Store.Lookup(context.Background(), id.Tags[0]); err != nil || len(found.Grants) != 1 || found.Grants[0].Status != consent.StatusWithdrawn {
				w.t.Errorf("a look-up right after a withdrawal finds %+v, %v", found, err)
			}
			tr.written.Add(2)
			time.Sleep(2 * time.Millisecond)
		})
	}
	for _, f := range feeds {
		loop(func(int) {
			if what := wrong(f); what != "" {
				w.t.Error(what)
			}
			tr.asked.Add(1)
		})
	}
	return tr, sync.OnceFunc(func() { close(done); work.Wait() })
}

func (w *town) head(l *server.Ledger) store.Head {
	w.t.Helper()
	h, err := l.Store.Head(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (w *town) begin(l *server.Ledger) {
	w.t.Helper()
	all, err := keys.Derive(w.first, &w.next, ledgertest.Controller, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := all.Lineage.Key(2, ledgertest.Controller)
	if err == nil {
		err = l.Store.Rotate(w.t.Context(), store.First, store.First.Next(), key)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// only: somebody new has no tag under the key of before.
func (w *town) only(l *server.Ledger, who consent.Identifier) {
	w.t.Helper()
	at := w.write(l, who, "", ledgertest.Given("newsletter"))
	page, err := l.Store.Entries(w.t.Context(), at, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	e, err := store.DecodeEntry(page[0].Entry)
	if err != nil || len(e.Identities[0].Tags) != 3 {
		w.t.Fatalf("%d tags, %v", len(e.Identities[0].Tags), err)
	}
	for _, tag := range e.Identities[0].Tags {
		if consent.Tag(tag).Generation() != 2 {
			w.t.Errorf("a tag is of key %d", consent.Tag(tag).Generation())
		}
	}
}

// restarted: the next key alone is enough, and the first one alone is not.
func (w *town) restarted(once consent.Position) {
	w.t.Helper()
	if l, err := server.Open(w.t.Context(), w.options(w.first, nil)); !errors.Is(err, store.ErrKey) {
		w.t.Errorf("with the old key: %v", err)
		if err == nil {
			_ = l.Close()
		}
	}
	l, url, end := w.open(w.next, nil)
	defer end()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	feed := w.follow(ctx, url)
	until(w.t, "a sidecar follows the next key", func() bool { return feed.Now().Age >= 0 })
	if what := wrong(feed); what != "" {
		w.t.Error(what)
	}
	if feed.Stats().Identifiers == 0 {
		w.t.Error("nobody is known")
	}
	if again := w.write(l, person("once", 1), "a key", ledgertest.Given("newsletter")); again != once {
		w.t.Errorf("after a restart an idempotency key gives position %d, and gave %d", again, once)
	}
}

// sound: whoever verifies the database needs no key, and finds it as the log says.
func (w *town) sound() {
	w.t.Helper()
	var db audit.Database
	if w.url == "" {
		a, err := sqlite.OpenAudit(w.t.Context(), filepath.Join(w.dir, sqlite.FileName))
		if err != nil {
			w.t.Fatal(err)
		}
		defer a.Close()
		db = a
	} else {
		a, err := postgresstore.OpenAudit(w.t.Context(), func() (string, error) { return w.url, nil })
		if err != nil {
			w.t.Fatal(err)
		}
		defer a.Close()
		db = a
	}
	r, err := audit.Verify(w.t.Context(), db, audit.Options{})
	if err != nil || !r.Sound() || r.Size == 0 {
		w.t.Fatalf("%+v, %v", r, err)
	}
}
