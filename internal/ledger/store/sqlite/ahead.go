package sqlite

import (
	"context"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// ahead is what a transaction does while others are decided, one after the other, in the goroutine of the database.
type ahead struct {
	// events, keys, tags and added are how many of the batch are written, or are going to be; shown is how many events are written, as the
	// goroutine of the database knows it.
	events, keys, tags, added, shown int
	// begun tells that something was begun since settle. Failed says what came of it then.
	begun  bool
	failed error
}

// settle waits for what was begun. Until then nothing else may use the connection.
func (t *transaction) settle() error {
	if t.ahead.begun {
		done := make(chan struct{})
		t.work <- func() {
			t.urgent()
			t.idle = nil
			close(done)
		}
		<-done
		t.ahead.begun = false
	}
	return t.ahead.failed
}

// worker does what is to be done while others are decided: what somebody waits for first, and what is idle last.
func (d *database) worker() {
	for {
		d.urgent()
		select {
		case do, ok := <-d.work:
			if !ok {
				return
			}
			do()
			continue
		default:
		}
		if d.idle != nil && d.idle() {
			continue
		}
		select {
		case do := <-d.loads:
			do()
		case do, ok := <-d.work:
			if !ok {
				return
			}
			do()
		}
	}
}

// urgent does what somebody waits for.
func (d *database) urgent() {
	for {
		select {
		case do := <-d.loads:
			do()
		default:
			return
		}
	}
}

// LoadAhead implements journal.Ahead.
func (t *transaction) LoadAhead(ctx context.Context, tags []consent.Tag, keys []string) func() (journal.Loaded, error) {
	var out journal.Loaded
	var err error
	done := make(chan struct{})
	t.ahead.begun = true
	t.loads <- func() {
		out, err = t.load(ctx, tags, keys)
		close(done)
	}
	return func() (journal.Loaded, error) {
		<-done
		return out, err
	}
}

// WriteEvents implements journal.Early. Whoever waits for what is loaded waits for a part of it at most.
func (t *transaction) WriteEvents(_ context.Context, d *journal.Delta) error {
	a := &t.ahead
	events, keys, tags, added := d.Events[a.events:], d.Keys[a.keys:], d.Tags[a.tags:], d.Added[a.added:]
	a.events, a.keys, a.tags, a.added = len(d.Events), len(d.Keys), len(d.Tags), len(d.Added)
	n := len(d.Events)
	a.begun = true
	t.work <- func() {
		t.idle, a.shown = t.meanwhile, n
		for _, do := range []func() error{
			func() error { return t.log(events, nil, keys) },
			func() error { return t.tags(tags) },
			func() error {
				records := encode(added)
				defer records.done()
				return t.add(added, records)
			},
		} {
			if a.failed == nil {
				a.failed = do()
			}
			t.urgent()
		}
	}
	return nil
}
