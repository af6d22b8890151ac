package sqlite

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/storetest"
)

// TestNothingIsBegunOnceATransactionIsSettled: whoever uses the connection then is alone with it, also where nobody waited for what was loaded.
func TestNothingIsBegunOnceATransactionIsSettled(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	for range 200 {
		tx, err := s.database.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all, _ := tx.(*transaction)
		if _, err := all.Head(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := all.WriteEvents(t.Context(), &journal.Delta{}); err != nil {
			t.Fatal(err)
		}
		// It looks for more to do as what is loaded and the end of it come, one right after the other.
		idles, come, ran := make(chan struct{}), make(chan struct{}), false
		all.work <- func() {
			all.idle = func() bool {
				close(idles)
				<-come
				return false
			}
		}
		<-idles
		all.LoadAhead(t.Context(), []consent.Tag{storetest.Tag(1)}, nil)
		all.loads <- func() { ran = true }
		go func() {
			for len(all.work) == 0 {
				runtime.Gosched()
			}
			close(come)
		}()
		if err := all.settle(); err != nil {
			t.Fatal(err)
		}
		if !ran || all.idle != nil {
			t.Fatalf("loaded %v, idle %v", ran, all.idle != nil)
		}
		tx.Rollback()
	}
}

// unlucky is a database of which one transaction cannot load ahead while events are being written.
type unlucky struct {
	*database
	t        *testing.T
	writing  atomic.Bool
	happened atomic.Int32
}

type unluckyOne struct {
	*transaction
	of *unlucky
}

func (u *unlucky) Begin(ctx context.Context) (journal.Tx, error) {
	tx, err := u.database.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &unluckyOne{tx.(*transaction), u}, nil
}

func (o *unluckyOne) WriteEvents(ctx context.Context, d *journal.Delta) error {
	events := d.Events
	o.work <- func() {
		time.Sleep(20 * time.Millisecond)
		for i := range events {
			if events[i].Entry == nil {
				o.of.t.Errorf("event %d is gone before it is written", i)
			}
		}
	}
	o.of.writing.Store(true)
	return o.transaction.WriteEvents(ctx, d)
}

func (o *unluckyOne) LoadAhead(ctx context.Context, tags []consent.Tag, keys []string) func() (journal.Loaded, error) {
	wait := o.transaction.LoadAhead(ctx, tags, keys)
	if o.of.writing.Load() && o.of.happened.CompareAndSwap(0, 1) {
		return func() (journal.Loaded, error) { return journal.Loaded{}, errors.New("it cannot be loaded") }
	}
	return wait
}

// TestABatchThatFailsIsKeptUntilNobodyWritesIt, and its events are appended after that.
func TestABatchThatFailsIsKeptUntilNobodyWritesIt(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	u := &unlucky{database: s.database, t: t}
	j := journal.New(u, time.Now, journal.Streaming())
	defer j.Close()
	for round := 0; u.happened.Load() == 0 && round < 100; round++ {
		var all sync.WaitGroup
		for n := range 10 {
			all.Go(func() {
				var events []store.Append
				for i := range 32 {
					events = append(events, storetest.Given(1000*round+100*n+i))
				}
				if _, errs, err := j.Append(t.Context(), events...); errors.Join(append(errs, err)...) != nil {
					t.Error(errs, err)
				}
			})
		}
		all.Wait()
	}
	if u.happened.Load() == 0 {
		t.Error("no batch failed while it was written")
	}
}

// TestABatchThatCannotBeWrittenIsLeftAlone: once Write has failed, its lists are memory for the next batch.
func TestABatchThatCannotBeWrittenIsLeftAlone(t *testing.T) {
	s := openIn(t, t.TempDir())
	defer s.Close()
	for range 20 {
		tx, err := s.database.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Head(t.Context()); err != nil {
			t.Fatal(err)
		}
		d := &journal.Delta{Added: make([]journal.Identity, 20_000)}
		for i := range d.Added {
			d.Added[i].Record = &consent.Record{Position: 1}
		}
		no := errors.New("no")
		tx.(*transaction).ahead.failed = no
		if err := tx.Write(t.Context(), d); !errors.Is(err, no) {
			t.Fatal(err)
		}
		clear(d.Added)
		tx.Rollback()
	}
}
