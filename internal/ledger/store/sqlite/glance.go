package sqlite

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/sqlite/engine"
)

// indexHeader is how long the header of SQLite's index of its log is, in both copies. It differs after every commit, of any process:
// https://www.sqlite.org/walformat.html
const indexHeader = 2 * 48

// initialised is the byte of the header that tells that it says something.
const initialised = 12

// glancer reads the head on a connection of its own, and keeps it for as long as the header of the index is what it was before the head was read.
// The connection stays open: the file of the index is the same one until the last one ends.
type glancer struct {
	mu    sync.Mutex
	conn  *engine.Conn // nil once it is closed
	read  *engine.Stmt
	index *os.File
	mark  [indexHeader]byte
	head  store.Head
	known bool
}

func newGlancer(path string) (_ *glancer, err error) {
	g := &glancer{}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	if g.conn, err = openReading(path); err != nil {
		return nil, err
	}
	if g.read, err = g.conn.Prepare(readHeadRow); err != nil {
		return nil, err
	}
	if _, err := g.look(); err != nil {
		return nil, err
	}
	g.index, err = os.Open(path + "-shm")
	return g, err
}

func (g *glancer) close() (err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.index != nil {
		err = g.index.Close()
	}
	if g.conn != nil {
		err = errors.Join(err, g.conn.Close())
	}
	g.conn, g.index = nil, nil
	return err
}

// look reads the head. The lock is held.
func (g *glancer) look() (store.Head, error) {
	if g.conn == nil {
		return store.Head{}, store.ErrClosed
	}
	h, err := headOf(g.read)
	return h.Head, err
}

// Head implements store.Store.
func (s *Store) Head(context.Context) (store.Head, error) {
	s.glancer.mu.Lock()
	defer s.glancer.mu.Unlock()
	return s.glancer.look()
}

// Glance implements store.Glancer.
func (s *Store) Glance(context.Context) (store.Head, error) {
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
	all, err := g.look()
	h := store.Head{Epoch: all.Epoch, Position: all.Position, At: all.At, Hashed: all.Hashed}
	g.head, g.mark, g.known = h, now, sound && err == nil
	return h, err
}
