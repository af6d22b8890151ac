package share

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/stream"
)

// ErrNoBundle reports that there are no purposes to count for.
var ErrNoBundle = errors.New("there are no purposes and notices")

const (
	// DefaultEvery is how long an edition lasts at least.
	DefaultEvery = 10 * time.Second
	// maxPending bounds the changes that wait to be counted. With more, everybody is counted anew.
	maxPending = 1 << 16
	lookEvery  = time.Second
)

// Options say what is counted.
type Options struct {
	Source Source
	// Changes gives every change after it was opened, which was before New: a tap of the hub.
	Changes Changes
	// Bundle gives the purposes and notices of the ledger's controller with their generation; nil while there are none.
	Bundle func() (*ir.Bundle, int64)
	// Declared is the registered population, 0 for none.
	Declared func() int64
	// Now is the ledger's clock.
	Now    func() time.Time
	Logger *slog.Logger
	// Every is how long an edition lasts at least; 0 for DefaultEvery.
	Every time.Duration
}

// Changes gives what changed, in the order of positions. An error other than of the context, or stream.ErrEnded, tells that some were
// missed.
type Changes interface {
	Next(ctx context.Context) ([]store.Change, error)
}

// Keeper keeps the figures right while the ledger changes. Run does the work; everything else may be called by anybody at any time.
type Keeper struct {
	Options
	mu      sync.Mutex
	pending []Change
	lost    bool
	figures *Figures
	first   chan struct{} // closed with the first edition
	wake    chan struct{}
}

// New returns a keeper.
func New(o Options) *Keeper {
	if o.Every == 0 {
		o.Every = DefaultEvery
	}
	return &Keeper{Options: o, first: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// follow notes what changes until ctx ends, or the changes do.
func (k *Keeper) follow(ctx context.Context) {
	for {
		changes, err := k.Changes.Next(ctx)
		if ctx.Err() != nil || errors.Is(err, stream.ErrEnded) {
			return
		}
		k.note(changes, err != nil)
	}
}

func (k *Keeper) note(changes []store.Change, missed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if missed || len(k.pending)+len(changes) > maxPending {
		k.pending, k.lost = nil, true
	}
	if !k.lost {
		k.pending = appendChanges(k.pending, changes)
	}
	k.poke()
}

func (k *Keeper) poke() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Last gives the newest edition, nil before the first.
func (k *Keeper) Last() *Figures {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.figures
}

// Figures gives the newest edition, and waits for the first. A bundle that has just changed is counted in the background meanwhile.
func (k *Keeper) Figures(ctx context.Context) (*Figures, error) {
	if b, _ := k.Bundle(); b == nil {
		return nil, ErrNoBundle
	}
	k.poke()
	select {
	case <-k.first:
		return k.Last(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// work is what Run alone holds.
type work struct {
	k *Keeper
	// people are counted with ways, for bundle.
	people *people
	bundle *ir.Bundle
	// Edition is what was told last, with which ways and which declared population.
	edition  tally
	told     *ways
	declared int64
	toldAt   time.Time
	// While everybody is counted anew, since holds what changed meanwhile.
	counting bool
	since    []Change
	recount  bool
	retryAt  time.Time
	results  chan result
}

type result struct {
	people     *people
	bundle     *ir.Bundle
	generation int64
	head       store.Head
	err        error
}

// Run counts until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	w := &work{k: k, results: make(chan result, 1)}
	tick := time.NewTicker(min(lookEvery, k.Every))
	defer tick.Stop()
	following := make(chan struct{})
	go func() { defer close(following); k.follow(ctx) }()
	defer func() { <-following }()
	for {
		select {
		case <-ctx.Done():
			if w.counting {
				<-w.results // it reads from the database, which is closed afterwards
			}
			return nil
		case <-k.wake:
		case <-tick.C:
		case r := <-w.results:
			w.take()
			w.adopt(r)
		}
		w.take()
		w.renew(ctx)
		w.publish()
	}
}

// take takes into account what changed.
func (w *work) take() {
	w.k.mu.Lock()
	changes, lost := w.k.pending, w.k.lost
	w.k.pending, w.k.lost = nil, false
	w.k.mu.Unlock()
	w.recount = w.recount || lost
	if w.counting {
		if lost || len(w.since)+len(changes) > maxPending {
			w.since, w.recount = nil, true
		} else {
			w.since = append(w.since, changes...)
		}
	}
	if w.people != nil {
		w.apply(changes)
	}
}

// apply applies changes that follow one another without a gap; after a gap, everybody is counted anew.
func (w *work) apply(changes []Change) {
	for i := range changes {
		c, p := &changes[i], w.people
		if i%ahead == 0 {
			p.fetch(changes[i:min(i+ahead, len(changes))])
		}
		switch {
		case c.Position <= p.position:
		case c.Position > p.position+1:
			w.recount = true
			return
		default:
			p.apply(*c)
		}
	}
}

// renew counts everybody anew in the background, if there is a reason to.
func (w *work) renew(ctx context.Context) {
	b, generation := w.k.Bundle()
	if w.counting || b == nil || (b == w.bundle && !w.recount) || time.Now().Before(w.retryAt) {
		return
	}
	w.counting, w.recount, w.since = true, false, nil
	go func() {
		r := result{bundle: b, generation: generation}
		if r.head, r.err = w.k.Source.Head(ctx); r.err == nil {
			now := w.k.Now().UTC()
			if now.Before(r.head.At) {
				now = r.head.At
			}
			r.people, r.head, r.err = read(ctx, w.k.Source, newWays(newRules(b)), now)
		}
		w.results <- r
	}()
}

// adopt takes a new count into use, with what changed since.
func (w *work) adopt(r result) {
	w.counting = false
	if r.err != nil {
		w.k.Logger.Error("people could not be counted; the figures stay as they are, and it is tried again", "error", r.err)
		w.recount, w.retryAt = true, time.Now().Add(w.k.Every)
		return
	}
	r.people.generation = r.generation
	w.people, w.bundle = r.people, r.bundle
	changes := w.since
	w.since = nil
	w.apply(changes)
}

// publish brings out an edition, if it is time for one and it would tell about no single person (see Figures).
func (w *work) publish() {
	p := w.people
	if p == nil {
		return
	}
	p.advance(w.k.Now().UTC())
	declared := w.k.Declared()
	switch {
	case w.told == nil, w.told.rules.bundle != p.ways.rules.bundle: // the first one, or another bundle
	case time.Since(w.toldAt) < w.k.Every:
		return
	case w.told != p.ways, p.changed(Step):
	case declared != w.declared:
		w.tell(declared) // the same people as before, of another population
		return
	default:
		return
	}
	w.edition, w.told = p.tally(), p.ways
	p.settle()
	w.tell(declared)
}

func (w *work) tell(declared int64) {
	w.declared, w.toldAt = declared, time.Now()
	f := w.told.figures(w.edition, declared, w.people.generation)
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	if w.k.figures == nil {
		close(w.k.first)
	}
	w.k.figures = f
}
