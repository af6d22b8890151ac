package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/sqlite/engine"
)

// maxFinders bounds the connections that look for people at the same time.
const maxFinders = 8

// finder is a connection that looks for people.
type finder struct {
	*engine.Conn
	cluster *engine.Stmt
}

// finders are those connections. Who looks for somebody has one alone: the one that was used last, which has most of what is looked for in its
// memory, or a new one if all are in use and they are not too many.
type finders struct {
	path string
	// using has room for as many as may be in use.
	using chan struct{}

	mu     sync.Mutex
	free   []*finder // the last was used last
	closed bool
}

func newFinders(path string) *finders {
	return &finders{path: path, using: make(chan struct{}, maxFinders)}
}

func (f *finders) open() (_ *finder, err error) {
	one := &finder{}
	if one.Conn, err = openReading(f.path, `PRAGMA cache_size = -8192`); err != nil {
		return nil, err
	}
	if one.cluster, err = one.Prepare(fmt.Sprintf(clustersOf, "?")); err != nil {
		return nil, errors.Join(err, one.Close())
	}
	return one, nil
}

func (f *finders) take(ctx context.Context) (one *finder, err error) {
	select {
	case f.using <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.mu.Lock()
	if f.closed {
		err = store.ErrClosed
	} else if n := len(f.free); n > 0 {
		one, f.free = f.free[n-1], f.free[:n-1]
	}
	f.mu.Unlock()
	if one == nil && err == nil {
		one, err = f.open()
	}
	if err != nil {
		<-f.using
	}
	return one, err
}

func (f *finders) give(one *finder) {
	f.mu.Lock()
	f.free = append(f.free, one)
	f.mu.Unlock()
	<-f.using
}

// close closes the connections, each once nobody uses it any more.
func (f *finders) close() (err error) {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	for range maxFinders {
		f.using <- struct{}{}
	}
	for _, one := range f.free {
		err = errors.Join(err, one.Close())
	}
	f.free = nil
	for range maxFinders {
		<-f.using
	}
	return err
}

// single reads whom a tag names in one statement, which sees one moment without a transaction around it. Of those who are linked with others
// it leaves out the links.
func (f *finders) single(ctx context.Context, tag consent.Tag) (out journal.Loaded, err error) {
	one, err := f.take(ctx)
	if err != nil {
		return out, err
	}
	defer f.give(one)
	one.cluster.Bytes(1, tag[:])
	err = each(one.cluster, func() error {
		id, err := identityOf(rowOf(one.cluster))
		out.Identities = append(out.Identities, id)
		return err
	})
	return out, err
}
