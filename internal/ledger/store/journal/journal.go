package journal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

const (
	// queueLength bounds the calls that wait; more of them wait in Append itself.
	queueLength = 1024
	// maxBatch bounds the events of one commit, and with it how long the first of them waits.
	maxBatch = 2048
	// patience bounds how long one batch may take, attempts together.
	patience = time.Minute
)

// Journal appends to one database. It is safe for concurrent use.
type Journal struct {
	db    Database
	now   func() time.Time
	watch func([]store.Change)

	queue   chan *job
	mu      sync.RWMutex // guards closed against sends on queue
	closed  bool
	stopped chan struct{}
	// unknown is a commit of which nobody knows yet whether it happened. It belongs to the appender.
	unknown *unsettled
	// batch is the one that is being decided, and then memory for the next. It belongs to the appender.
	batch *batch
	// unproven leaves out the Merkle log.
	unproven bool
	// streaming lets a batch begin before it is complete.
	streaming bool
	// complete gives identities the tags of the log's scheme.
	complete store.Completer
}

// Option changes how a journal works.
type Option func(*Journal)

// Unproven leaves out the Merkle log, so that what it costs can be measured. A ledger with it can prove nothing.
func Unproven() Option { return func(j *Journal) { j.unproven = true } }

// Streaming lets a transaction begin with the first event of a batch, so that it takes in those that come while others are decided and
// written. It is for databases whose transactions implement Ahead, and keep nobody waiting who could append meanwhile.
func Streaming() Option { return func(j *Journal) { j.streaming = true } }

// Completing has tags that were made under an earlier scheme than the log's completed as they are appended. Without it they are refused.
func Completing(c store.Completer) Option { return func(j *Journal) { j.complete = c } }

type job struct {
	ctx    context.Context
	events []store.Append
	// entries are those of the events, as far as they could be prepared by who appends, so that the appender has less to do.
	entries []prepared
	results []store.Result
	errs    []error
	err     error
	done    chan struct{}
	// one is room for the results of a single event.
	one struct {
		entry  [1]prepared
		result [1]store.Result
		err    [1]error
	}
}

type prepared struct {
	store.PreparedEntry
	ok bool
}

// New returns a journal that appends to a database until Close. Now is the ledger's clock.
func New(db Database, now func() time.Time, options ...Option) *Journal {
	j := &Journal{db: db, now: now, watch: func([]store.Change) {}, queue: make(chan *job, queueLength), stopped: make(chan struct{}), batch: newBatch()}
	j.complete = func(*store.Identity, store.Scheme) error { return store.ErrKey }
	for _, o := range options {
		o(j)
	}
	go j.run()
	return j
}

// Watch is that of store.Store.
func (j *Journal) Watch(f func([]store.Change)) { j.watch = f }

// Append is that of store.Store.
func (j *Journal) Append(ctx context.Context, events ...store.Append) ([]store.Result, []error, error) {
	for i := range events {
		if err := check(&events[i]); err != nil {
			return nil, nil, err
		}
	}
	one := &job{ctx: ctx, events: events, done: make(chan struct{})}
	if len(events) == 1 {
		one.entries = one.one.entry[:]
	} else {
		one.entries = make([]prepared, len(events))
	}
	for i := range events {
		one.entries[i].PreparedEntry, one.entries[i].ok = store.PrepareEntry(events[i].Event, events[i].Identities)
	}
	if err := j.enqueue(ctx, one); err != nil {
		return nil, nil, err
	}
	select {
	case <-one.done:
		return one.results, one.errs, one.err
	case <-ctx.Done():
		// It may still be appended; an idempotency key makes the retry safe.
		return nil, nil, ctx.Err()
	}
}

func check(a *store.Append) error {
	if len(a.Identities) == 0 {
		return fmt.Errorf("%w: no identifier", consent.ErrInvalid)
	}
	for _, id := range a.Identities {
		if len(id.Tags) == 0 {
			return fmt.Errorf("%w: an identifier without a tag", consent.ErrInvalid)
		}
	}
	return nil
}

func (j *Journal) enqueue(ctx context.Context, one *job) error {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if j.closed {
		return store.ErrClosed
	}
	select {
	case j.queue <- one:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close waits for what is being appended. Nothing is appended any more then.
func (j *Journal) Close() {
	j.mu.Lock()
	if !j.closed {
		j.closed = true
		close(j.queue)
	}
	j.mu.Unlock()
	<-j.stopped
}

// run is the one appender.
func (j *Journal) run() {
	defer close(j.stopped)
	for first := range j.queue {
		j.append(&intake{jobs: []*job{first}, queue: j.queue})
	}
}

// append appends jobs and acknowledges them. If they cannot be written together, it finds out which of them cannot be written: one job
// must not fail the others.
func (j *Journal) append(in *intake) {
	// The context is the appender's own: a caller who goes away must not roll back others.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	changes, err := j.commit(ctx, in)
	jobs := in.jobs
	if len(jobs) > 1 && divisible(ctx, err) {
		j.append(&intake{jobs: jobs[:len(jobs)/2]})
		j.append(&intake{jobs: jobs[len(jobs)/2:]})
		return
	}
	if err == nil && len(changes) > 0 {
		j.watch(changes)
	}
	for _, one := range jobs {
		one.err = err
		close(one.done)
	}
}
