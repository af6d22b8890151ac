package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/optup/optup/internal/ledger/store"
)

// indexHeader is how long the header of SQLite's index of its log is, in both copies. It differs after every commit, of any process:
// https://www.sqlite.org/walformat.html
const indexHeader = 2 * 48

// initialised is the byte of the header that tells that it says something.
const initialised = 12

// glancer keeps the head for as long as the header of the index is what it was before the head was read.
type glancer struct {
	db *sql.DB
	// conn stays open: the file of the index is the same one until the last connection ends.
	conn *sql.Conn
	read *sql.Stmt

	mu    sync.Mutex
	index *os.File
	mark  [indexHeader]byte
	head  store.Head
	known bool
}

func newGlancer(ctx context.Context, path string) (_ *glancer, err error) {
	g := &glancer{}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	if g.db, err = open(path, url.Values{"_query_only": {"true"}}); err != nil {
		return nil, err
	}
	if g.conn, err = g.db.Conn(ctx); err != nil {
		return nil, err
	}
	if g.read, err = g.conn.PrepareContext(ctx, `SELECT epoch, position, at, hashed FROM head`); err != nil {
		return nil, err
	}
	if _, err := g.look(ctx); err != nil {
		return nil, err
	}
	g.index, err = os.Open(path + "-shm")
	return g, err
}

func (g *glancer) close() error {
	var errs []error
	if g.index != nil {
		errs = append(errs, g.index.Close())
	}
	if g.read != nil {
		errs = append(errs, g.read.Close())
	}
	if g.conn != nil {
		errs = append(errs, g.conn.Close())
	}
	if g.db != nil {
		errs = append(errs, g.db.Close())
	}
	return errors.Join(errs...)
}

// look reads the head.
func (g *glancer) look(ctx context.Context) (h store.Head, err error) {
	var at int64
	if err := g.read.QueryRowContext(ctx).Scan(&h.Epoch, &h.Position, &at, &h.Hashed); err != nil {
		return h, fmt.Errorf("the head cannot be read: %w", told(err))
	}
	if at != 0 {
		h.At = time.Unix(0, at).UTC()
	}
	return h, nil
}

// Glance implements store.Glancer.
func (s *Store) Glance(ctx context.Context) (store.Head, error) {
	g := s.glancer
	g.mu.Lock()
	defer g.mu.Unlock()
	var now [indexHeader]byte
	_, err := g.index.ReadAt(now[:], 0)
	sound := err == nil && now[initialised] == 1
	if sound && g.known && now == g.mark {
		return g.head, nil
	}
	// The header was read before the head is: what is committed in between makes the next one look again.
	h, err := g.look(context.WithoutCancel(ctx))
	if err != nil {
		g.known = false
		return s.Head(ctx)
	}
	g.head, g.mark, g.known = h, now, sound
	return h, nil
}
