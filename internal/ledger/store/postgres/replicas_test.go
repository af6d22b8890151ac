package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/audit"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/testkit/postgres"
)

func appended(t *testing.T, s interface {
	Append(context.Context, ...store.Append) ([]store.Result, []error, error)
}, a store.Append,
) (store.Result, bool) {
	r, errs, err := s.Append(t.Context(), a)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Error(err)
		return store.Result{}, false
	}
	return r[0], true
}

// TestReplicasAreOneLedger: whichever replica an event was appended by, subscribers of every replica see it once, in the same order and
// with the same people, and who appended it is told so only after the own subscribers were.
func TestReplicasAreOneLedger(t *testing.T) {
	url := postgres.Shared(t).Database(t)
	replicas, watchers := make([]*Store, 3), make([]*watcher, 3)
	for i := range replicas {
		replicas[i] = open(t, url)
		watchers[i] = watch(replicas[i])
	}
	const writers, each = 64, 6
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			s := replicas[w%len(replicas)]
			for n := range each {
				// Many events about few people, who become linked.
				a := storetest.Given((w + n) % 7)
				if n == each-1 {
					a.Identities = append(a.Identities, storetest.Given(100+w%3).Identities...)
				}
				if r, ok := appended(t, s, a); ok && s.Followed() < r.Position {
					t.Errorf("position %d was acknowledged when subscribers knew %d", r.Position, s.Followed())
				}
			}
		})
	}
	wg.Wait()
	for i, w := range watchers {
		w.until(t, writers*each)
		if err := once(w.positions(), 1, writers*each); err != nil {
			t.Errorf("replica %d: %v", i, err)
		}
		for p := range w.text {
			if w.text[p] != watchers[0].text[p] {
				t.Fatalf("at position %d replica %d sees\n%s\nand replica 0\n%s", p+1, i, w.text[p], watchers[0].text[p])
			}
		}
	}
}

// holding is a database whose transactions stay open for a while before they commit.
type holding struct{ journal.Database }

type held struct{ journal.Tx }

func (h holding) Begin(ctx context.Context) (journal.Tx, error) {
	tx, err := h.Database.Begin(ctx)
	return held{tx}, err
}

func (h held) Commit(ctx context.Context) error {
	time.Sleep(rand.N(3 * time.Millisecond))
	return h.Tx.Commit(ctx)
}

// TestTransactionsHeldOpenHideNothing: 64 writers, each a process of its own, hold their transactions open before they commit, beside one
// that stays open all the time. A reader of positions sees every event once. The same writers with numbers from a sequence defeat a reader
// that asks for numbers above the last one it saw: that is what it has to be tried against.
func TestTransactionsHeldOpenHideNothing(t *testing.T) {
	server := postgres.Shared(t)
	url := server.Database(t)
	reader := open(t, url)
	w := watch(reader)
	stays, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer stays.Close(context.WithoutCancel(t.Context()))
	if _, err := stays.Exec(t.Context(), `BEGIN; CREATE TABLE other (); SELECT txid_current()`); err != nil {
		t.Fatal(err)
	}
	const writers, each = 64, 4
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			config, err := configure(at(url))
			if err != nil {
				t.Error(err)
				return
			}
			config.MaxConns = 1
			pool, err := pgxpool.NewWithConfig(t.Context(), config)
			if err != nil {
				t.Error(err)
				return
			}
			defer pool.Close()
			j := journal.New(holding{&database{pool: pool}}, time.Now)
			defer j.Close()
			for range each {
				appended(t, j, storetest.Given(n))
			}
		})
	}
	wg.Wait()
	w.until(t, writers*each)
	if err := once(w.positions(), 1, writers*each); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := naive(t, server.Database(t), writers, each); err != nil {
			t.Log("the naive reader fails, as it should:", err)
			return
		}
	}
	t.Fatal("a reader that asks a sequence for higher numbers passes this test: it shows nothing")
}

// naive lets writers insert rows numbered by a sequence, and gives what is wrong with what a reader of higher numbers sees meanwhile.
func naive(t *testing.T, url string, writers, each int) error {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url+"?pool_max_conns=66")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(t.Context(), `CREATE TABLE log (id bigserial PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	var seen []int64
	read := func() {
		last := int64(0)
		if len(seen) > 0 {
			last = seen[len(seen)-1]
		}
		rows, err := pool.Query(t.Context(), `SELECT id FROM log WHERE id > $1 ORDER BY id`, last)
		if err != nil {
			t.Error(err)
			return
		}
		more, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			t.Error(err)
		}
		seen = append(seen, more...)
	}
	stop := make(chan struct{})
	var reader, wg sync.WaitGroup
	reader.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				read()
			}
		}
	})
	for range writers {
		wg.Go(func() {
			for range each {
				err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
					_, err := tx.Exec(t.Context(), `INSERT INTO log DEFAULT VALUES`)
					time.Sleep(rand.N(3 * time.Millisecond))
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	reader.Wait()
	read()
	return once(seen, 1, int64(writers*each))
}

// TestAReplicaThatLaggedTooFarShowsTheGap: what was deleted before a replica came to it is a gap in the positions, which its subscribers
// see, and not something that is passed over. They see it at once, and not only when somebody appends again.
func TestAReplicaThatLaggedTooFarShowsTheGap(t *testing.T) {
	server := postgres.Shared(t)
	url := server.Database(t)
	relay := server.Relay(t)
	near, far := open(t, url), open(t, relay.Through(t, url))
	w := watch(far)
	appended(t, near, storetest.Given(1))
	w.until(t, 1)
	relay.Turn(postgres.Cut)
	appended(t, near, storetest.Given(1))
	appended(t, near, storetest.Given(1))
	if err := near.tail.forget(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	relay.Turn(postgres.Pass)
	w.until(t, 3)
	if got := w.positions(); !slices.Equal(got, []consent.Position{1, 3}) {
		t.Fatalf("seen: %v", got)
	}
	// Who appends does not wait for what will not come either.
	var late watcher
	lagging := &tail{pool: near.side, log: near.tail.log, ended: t.Context(), at: 1, watch: late.take}
	lagging.own([]store.Change{{Event: consent.Event{Position: 3}}})
	if got := late.positions(); !slices.Equal(got, []consent.Position{3}) {
		t.Fatalf("seen by who appends: %v", got)
	}
}

// TestWhoHasTheHeadHasItAlone: another transaction waits for it, and sees what became of the log.
func TestWhoHasTheHeadHasItAlone(t *testing.T) {
	url := postgres.Shared(t).Database(t)
	one, two := open(t, url), open(t, url)
	first, err := (&database{pool: one.appender}).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Rollback()
	if _, err := first.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	second, err := (&database{pool: two.appender}).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Rollback()
	got := make(chan error, 1)
	go func() {
		_, err := second.Head(t.Context())
		got <- err
	}()
	for waits, deadline := 0, time.Now().Add(patience); waits == 0; {
		select {
		case err := <-got:
			t.Fatalf("two transactions have the head at once, %v", err)
		case <-time.After(time.Millisecond):
		}
		err := one.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waits)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("nobody waits for the head, %v", err)
		}
	}
	first.Rollback()
	if err := <-got; err != nil {
		t.Fatal(err)
	}
}

// TestAHolderThatVanishesDoesNotStopTheOthers: a replica whose network goes away while it holds the head keeps the others from appending
// for seconds, not until its connection is given up.
func TestAHolderThatVanishesDoesNotStopTheOthers(t *testing.T) {
	server := postgres.Shared(t)
	url := server.Database(t)
	relay := server.Relay(t)
	near, far := open(t, url), open(t, relay.Through(t, url))
	tx, err := (&database{pool: far.appender}).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	relay.Turn(postgres.Hold)
	defer relay.Turn(postgres.Cut)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, errs, err := near.Append(ctx, storetest.Given(1)); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
}

// TestAHeadIsNeverOlderThanTheQuestion: a replica that cannot reach its database has no head to give, however its connection failed, and
// gives one again when it can.
func TestAHeadIsNeverOlderThanTheQuestion(t *testing.T) {
	server := postgres.Shared(t)
	url := server.Database(t)
	relay := server.Relay(t)
	near, far := open(t, url), open(t, relay.Through(t, url))
	appended(t, near, storetest.Given(1))
	for _, m := range []postgres.Manner{postgres.Cut, postgres.Hold, postgres.Mute} {
		if h, err := far.Head(t.Context()); err != nil || h.Position != 1 {
			t.Fatalf("%+v, %v", h, err)
		}
		relay.Turn(m)
		if h, err := far.Head(t.Context()); err == nil {
			t.Errorf("manner %d: a head at %d, from nowhere", m, h.Position)
		}
		relay.Turn(postgres.Cut)
		relay.Turn(postgres.Pass)
		for deadline := time.Now().Add(patience); ; {
			if _, err := far.Head(t.Context()); err == nil {
				break
			} else if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
}

func TestReplicasThatStartTogetherMakeOneSchema(t *testing.T) {
	url := postgres.Shared(t).Database(t)
	var wg sync.WaitGroup
	epochs := make([]string, 6)
	for i := range epochs {
		wg.Go(func() {
			s, err := Open(t.Context(), options(t, url))
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			h, err := s.Head(t.Context())
			if err != nil {
				t.Error(err)
			}
			epochs[i] = h.Epoch
		})
	}
	wg.Wait()
	if slices.Sort(epochs); epochs[0] == "" || epochs[0] != epochs[len(epochs)-1] {
		t.Fatalf("epochs %q", epochs)
	}
}

// TestAStandbyIsNoLedger: a standby may lag behind, so nothing is read from one, whatever the URL says; of several hosts the primary is
// found.
func TestAStandbyIsNoLedger(t *testing.T) {
	primary := postgres.Start(t)
	standby := primary.Standby(t)
	if s, err := Open(t.Context(), options(t, standby.DSN("postgres"))); err == nil {
		_ = s.Close()
		t.Fatal("a standby was opened")
	}
	both := standby.With(primary, "postgres")
	s := open(t, both)
	if r, ok := appended(t, s, storetest.Given(1)); !ok || r.Position != 1 {
		t.Fatal(r)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { // it lags behind, and is verified as of where it is
		a, err := OpenAudit(t.Context(), at(standby.DSN("postgres")))
		if err == nil {
			r, err := audit.Verify(t.Context(), a, audit.Options{})
			if err := errors.Join(err, a.Close()); err != nil || !r.Sound() {
				t.Fatalf("%+v, %v", r, err)
			}
			if r.Size == 1 {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the event is not verified: %v", err)
		}
	}
}
