package postgres

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/optup/optup/internal/ledger/store"
)

// yields is how often others get their turn before a read begins.
const yields = 4

const readGlance = `SELECT epoch, position, at, hashed, pg_is_in_recovery() FROM head WHERE id = 1`

// glances are reads of the head that callers share: whoever comes while one is under way waits for the next, which begins after they came.
type glances struct {
	mu      sync.Mutex
	next    *glanced
	reading bool
}

type glanced struct {
	done chan struct{}
	head store.Head
	err  error
}

// Glance implements store.Glancer.
func (s *Store) Glance(ctx context.Context) (store.Head, error) {
	g := s.glances.join(s.readGlances)
	select {
	case <-g.done:
		return g.head, g.err
	case <-ctx.Done():
		return store.Head{}, ctx.Err()
	}
}

// join gives the next read. Read is begun in the background if nobody reads.
func (g *glances) join(read func()) *glanced {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		g.next = &glanced{done: make(chan struct{})}
	}
	if !g.reading {
		g.reading = true
		go read()
	}
	return g.next
}

// take gives the read that somebody waits for, nil for none.
func (g *glances) take() *glanced {
	g.mu.Lock()
	defer g.mu.Unlock()
	next := g.next
	g.next = nil
	g.reading = next != nil
	return next
}

// readGlances reads for as long as somebody waits. Whoever is about to ask gets the turn to do so, and shares the read.
func (s *Store) readGlances() {
	for {
		for range yields {
			runtime.Gosched()
		}
		g := s.glances.take()
		if g == nil {
			return
		}
		g.head, g.err = s.glance()
		close(g.done)
	}
}

func (s *Store) glance() (h store.Head, err error) {
	ctx, cancel := context.WithTimeout(s.tail.ended, headTimeout)
	defer cancel()
	var at int64
	var standby bool
	if err := s.side.QueryRow(ctx, readGlance).Scan(&h.Epoch, &h.Position, &at, &h.Hashed, &standby); err != nil {
		return store.Head{}, fmt.Errorf("the head cannot be read: %w", err)
	}
	if standby {
		return store.Head{}, errStandby
	}
	h.At = moment(at)
	return h, nil
}
