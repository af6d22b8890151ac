package journal

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/optup/optup/internal/ledger/store"
)

const (
	// early is how many events are written at once, where events are written while others are decided.
	early = 64
	// portion is about how many events are loaded and decided at once, where others are loaded meanwhile.
	portion = 32
	// few events are dealt with at once, by who decides about them.
	few = 8
	// yields is how often in a row others get their turn without appending before a batch is complete. Each takes well under a microsecond
	// if nobody wants it.
	yields = 4
)

// intake are the jobs of one batch: those that there are, and those that come until it is complete.
type intake struct {
	jobs []*job
	// queue is where others wait; nil once no more are taken in.
	queue  <-chan *job
	events int // that were taken in
}

// more takes in one more job. Whoever the last commit acknowledged may be about to append again, and gets the turn to do so: as long as more come, so
// that they share this commit instead of waiting for the next.
func (in *intake) more() bool {
	for idle := 0; in.queue != nil && in.events < maxBatch && idle <= yields; idle++ {
		select {
		case one, ok := <-in.queue:
			if !ok {
				in.queue = nil
				return false
			}
			in.jobs = append(in.jobs, one)
			in.events += len(one.events)
			return true
		default:
			runtime.Gosched()
		}
	}
	return false
}

// part gives some jobs from one on, with about so many events; none if there are no more.
func (in *intake) part(from, events int) []*job {
	to := from
	for n := 0; n < events && (to < len(in.jobs) || in.more()); to++ {
		n += len(in.jobs[to].events)
	}
	return in.jobs[from:to]
}

// all takes in whoever waits.
func (in *intake) all() []*job { return in.part(0, math.MaxInt) }

// decide appends the events of all jobs.
func (j *Journal) decide(ctx context.Context, tx Tx, b *batch, in *intake) error {
	if ahead, ok := tx.(Ahead); ok {
		return j.stream(ctx, ahead, b, in)
	}
	jobs := in.jobs
	if _, ok := tx.(Expecting); !ok {
		jobs = in.all()
	}
	if err := j.completed(jobs, b.head.Scheme); err != nil {
		return err
	}
	tags, keys := b.wanted(jobs)
	loaded, err := tx.Load(ctx, slices.Concat(b.expected, tags), slices.Concat(b.expectedKeys, keys))
	if err != nil {
		return unread(err)
	}
	b.take(loaded)
	ahead, _ := tx.(Early)
	written := 0
	b.setTime(j.now())
	for _, one := range jobs {
		b.decide(one)
		if n := len(b.delta.Events); ahead != nil && n-written >= early {
			if err := ahead.WriteEvents(ctx, &b.delta); err != nil {
				return fmt.Errorf("%w: %w", errBatch, err)
			}
			written = n
		}
	}
	return nil
}

func unread(err error) error {
	return fmt.Errorf("%w: what it rests on cannot be read: %w", errBatch, err)
}

// decide appends the events of one job.
func (b *batch) decide(one *job) {
	if len(one.events) == 1 {
		one.results, one.errs = one.one.result[:], one.one.err[:]
	} else {
		one.results, one.errs = make([]store.Result, len(one.events)), make([]error, len(one.events))
	}
	for i := range one.events {
		one.results[i], one.errs[i] = b.append(&one.events[i], one.entries[i])
	}
}

// stream decides about some jobs while what the next ones rest on is loaded, and what came of those before is written.
func (j *Journal) stream(ctx context.Context, tx Ahead, b *batch, in *intake) error {
	part := in.part(0, portion)
	loaded, err := j.load(ctx, tx, b, part, len(part) < few)
	if err != nil {
		return err
	}
	for done, written := 0, 0; len(part) > 0; {
		done += len(part)
		next := in.part(done, portion)
		following, err := j.load(ctx, tx, b, next, false)
		if err != nil {
			return err
		}
		rests, err := loaded()
		if err != nil {
			return unread(err)
		}
		b.take(rests)
		b.setTime(j.now())
		for _, one := range part {
			b.decide(one)
		}
		if n := len(b.delta.Events); n-written >= early || (len(next) == 0 && n-written >= few) {
			b.show()
			if err := tx.WriteEvents(ctx, &b.delta); err != nil {
				return fmt.Errorf("%w: %w", errBatch, err)
			}
			written = n
		}
		if len(next) == 0 { // perhaps somebody came meanwhile
			next = in.part(done, portion)
			if following, err = j.load(ctx, tx, b, next, false); err != nil {
				return err
			}
		}
		part, loaded = next, following
	}
	return nil
}

// load begins to load what some jobs rest on, or does it at once.
func (j *Journal) load(ctx context.Context, tx Ahead, b *batch, jobs []*job, now bool) (wait func() (Loaded, error), err error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	if err := j.completed(jobs, b.head.Scheme); err != nil {
		return nil, err
	}
	tags, keys := b.wanted(jobs)
	if now {
		loaded, err := tx.Load(ctx, tags, keys)
		return func() (Loaded, error) { return loaded, err }, nil
	}
	return tx.LoadAhead(ctx, tags, keys), nil
}

// setTime sets the time of the events that are decided from now on. Time in the log never goes back.
func (b *batch) setTime(now time.Time) {
	if now = now.UTC(); now.After(b.at) {
		b.at, b.atText = now, nil
	}
}

// show gives new identities as they are by now. What later events change about them is a change as any other.
func (b *batch) show() {
	rest := b.touched[:0]
	for _, id := range b.touched {
		if id.added {
			b.delta.Added = append(b.delta.Added, id.Identity)
			id.added, id.touched = false, false
		} else {
			rest = append(rest, id)
		}
	}
	clear(b.touched[len(rest):])
	b.touched = rest
}
