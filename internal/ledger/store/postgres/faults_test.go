package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/testkit/postgres"
)

// rounds is how often something is killed.
func rounds(t *testing.T) int {
	text := os.Getenv("OPTUP_FAULT_ROUNDS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// acknowledged is what writers were told, by their idempotency keys.
type acknowledged struct {
	mu   sync.Mutex
	keys map[string]store.Result
}

func (a *acknowledged) add(key string, r store.Result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.keys == nil {
		a.keys = map[string]store.Result{}
	}
	a.keys[key] = r
}

func (a *acknowledged) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.keys)
}

// whole checks that the log has every acknowledged event at its place and under its root, no position twice or not at all, no key twice,
// and of no event a half.
func whole(t *testing.T, s *Store, known *acknowledged) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	h, err := s.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for what, query := range map[string]string{
		"positions":                      `SELECT count(*) = $1 AND count(*) = count(DISTINCT position) AND coalesce(max(position), 0) = $1 FROM events`,
		"keys":                           `SELECT count(keyed) = count(DISTINCT keyed) AND $1::bigint >= 0 FROM events`,
		"events of nobody":               `SELECT count(*) = 0 AND $1::bigint >= 0 FROM events e LEFT JOIN identities i ON i.id = e.identity WHERE i.id IS NULL AND e.entry IS NOT NULL`,
		"tags of nobody":                 `SELECT count(*) = 0 AND $1::bigint >= 0 FROM tags t LEFT JOIN identities i ON i.id = t.identity WHERE i.id IS NULL`,
		"identities beyond the head":     `SELECT coalesce(max(id), 0) <= (SELECT newest_id FROM head) AND $1::bigint >= 0 FROM identities`,
		"changes that are not the log's": `SELECT coalesce(sum(last - first + 1), 0) = $1 FROM changes`,
	} {
		var ok bool
		if err := s.pool.QueryRow(ctx, query, int64(h.Position)).Scan(&ok); err != nil || !ok {
			t.Errorf("%s are wrong, at head %d: %v", what, h.Position, err)
		}
	}
	if root, err := s.RootAt(ctx, h.Position); err != nil || root != h.Root {
		t.Errorf("the log's root is not the head's: %v", err)
	}
	rows, err := s.pool.Query(ctx, `SELECT i.record, max(e.position) FROM identities i JOIN events e ON e.identity = i.id GROUP BY i.id`)
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	var last consent.Position
	if _, err := pgx.ForEachRow(rows, []any{&raw, &last}, func() error {
		r, err := journal.DecodeRecord(raw)
		if err == nil && r.Position != last {
			err = fmt.Errorf("a record stands at %d, its newest event at %d", r.Position, last)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	known.check(ctx, t, s)
}

func (a *acknowledged) check(ctx context.Context, t *testing.T, s *Store) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	there, err := usedKeys(ctx, s.pool, slices.Collect(maps.Keys(a.keys)))
	if err != nil {
		t.Fatal(err)
	}
	if len(there) != len(a.keys) {
		t.Errorf("%d of %d acknowledged events are there", len(there), len(a.keys))
	}
	checked := 0
	for _, k := range there {
		r := a.keys[k.Key]
		if r.Position != k.Position || r.Leaf != k.Leaf {
			t.Errorf("the event of key %s is at %d, acknowledged was %d", k.Key, k.Position, r.Position)
		}
		if r.Size == 0 || checked > 50 {
			continue
		}
		checked++
		if root, err := s.RootAt(ctx, r.Size); err != nil || root != r.Root {
			t.Errorf("the root at %d is not the one that was acknowledged: %v", r.Size, err)
		}
	}
}

// appending lets writers append until stop is called. Whoever gets an error tries again with the same key, as a client does.
func appending(t *testing.T, known *acknowledged, writers int, replicas ...*Store) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				a := storetest.Given(w*1_000_000 + n%5)
				a.Key = fmt.Sprintf("%d-%d", w, n)
				for s := replicas[w%len(replicas)]; ; {
					r, errs, err := s.Append(context.WithoutCancel(ctx), a)
					if err := errors.Join(append(errs, err)...); err != nil {
						if ctx.Err() != nil {
							return
						}
						time.Sleep(10 * time.Millisecond)
						continue
					}
					known.add(a.Key, r[0])
					break
				}
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// TestPostgreSQLIsKilled: the server is killed again and again while two replicas append. They go on by themselves when it is back, and
// what they acknowledged is there, once and whole, in one log.
func TestPostgreSQLIsKilled(t *testing.T) {
	server := postgres.Start(t)
	url := server.Database(t)
	replicas := []*Store{open(t, url), open(t, url)}
	watchers := []*watcher{watch(replicas[0]), watch(replicas[1])}
	var known acknowledged
	stop := appending(t, &known, 8, replicas...)
	for range rounds(t) {
		before := known.len()
		time.Sleep(rand.N(50 * time.Millisecond))
		server.Kill(t)
		server.Restart(t)
		for deadline := time.Now().Add(patience); known.len() < before+20; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				stop()
				t.Fatal("nothing is appended after a restart")
			}
		}
	}
	stop()
	for i, s := range replicas {
		s.pool.Reset() // what the kills broke is found out by whoever asks; here it is not asked for
		s.side.Reset()
		whole(t, s, &known)
		h, err := s.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		watchers[i].until(t, h.Position)
		if err := once(watchers[i].positions(), 1, h.Position); err != nil {
			t.Errorf("subscribers of replica %d: %v", i, err)
		}
	}
	t.Logf("%d events were acknowledged over %d kills", known.len(), rounds(t))
}

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if url := os.Getenv("OPTUP_TEST_APPEND_TO"); url != "" {
		appendUntilKilled(url, os.Getenv("OPTUP_TEST_APPEND_AS"))
		return
	}
	if url := os.Getenv("OPTUP_TEST_ACT_ON"); url != "" {
		s, err := child(url)
		if err != nil {
			fmt.Println("error", err)
			return
		}
		storetest.AppendUntilKilled(s, os.Stdout)
	}
	os.Exit(m.Run())
}

func child(url string) (*Store, error) {
	return Open(context.Background(), Options{URL: at(url), KeyID: "key-1", Wrapping: wrapping, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
}

func appendUntilKilled(url, name string) {
	s, err := child(url)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	for w := range 4 {
		go func() {
			for n := 0; ; n++ {
				a := storetest.Given(w*1_000_000 + n%5)
				a.Key = fmt.Sprintf("%s-%d-%d", name, w, n)
				r, errs, err := s.Append(context.Background(), a)
				if err := errors.Join(append(errs, err)...); err != nil {
					fmt.Println("error", err)
					return
				}
				fmt.Printf("%s %d %x\n", a.Key, r[0].Position, r[0].Leaf)
			}
		}()
	}
	select {}
}

// TestTheLedgerIsKilled: a process that appends is killed again and again, beside a replica that goes on.
func TestTheLedgerIsKilled(t *testing.T) {
	url := postgres.Shared(t).Database(t)
	s := open(t, url)
	w := watch(s)
	var known acknowledged
	stop := appending(t, &known, 2, s)
	for round := range rounds(t) {
		killOne(t, url, strconv.Itoa(round), &known)
	}
	stop()
	whole(t, s, &known)
	h, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.until(t, h.Position)
	if err := once(w.positions(), 1, h.Position); err != nil {
		t.Error(err)
	}
	t.Logf("%d events were acknowledged over %d kills", known.len(), rounds(t))
}

func TestKilledProcessLosesNothingItAcknowledged(t *testing.T) {
	url := postgres.Shared(t).Database(t)
	storetest.Crash(t, func(t *testing.T) store.Store { return open(t, url) }, func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "OPTUP_TEST_ACT_ON="+url)
		return cmd
	})
}

// killOne runs a process, and kills it at some point after it has appended something.
func killOne(t *testing.T, url, name string, known *acknowledged) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "OPTUP_TEST_APPEND_TO="+url, "OPTUP_TEST_APPEND_AS="+name)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	watchdog := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	said := 0
	for lines := bufio.NewScanner(out); lines.Scan(); said++ {
		var key string
		var position consent.Position
		var leaf []byte
		if _, err := fmt.Sscanf(lines.Text(), "%s %d %x", &key, &position, &leaf); err != nil || len(leaf) != 32 {
			t.Fatalf("the child says %q", lines.Text())
		}
		known.add(key, store.Result{Position: position, Leaf: [32]byte(leaf)})
		if said == 10 {
			// In the middle of whatever comes; what it still says is read on.
			time.AfterFunc(rand.N(20*time.Millisecond), func() { _ = cmd.Process.Kill() })
		}
	}
	if said <= 10 {
		t.Fatalf("the child appended %d times", said)
	}
}

// deaf is a database whose answer to a commit is lost, and the connection with it.
type deaf struct {
	journal.Database
	relay  *postgres.Relay
	manner postgres.Manner
	// left is how many commits are still to be lost.
	left *int
}

type deafTx struct {
	journal.Tx
	d deaf
}

func (d deaf) Begin(ctx context.Context) (journal.Tx, error) {
	tx, err := d.Database.Begin(ctx)
	return deafTx{tx, d}, err
}

func (x deafTx) Commit(ctx context.Context) error {
	if *x.d.left == 0 {
		return x.Tx.Commit(ctx)
	}
	*x.d.left--
	x.d.relay.Turn(x.d.manner)
	// The connection is gone a while later, and the network comes back after the first attempts to find out.
	time.AfterFunc(300*time.Millisecond, func() { x.d.relay.Turn(postgres.Cut) })
	time.AfterFunc(800*time.Millisecond, func() { x.d.relay.Turn(postgres.Pass) })
	return x.Tx.Commit(ctx)
}

// TestACommitWithoutAnAnswerIsSettled: whether the server got a commit or not, the event is there once, and whoever appended it learns
// where, as soon as the database can be reached again.
func TestACommitWithoutAnAnswerIsSettled(t *testing.T) {
	for name, manner := range map[string]postgres.Manner{"the answer is lost": postgres.Mute, "the commit is lost": postgres.Cut, "both are late": postgres.Hold} {
		t.Run(name, func(t *testing.T) {
			server := postgres.Shared(t)
			url := server.Database(t)
			relay := server.Relay(t)
			s := open(t, relay.Through(t, url))
			w := watch(s)
			s.Journal.Close()
			left := 1
			s.Journal = journal.New(deaf{&database{pool: s.appender}, relay, manner, &left}, time.Now)
			s.Journal.Watch(s.tail.own)
			for p := consent.Position(1); p <= 3; p++ {
				if r, ok := appended(t, s, storetest.Given(1)); !ok || r.Position != p || r.Replayed || r.Size < p {
					t.Fatalf("position %d: %+v", p, r)
				}
			}
			if left != 0 {
				t.Fatal("no commit was lost")
			}
			whole(t, open(t, url), &acknowledged{})
			w.until(t, 3)
			if err := once(w.positions(), 1, 3); err != nil {
				t.Fatal(err)
			}
		})
	}
}
