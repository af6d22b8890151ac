package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/sqlite/engine"
)

const (
	// stretch is how many numbers of identities a goroutine takes at once.
	stretch = 512
	// maxTurns bounds how often connections try to see the same moment while others append.
	maxTurns = 20
)

// scanner is one of the connections that read everybody.
type scanner struct {
	*engine.Conn
	head, linked, identities, together *engine.Stmt
	apart                              []int64 // those of the stretch that are linked with others
}

func (s *Store) newScanner() (_ *scanner, err error) {
	r := &scanner{}
	if r.Conn, err = openReading(s.path); err != nil {
		return nil, err
	}
	for _, one := range []struct {
		to  **engine.Stmt
		sql string
	}{
		{&r.head, readHeadRow},
		{&r.linked, `SELECT DISTINCT identity FROM links WHERE identity BETWEEN ? AND ? ORDER BY identity`},
		{&r.identities, `SELECT ` + identityColumns + ` FROM identities i WHERE i.id BETWEEN ? AND ? ORDER BY i.id`},
		{&r.together, together},
	} {
		if *one.to, err = r.Prepare(one.sql); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// begin begins a transaction that reads, and gives the head of its moment.
func (r *scanner) begin() (h journal.Head, err error) {
	if err := r.Exec(`BEGIN`); err != nil {
		return h, err
	}
	return headOf(r.head)
}

// scanners gives connections that all see the same moment: that of one head, since identities do not change without it.
func (s *Store) scanners(ctx context.Context, n int) (all []*scanner, head journal.Head, err error) {
	defer func() {
		if err != nil {
			closeAll(all)
			all = nil
		}
	}()
	for range n {
		r, err := s.newScanner()
		if err != nil {
			return all, head, err
		}
		all = append(all, r)
	}
	for turn := 0; ; turn++ {
		same := true
		for i, r := range all {
			h, err := r.begin()
			if err != nil {
				return all, head, err
			}
			same = same && (i == 0 || (h.Position == head.Position && h.Epoch == head.Epoch))
			head = h
		}
		switch {
		case ctx.Err() != nil:
			return all, head, ctx.Err()
		case same:
			return all, head, nil
		case turn == maxTurns: // somebody never stops appending: one alone sees one moment
			closeAll(all[:len(all)-1])
			return all[len(all)-1:], head, nil
		}
		for _, r := range all {
			if err := r.Exec(`ROLLBACK`); err != nil {
				return all, head, err
			}
		}
	}
}

func closeAll(all []*scanner) {
	for _, r := range all {
		_ = r.Close() // nothing was written
	}
}

// Scan implements store.Scanner.
func (s *Store) Scan(ctx context.Context, begin func() func(store.Person) error) (store.Head, error) {
	all, head, err := s.scanners(ctx, runtime.GOMAXPROCS(0))
	if err != nil {
		return store.Head{}, fmt.Errorf("the snapshot cannot be read: %w", told(err))
	}
	defer closeAll(all)
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for i, r := range all {
		visit := begin()
		group.Go(func() error {
			if i == 0 {
				if err := journal.Everybody(r.linkedRows, visit); err != nil {
					return err
				}
			}
			return r.stretches(ctx, &next, head.LastID, visit)
		})
	}
	if err := group.Wait(); err != nil {
		return head.Head, fmt.Errorf("the snapshot cannot be read: %w", told(err))
	}
	return head.Head, nil
}

// stretches reads whatever stretch is next, up to the newest identity.
func (r *scanner) stretches(ctx context.Context, next *atomic.Int64, last int64, visit func(store.Person) error) error {
	reader := journal.NewReader()
	defer reader.Close()
	for ctx.Err() == nil {
		to := next.Add(stretch)
		if to-stretch >= last {
			return nil
		}
		if err := r.alone(to-stretch+1, to, reader, visit); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// alone visits those of some numbers who are linked with nobody.
func (r *scanner) alone(from, to int64, reader *journal.Reader, visit func(store.Person) error) error {
	r.linked.Int(1, from)
	r.linked.Int(2, to)
	r.apart = r.apart[:0]
	if err := each(r.linked, func() error {
		r.apart = append(r.apart, r.linked.Number(0))
		return nil
	}); err != nil {
		return err
	}
	r.identities.Int(1, from)
	r.identities.Int(2, to)
	rest := r.apart
	return each(r.identities, func() error {
		row := rowOf(r.identities)
		if len(rest) > 0 && rest[0] == row.ID {
			rest = rest[1:]
			return nil
		}
		p, err := reader.Alone(row)
		if err != nil {
			return err
		}
		return visit(p)
	})
}

// linkedRows hands on those who are linked, cluster by cluster.
func (r *scanner) linkedRows(add func(journal.Row) error) error {
	return each(r.together, func() error {
		row := rowOf(r.together)
		row.Links = []int64{r.together.Number(5)}
		return add(row)
	})
}

// rowOf gives a row of identityColumns, whose bytes are SQLite's.
func rowOf(s *engine.Stmt) journal.Row {
	return journal.Row{ID: s.Number(0), Cluster: s.Number(1), Type: s.Blob(2), Tags: s.Blob(3), Record: s.Blob(4)}
}

var _ store.Scanner = (*Store)(nil)
