package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

const (
	// queueLength bounds the calls that wait; more of them wait in Append itself.
	queueLength = 1024
	// maxBatch bounds the events of one commit, and with it how long the first of them waits.
	maxBatch = 2048
)

type job struct {
	events  []store.Append
	results []store.Result
	errs    []error
	err     error
	done    chan struct{}
}

// Append implements store.Store.
func (s *Store) Append(ctx context.Context, events ...store.Append) ([]store.Result, []error, error) {
	j := &job{events: events, done: make(chan struct{})}
	for _, e := range events {
		if len(e.Tags) == 0 {
			return nil, nil, fmt.Errorf("%w: no identifier", consent.ErrInvalid)
		}
	}
	if err := s.enqueue(ctx, j); err != nil {
		return nil, nil, err
	}
	select {
	case <-j.done:
		return j.results, j.errs, j.err
	case <-ctx.Done():
		// It may still be appended; an idempotency key makes the retry safe.
		return nil, nil, ctx.Err()
	}
}

func (s *Store) enqueue(ctx context.Context, j *job) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return store.ErrClosed
	}
	select {
	case s.queue <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run is the one appender.
func (s *Store) run(st *statements) {
	defer close(s.stopped)
	for first := range s.queue {
		batch := []*job{first}
		for n := len(first.events); n < maxBatch; {
			select {
			case j, ok := <-s.queue:
				if ok {
					batch = append(batch, j)
					n += len(j.events)
					continue
				}
			default:
			}
			break
		}
		changes, err := s.commit(st, batch)
		if err == nil && len(changes) > 0 {
			s.watch(changes)
		}
		for _, j := range batch {
			j.err = err
			close(j.done)
		}
	}
}

// commit appends a batch in one transaction. The context is the appender's own: a caller who goes away must not roll back others.
func (s *Store) commit(st *statements, batch []*job) ([]store.Change, error) {
	if s.broken != nil {
		return nil, s.broken
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("the append cannot begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	h, err := head(ctx, tx)
	if err != nil {
		return nil, err
	}
	a := &appender{ctx: ctx, st: st.in(ctx, tx), head: h, at: s.now().UTC()}
	if a.at.Before(h.At) {
		a.at = h.At // time in the log never goes back
	}
	for _, j := range batch {
		j.results, j.errs = make([]store.Result, len(j.events)), make([]error, len(j.events))
		for i := range j.events {
			if j.results[i], j.errs[i], err = a.append(&j.events[i]); err != nil {
				return nil, fmt.Errorf("the append failed: %w", err)
			}
		}
	}
	if len(a.changes) == 0 {
		return nil, nil
	}
	if _, err := a.st.setHead.ExecContext(ctx, a.head.Position, a.at.UnixNano(), a.head.Hashed); err != nil {
		return nil, fmt.Errorf("the head cannot be written: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return a.changes, s.settle(tx, a.head.Position, err)
	}
	return a.changes, nil
}

// settle finds out what a failed commit came to. Where that cannot be known, nothing may be appended any more.
func (s *Store) settle(tx *sql.Tx, want consent.Position, cause error) error {
	_ = tx.Rollback()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	h, err := head(ctx, s.writer)
	switch {
	case err != nil:
		s.broken = fmt.Errorf("%w: a commit has an unknown outcome", store.ErrClosed)
		return s.broken
	case h.Position == want:
		return nil
	default:
		return fmt.Errorf("the commit failed: %w", cause)
	}
}
