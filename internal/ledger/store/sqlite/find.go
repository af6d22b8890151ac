package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

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

// finders are those connections. Who looks for somebody has one alone, and opens one if all are in use and they are not too many.
type finders struct {
	path string
	// places are as many as may be in use, each with the connection that was there before; nil for none.
	places chan *finder
	closed atomic.Bool
}

func newFinders(path string) *finders {
	f := &finders{path: path, places: make(chan *finder, maxFinders)}
	for range maxFinders {
		f.places <- nil
	}
	return f
}

func (f *finders) open() (_ *finder, err error) {
	one := &finder{}
	if one.Conn, err = engine.Open(f.path, `PRAGMA query_only = 1`, `PRAGMA `+temporaryPragma); err != nil {
		return nil, err
	}
	if one.cluster, err = one.Prepare(fmt.Sprintf(clustersOf, "?")); err != nil {
		return nil, errors.Join(err, one.Close())
	}
	return one, nil
}

func (f *finders) take(ctx context.Context) (one *finder, err error) {
	select {
	case one = <-f.places:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	switch {
	case f.closed.Load():
		err = store.ErrClosed
	case one == nil:
		one, err = f.open()
	}
	if err != nil {
		f.places <- one
	}
	return one, err
}

// close closes the connections, each once nobody uses it any more.
func (f *finders) close() (err error) {
	if f.closed.Swap(true) {
		return nil
	}
	for range maxFinders {
		if one := <-f.places; one != nil {
			err = errors.Join(err, one.Close())
		}
	}
	for range maxFinders {
		f.places <- nil
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
	defer func() { f.places <- one }()
	one.cluster.Bytes(1, tag[:])
	return out, each(one.cluster, func() error {
		id, err := identityOf(rowOf(one.cluster))
		out.Identities = append(out.Identities, id)
		return err
	})
}
