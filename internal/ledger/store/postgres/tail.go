package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

const (
	// channel is where a commit leaves a hint. It carries nothing: what is new is read by position.
	channel = "optup_ledger"
	// pollEvery is how long the others' appends stay unseen at most where no hint arrives.
	pollEvery = 200 * time.Millisecond
	// atOnce bounds the commits that one read takes.
	atOnce = 16
	// readTimeout bounds one read of changes.
	readTimeout = 10 * time.Second
	// keepChanges is how long changes are kept for replicas that lag behind, and sweepEvery about how often older ones are deleted.
	keepChanges = 15 * time.Minute
	sweepEvery  = time.Minute
)

// tail gives this replica's watcher every change once, in the order of positions, whichever replica appended it. Positions have no gaps
// and follow the commits, so whoever has seen one has missed nothing before it.
type tail struct {
	pool *pgxpool.Pool
	log  *slog.Logger
	now  func() time.Time
	// ended is cancelled when the store closes.
	ended context.Context
	wake  chan struct{}
	// every is how often it looks without a hint.
	every time.Duration
	// appender is the server's number for the connection of this process's appender.
	appender *atomic.Uint32

	mu    sync.Mutex
	at    consent.Position // what the watcher has seen
	watch func([]store.Change)
	// seen is at, for whoever must not wait.
	seen atomic.Int64
}

// own publishes what this replica appended, once everything before it is published. It waits for that: who is told that an event is
// appended may count on all replicas' earlier ones to have been seen here.
func (t *tail) own(changes []store.Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := changes[0].Event.Position
	for pause := 10 * time.Millisecond; t.at+1 < first; pause = min(2*pause, time.Second) {
		more, err := t.advance(first - 1)
		if err == nil && !more {
			break // what is not there any more cannot be waited for
		}
		if err != nil && !t.sleep(pause, "the other replicas' appends cannot be read; this one's wait for them", err) {
			return
		}
	}
	t.publish(changes)
}

// sleep tells of an error and waits. It gives false if the store is closing.
func (t *tail) sleep(pause time.Duration, what string, err error) bool {
	if t.ended.Err() != nil {
		return false
	}
	t.log.Warn(what, "error", err)
	select {
	case <-t.ended.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// publish shows the watcher what it has not seen. A gap is what was deleted before this replica came to it: subscribers see it by the
// positions and start again with a snapshot.
func (t *tail) publish(changes []store.Change) {
	for len(changes) > 0 && changes[0].Event.Position <= t.at {
		changes = changes[1:]
	}
	if len(changes) == 0 {
		return
	}
	if first := changes[0].Event.Position; first != t.at+1 {
		t.log.Error("this replica was away for longer than changes are kept; its subscribers start again", "seen", t.at, "next", first)
	}
	t.at = changes[len(changes)-1].Event.Position
	t.seen.Store(int64(t.at))
	t.watch(changes)
}

// advance publishes some of what was committed up to a position, and tells whether there was any.
func (t *tail) advance(to consent.Position) (bool, error) {
	ctx, cancel := context.WithTimeout(t.ended, readTimeout)
	defer cancel()
	rows, err := t.pool.Query(ctx, `SELECT body FROM changes WHERE last > $1 AND last <= $2 ORDER BY last LIMIT $3`, t.at, to, atOnce)
	if err != nil {
		return false, err
	}
	bodies, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return false, err
	}
	for _, body := range bodies {
		changes, err := decodeChanges(body)
		if err != nil {
			return false, err
		}
		t.publish(changes)
	}
	return len(bodies) > 0, nil
}

const everything = consent.Position(1<<63 - 1)

// follow reads on until the store closes.
func (t *tail) follow() {
	poll := time.NewTicker(t.every)
	defer poll.Stop()
	for {
		select {
		case <-t.ended.Done():
			return
		case <-t.wake:
		case <-poll.C:
		}
		for more := true; more; {
			var err error
			t.mu.Lock()
			more, err = t.advance(everything)
			t.mu.Unlock()
			if err != nil {
				t.sleep(time.Second, "the other replicas' appends cannot be read; this replica is stale until they can", err)
				more = false
			}
		}
	}
}

// listen wakes the tail when somebody has committed, until the store closes. Without it there is the poll.
func (t *tail) listen() {
	for t.ended.Err() == nil {
		if err := t.hints(); err != nil && !t.sleep(time.Second, "no hints of new appends arrive; they are looked for instead", err) {
			return
		}
	}
}

func (t *tail) hints() error {
	conn, err := t.pool.Acquire(t.ended)
	if err != nil {
		return err
	}
	// A connection that listens is nobody else's, so it ends with this call.
	raw := conn.Hijack()
	defer raw.Close(context.WithoutCancel(t.ended))
	if _, err := raw.Exec(t.ended, `LISTEN `+channel); err != nil {
		return err
	}
	for {
		hint, err := raw.WaitForNotification(t.ended)
		if err != nil {
			return err
		}
		if hint.PID == t.appender.Load() {
			continue // what this process appends it knows
		}
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// sweep deletes changes that nobody waits for any more, until the store closes. Replicas take it in turn by chance.
func (t *tail) sweep() {
	for {
		select {
		case <-t.ended.Done():
			return
		case <-time.After(sweepEvery/2 + rand.N(sweepEvery)):
		}
		if err := t.forget(t.now().Add(-keepChanges)); err != nil {
			t.log.Warn("old changes cannot be deleted", "error", err)
		}
	}
}

func (t *tail) forget(before time.Time) error {
	ctx, cancel := context.WithTimeout(t.ended, readTimeout)
	defer cancel()
	// The newest ones stay, however old: a replica that was away for longer learns by them that it missed something, even where nobody
	// appends any more. In the order of the key: the old ones are in front, so those that stay are not looked at.
	_, err := t.pool.Exec(ctx, `DELETE FROM changes WHERE last < coalesce(
		(SELECT last FROM changes WHERE at >= $1 ORDER BY last LIMIT 1), (SELECT max(last) FROM changes))`, before.UnixNano())
	if err != nil {
		return fmt.Errorf("changes: %w", err)
	}
	return nil
}
