package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/seal"
)

// Options say which database a ledger is kept in.
type Options struct {
	// URL leads to the primary: a URL or a DSN of PostgreSQL. It is never told to anybody. It is asked again for each new connection, which
	// takes user and password from it, so that a password may change.
	URL func() (string, error)
	// KeyID names the key that tags are made with; a database of another key is refused with store.ErrKey.
	KeyID string
	// Wrapping is the key that wraps the keys of people.
	Wrapping []byte
	// Now is the ledger's clock.
	Now    func() time.Time
	Logger *slog.Logger
}

// Store implements store.Store.
type Store struct {
	*journal.Journal
	journal.Proofs
	now  func() time.Time
	ring *seal.Ring

	// pool is for whatever is asked. The appender has a connection of its own; so have the tail and whoever reads the head, so that neither
	// waits for slow questions.
	pool, appender, side *pgxpool.Pool

	database *database
	tail     *tail
	glances  glances
	end      context.CancelFunc
	work     sync.WaitGroup
	once     sync.Once
}

// sideConnections are one that listens, one for changes, and some for heads.
const sideConnections = 4

// Open connects to the database, and makes the schema of an empty one. The options are those of its journal.
func Open(ctx context.Context, o Options, options ...journal.Option) (_ *Store, err error) {
	config, err := configure(o.URL)
	if err != nil {
		return nil, err
	}
	ring, err := seal.NewRing(o.Wrapping, o.KeyID)
	if err != nil {
		return nil, err
	}
	s := &Store{now: o.Now, ring: ring}
	defer func() {
		if err != nil {
			s.closePools()
		}
	}()
	steady := config.Copy()
	steady.AfterConnect = steadyPlans
	s.pool, err = pgxpool.NewWithConfig(ctx, config)
	for pool, most := range map[**pgxpool.Pool]int32{&s.appender: 1, &s.side: sideConnections} {
		if err == nil {
			steady.MaxConns, steady.MinConns, steady.MinIdleConns = most, 0, 0
			*pool, err = pgxpool.NewWithConfig(ctx, steady)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the database cannot be reached: %w", err)
	}
	if err := durable(ctx, s.pool); err != nil {
		return nil, err
	}
	if err := migrate(ctx, s.pool, o.Logger); err != nil {
		return nil, fmt.Errorf("the database cannot be migrated: %w", err)
	}
	if err := found(ctx, s.pool, o.KeyID); err != nil {
		return nil, err
	}
	if err := keySchema(ctx, s.pool); err != nil {
		return nil, err
	}
	h, err := head(ctx, s.side)
	if err != nil {
		return nil, err
	}
	s.database = &database{pool: s.appender, ring: ring}
	s.tail = &tail{
		pool: s.side, log: o.Logger, now: o.Now, wake: make(chan struct{}, 1), every: pollEvery, appender: &s.database.pid, at: h.Position,
		watch: func([]store.Change) {},
	}
	s.tail.seen.Store(int64(h.Position))
	s.tail.ended, s.end = context.WithCancel(context.WithoutCancel(ctx))
	s.Proofs = journal.Proofs{Log: s}
	s.Journal = journal.New(s.database, o.Now, options...)
	s.Journal.Watch(s.tail.own)
	for _, f := range []func(){s.tail.follow, s.tail.listen, s.tail.sweep} {
		s.work.Go(f)
	}
	return s, nil
}

// Watch implements store.Store.
func (s *Store) Watch(f func([]store.Change)) {
	s.tail.mu.Lock()
	defer s.tail.mu.Unlock()
	s.tail.watch = f
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.once.Do(func() {
		s.Journal.Close()
		s.end()
		s.work.Wait()
		s.closePools()
	})
	return nil
}

func (s *Store) closePools() {
	for _, p := range []*pgxpool.Pool{s.pool, s.appender, s.side} {
		if p != nil {
			p.Close()
		}
	}
}

// Connections are numbers about one pool.
type Connections struct {
	// Pool is questions, appender, or side (heads, changes).
	Pool string
	// Open are connected, Used busy now, and Most the bound.
	Open, Used, Most int
	// Waits counts who had to wait for a free connection, and Waited is for how long, together.
	Waits  int64
	Waited time.Duration
}

// Connections gives the numbers of now.
func (s *Store) Connections() []Connections {
	var out []Connections
	for _, one := range []struct {
		name string
		pool *pgxpool.Pool
	}{{"questions", s.pool}, {"appender", s.appender}, {"side", s.side}} {
		st := one.pool.Stat()
		out = append(out, Connections{
			Pool: one.name, Open: int(st.TotalConns()), Used: int(st.AcquiredConns()), Most: int(st.MaxConns()),
			Waits: st.EmptyAcquireCount(), Waited: st.EmptyAcquireWaitTime(),
		})
	}
	return out
}

// Followed is the position up to which the watcher has seen every change, of all replicas.
func (s *Store) Followed() consent.Position {
	return consent.Position(s.tail.seen.Load())
}

// maxTries bounds how often a transaction of write is tried again because of others.
const maxTries = 10

// write runs f in a transaction that survives a crash once it is committed, again if others were in its way.
func (s *Store) write(ctx context.Context, f func(pgx.Tx) error) error {
	for try := 1; ; try++ {
		err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, protect); err != nil {
				return err
			}
			return f(tx)
		})
		switch {
		case err == nil:
			return nil
		case s.tail.ended.Err() != nil:
			return store.ErrClosed
		}
		if err = told(err); !errors.Is(err, journal.ErrAgain) || try == maxTries || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(try) * 5 * time.Millisecond):
		}
	}
}
