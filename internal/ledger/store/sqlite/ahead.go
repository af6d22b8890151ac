package sqlite

import (
	"context"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// ahead is what a transaction does while others are decided, one after the other, in the goroutine of the database.
type ahead struct {
	// events, keys, tags and added are how many of the batch are written, or are going to be.
	events, keys, tags, added int
	// last ends with what was begun last; nil if nothing was since. Failed says what came of it, once it has ended.
	last   chan struct{}
	failed error
}

// behind has something done after what was begun before, and gives what ends with it.
func (t *transaction) behind(do func()) <-chan struct{} {
	done := make(chan struct{})
	t.ahead.last = done
	t.work <- func() {
		do()
		close(done)
	}
	return done
}

// settle waits for what was begun. Until then nothing else may use the connection.
func (t *transaction) settle() error {
	if t.ahead.last != nil {
		<-t.ahead.last
		t.ahead.last = nil
	}
	return t.ahead.failed
}

// worker does what is to be done while others are decided.
func (d *database) worker() {
	for do := range d.work {
		do()
	}
}

// LoadAhead implements journal.Ahead.
func (t *transaction) LoadAhead(ctx context.Context, tags []consent.Tag, keys []string) func() (journal.Loaded, error) {
	var out journal.Loaded
	var err error
	done := t.behind(func() { out, err = t.load(ctx, tags, keys) })
	return func() (journal.Loaded, error) {
		<-done
		return out, err
	}
}

// WriteEvents implements journal.Early. Records are encoded before, by who decides.
func (t *transaction) WriteEvents(_ context.Context, d *journal.Delta) error {
	a := &t.ahead
	events, keys, tags, added := d.Events[a.events:], d.Keys[a.keys:], d.Tags[a.tags:], d.Added[a.added:]
	a.events, a.keys, a.tags, a.added = len(d.Events), len(d.Keys), len(d.Tags), len(d.Added)
	records := encode(added)
	t.behind(func() {
		if a.failed == nil {
			a.failed = t.log(events, nil, keys)
		}
		if a.failed == nil {
			a.failed = t.tags(tags)
		}
		if a.failed == nil {
			a.failed = t.add(added, records)
		}
	})
	return nil
}
