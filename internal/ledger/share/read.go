package share

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/optup/optup/internal/ledger/store"
)

// batch is how many people are handed on at once.
const batch = 2048

type counted struct {
	tag, group uint64
	stand      stand
}

// tellers count people and hand them on to whoever enters them, batch by batch.
type tellers struct {
	ways *ways
	now  time.Time
	out  chan *[]counted
	mu   sync.Mutex
	all  []*teller
}

// teller is one of them, for one goroutine.
type teller struct {
	*tellers
	counter *counter
	some    *[]counted
	fetched uint64 // of no use: see ahead
}

// batches are used again.
var batches = sync.Pool{New: func() any { s := make([]counted, 0, batch); return &s }}

func (t *tellers) begin() *teller {
	one := &teller{tellers: t, counter: newCounter(t.ways), some: batches.Get().(*[]counted)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, one)
	return one
}

// tell counts one identity, of which it keeps nothing.
func (t *teller) tell(one *Identity) {
	if len(one.Tags) == 0 {
		return
	}
	*t.some = append(*t.some, counted{tag: keyOf(one.Tags[0]), group: one.Group, stand: t.counter.count(one.Record, one.Type, t.now)})
	if len(*t.some) == batch {
		t.out <- t.some
		t.some = batches.Get().(*[]counted)
	}
}

// end hands on what is left, once nobody tells any more.
func (t *tellers) end() {
	for _, one := range t.all {
		t.out <- one.some
	}
	close(t.out)
}

// read counts everybody anew, on all processors.
func read(ctx context.Context, s Source, w *ways, now time.Time) (*people, store.Head, error) {
	p := newPeople(w, now)
	p.many = true // nobody has seen an edition yet
	t := &tellers{ways: w, now: now, out: make(chan *[]counted, 4)}
	entered := make(chan struct{})
	go func() {
		defer close(entered)
		for some := range t.out {
			for i := range *some {
				if i%ahead == 0 {
					p.fetchNew((*some)[i:min(i+ahead, len(*some))])
				}
				p.add((*some)[i].tag, (*some)[i].group, (*some)[i].stand)
			}
			clear(*some)
			*some = (*some)[:0]
			batches.Put(some)
		}
	}()
	head, err := t.everybody(ctx, s)
	t.end()
	<-entered
	p.position = head.Position
	p.settle()
	p.advance(head.At)
	return p, head, err
}

// everybody tells of everybody, where they are read if the source can do that, and else on all processors.
func (t *tellers) everybody(ctx context.Context, s Source) (store.Head, error) {
	if scans, ok := s.(Scanner); ok {
		return scans.Scan(ctx, func() func(Identity) error {
			one := t.begin()
			return func(i Identity) error {
				one.tell(&i)
				return nil
			}
		})
	}
	in := make(chan []Identity, 4)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		one := t.begin()
		workers.Go(func() {
			for some := range in {
				for i := range some {
					if i%ahead == 0 {
						one.fetch(some[i:min(i+ahead, len(some))])
					}
					one.tell(&some[i])
				}
			}
		})
	}
	some := make([]Identity, 0, batch)
	head, err := s.Snapshot(ctx, func(one Identity) error {
		if some = append(some, one); len(some) == batch {
			in <- some
			some = make([]Identity, 0, batch)
		}
		return ctx.Err()
	})
	in <- some
	close(in)
	workers.Wait()
	return head, err
}
