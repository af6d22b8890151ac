package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/storetest"
)

var errLost = errors.New("the connection is lost")

// once fails the first time.
func once() func() error {
	failed := false
	return func() error {
		if failed {
			return nil
		}
		failed = true
		return errLost
	}
}

func watched(j *journal.Journal) *[]consent.Position {
	var seen []consent.Position
	j.Watch(func(changes []store.Change) {
		for _, c := range changes {
			seen = append(seen, c.Event.Position)
		}
	})
	return &seen
}

func appendOne(t *testing.T, j *journal.Journal, n int) (store.Result, error) {
	t.Helper()
	r, errs, err := j.Append(t.Context(), storetest.Given(n))
	if err := errors.Join(append(errs, err)...); err != nil {
		return store.Result{}, err
	}
	return r[0], nil
}

func TestACommitThatFailedIsLookedFor(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(m *storetest.Memory)
		fine bool
	}{
		"it happened all the same": {func(m *storetest.Memory) { m.AfterCommit = once() }, true},
		"it did not happen":        {func(m *storetest.Memory) { m.BeforeCommit = once() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := storetest.NewMemory()
			j := journal.New(m, time.Now)
			defer j.Close()
			seen := watched(j)
			c.set(m)
			r, err := appendOne(t, j, 1)
			if (err == nil) != c.fine || (err != nil && !errors.Is(err, errLost)) {
				t.Fatalf("%+v, %v", r, err)
			}
			next, err := appendOne(t, j, 2)
			if want := r.Position + 1; err != nil || next.Position != want || len(*seen) != int(want) {
				t.Fatalf("%+v, %v, and watchers saw %v", next, err, *seen)
			}
		})
	}
}

// away is a database that cannot be reached for a while after a commit.
type away struct {
	*storetest.Memory
	mu   sync.Mutex
	gone bool
}

func (a *away) set(gone bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = gone
}

func (a *away) Begin(ctx context.Context) (journal.Tx, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return nil, errLost
	}
	return a.Memory.Begin(ctx)
}

// TestWhileACommitIsUnknownNothingIsAppended: it might take the same positions. Once it is known, those who watch see what happened.
func TestWhileACommitIsUnknownNothingIsAppended(t *testing.T) {
	for name, happened := range map[string]bool{"it happened": true, "it did not happen": false} {
		t.Run(name, func(t *testing.T) {
			a := &away{Memory: storetest.NewMemory()}
			j := journal.New(a, time.Now)
			defer j.Close()
			seen := watched(j)
			lost := once()
			fail := func() error {
				err := lost()
				a.set(err != nil)
				return err
			}
			if happened {
				a.AfterCommit = fail
			} else {
				a.BeforeCommit = fail
			}
			for n := range 2 {
				if _, err := appendOne(t, j, n); !errors.Is(err, store.ErrClosed) {
					t.Fatalf("append %d: %v, want closed", n, err)
				}
			}
			a.set(false)
			r, err := appendOne(t, j, 2)
			want := consent.Position(1)
			if happened {
				want = 2
			}
			if err != nil || r.Position != want || len(*seen) != int(want) {
				t.Fatalf("%+v, %v, and watchers saw %v", r, err, *seen)
			}
		})
	}
}

// TestAnotherWriterIsNotTakenForOurs: another process may have appended at the position of a commit that did not happen.
func TestAnotherWriterIsNotTakenForOurs(t *testing.T) {
	m := storetest.NewMemory()
	theirs := journal.New(m, time.Now)
	defer theirs.Close()
	a := &between{Memory: m, after: func() {
		if _, err := appendOne(t, theirs, 7); err != nil {
			t.Error(err)
		}
	}}
	m.BeforeCommit = once()
	j := journal.New(a, time.Now)
	defer j.Close()
	if _, err := appendOne(t, j, 1); !errors.Is(err, errLost) {
		t.Fatalf("%v, want that the commit failed", err)
	}
	if r := m.Record(storetest.Tag(1)); r.Position != 0 {
		t.Fatalf("%+v", r)
	}
}

// between lets somebody else append between the first and the second transaction.
type between struct {
	*storetest.Memory
	begun int
	after func()
}

func (b *between) Begin(ctx context.Context) (journal.Tx, error) {
	if b.begun++; b.begun == 2 {
		b.after()
	}
	return b.Memory.Begin(ctx)
}

func TestATransactionThatFailedBecauseOfOthersIsTriedAgain(t *testing.T) {
	m := storetest.NewMemory()
	tries := 0
	m.Refuse = func(*journal.Delta) error {
		if tries++; tries < 4 {
			return fmt.Errorf("%w: somebody else was first", journal.ErrAgain)
		}
		return nil
	}
	j := journal.New(m, time.Now)
	defer j.Close()
	if r, err := appendOne(t, j, 1); err != nil || r.Position != 1 || tries != 4 {
		t.Fatalf("%+v, %v after %d tries", r, err, tries)
	}
}

// TestATransactionThatNeverSucceedsIsGivenUp after a while, and what comes next is appended.
func TestATransactionThatNeverSucceedsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := storetest.NewMemory()
		tries := 0
		m.Refuse = func(*journal.Delta) error {
			tries++
			return fmt.Errorf("%w: somebody else was first", journal.ErrAgain)
		}
		j := journal.New(m, time.Now)
		defer j.Close()
		began := time.Now()
		if _, err := appendOne(t, j, 1); !errors.Is(err, store.ErrClosed) || time.Since(began) > 2*time.Minute || tries < 10 {
			t.Fatalf("%v after %s and %d tries", err, time.Since(began), tries)
		}
		m.Refuse = nil
		if r, err := appendOne(t, j, 2); err != nil || r.Position != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
	})
}

// TestOneJobThatCannotBeWrittenFailsByItself, however many share its batch.
func TestOneJobThatCannotBeWrittenFailsByItself(t *testing.T) {
	m := storetest.NewMemory()
	block := make(chan struct{})
	var first sync.Once
	m.Refuse = func(d *journal.Delta) error {
		first.Do(func() { <-block }) // until all others wait
		for _, k := range d.Keys {
			if k.Key == "poison" {
				return errors.New("no such text")
			}
		}
		return nil
	}
	j := journal.New(m, time.Now)
	defer j.Close()
	var wg sync.WaitGroup
	for n := range 33 {
		wg.Go(func() {
			a := storetest.Given(n)
			if n == 17 {
				a.Key = "poison"
			}
			_, errs, err := j.Append(t.Context(), a)
			if failed := errors.Join(append(errs, err)...) != nil; failed != (n == 17) {
				t.Errorf("writer %d: %v, %v", n, errs, err)
			}
		})
	}
	time.AfterFunc(100*time.Millisecond, func() { close(block) })
	wg.Wait()
}

func TestAFullDatabaseIsToldToEverybody(t *testing.T) {
	m := storetest.NewMemory()
	m.Refuse = func(*journal.Delta) error { return fmt.Errorf("%w: no page left", store.ErrFull) }
	j := journal.New(m, time.Now)
	defer j.Close()
	if _, err := appendOne(t, j, 1); !errors.Is(err, store.ErrFull) {
		t.Fatalf("%v", err)
	}
}

// TestACallerWhoGoesAwayRollsBackNobody, in the middle of a transaction.
func TestACallerWhoGoesAwayRollsBackNobody(t *testing.T) {
	m := storetest.NewMemory()
	entered, block := make(chan struct{}), make(chan struct{})
	var first sync.Once
	m.Refuse = func(*journal.Delta) error {
		first.Do(func() { close(entered); <-block })
		return nil
	}
	j := journal.New(m, time.Now)
	defer j.Close()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, _, err := j.Append(ctx, storetest.Given(1))
		gone <- err
	}()
	<-entered
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	close(block)
	if r, err := appendOne(t, j, 2); err != nil || r.Position != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
}
