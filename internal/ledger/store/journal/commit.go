package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

const (
	firstPause = 5 * time.Millisecond
	maxPause   = 500 * time.Millisecond
	// settling bounds the attempt to find out what a failed commit came to.
	settling = 10 * time.Second
)

// errBatch reports that the database refuses a batch, whether to read what it rests on or to write what it came to. A part of it may be
// the reason.
var errBatch = errors.New("the append failed")

func divisible(ctx context.Context, err error) bool {
	return errors.Is(err, errBatch) && !errors.Is(err, store.ErrFull) && ctx.Err() == nil
}

// unsettled is a commit that failed without saying whether it happened: the newest leaf of the batch is at the position, if it did.
type unsettled struct {
	position consent.Position
	leaf     proof.Hash
	changes  []store.Change
}

// commit appends a batch in one transaction, as often as it takes.
func (j *Journal) commit(ctx context.Context, in *intake) ([]store.Change, error) {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		changes, err := j.try(ctx, in)
		if !errors.Is(err, ErrAgain) {
			return changes, err
		}
		if !wait(ctx, pause) {
			return nil, fmt.Errorf("%w: the append was tried until it took too long: %w", store.ErrClosed, err)
		}
	}
}

func (j *Journal) try(ctx context.Context, in *intake) ([]store.Change, error) {
	if err := j.settle(); err != nil {
		return nil, err
	}
	if !j.streaming {
		in.all()
	}
	tx, err := j.db.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("the append cannot begin: %w", err)
	}
	defer j.batch.end() // after the rollback: until then it may still be read
	defer tx.Rollback()
	hopeful, _ := tx.(Hopeful)
	if hopeful != nil {
		hopeful.Hope()
	}
	b, err := j.begin(ctx, tx, in)
	if err != nil {
		return nil, err
	}
	if err := j.decide(ctx, tx, b, in); err != nil {
		return nil, err
	}
	if hopeful != nil && refusedKey(in.jobs) && hopeful.Doubts() {
		return nil, fmt.Errorf("%w: what was refused may have been appended before", ErrAgain)
	}
	if len(b.changes) > 0 {
		if err := tx.Write(ctx, b.finish()); err != nil {
			return nil, fmt.Errorf("%w: %w", errBatch, err)
		}
		if err := tx.Commit(ctx); err != nil {
			tx.Rollback()
			j.unknown = &unsettled{position: b.head.Position, leaf: b.delta.Events[len(b.delta.Events)-1].Leaf, changes: b.changes}
			if happened, settled := j.find(); settled != nil {
				return nil, settled
			} else if !happened {
				return nil, fmt.Errorf("%w: %w", errBatch, err)
			}
		}
	}
	for _, one := range in.jobs {
		for i := range one.results {
			if one.errs[i] == nil {
				one.results[i].Root, one.results[i].Size = b.head.Root, b.head.Position
			}
		}
	}
	return b.changes, nil // which those who watch may keep
}

// refusedKey tells whether an event with a key was refused.
func refusedKey(jobs []*job) bool {
	for _, one := range jobs {
		for i := range one.errs {
			if one.errs[i] != nil && one.events[i].Key != "" {
				return true
			}
		}
	}
	return false
}

// settle finds out what became of a commit with an unknown outcome, before anything else is appended. Its callers have gone with an error,
// but whoever watches has to see what happened.
func (j *Journal) settle() error {
	if j.unknown == nil {
		return nil
	}
	changes := j.unknown.changes
	happened, err := j.find()
	if happened {
		j.watch(changes)
	}
	return err
}

// find tells whether the commit happened. While that cannot be known, nothing may be appended.
func (j *Journal) find() (happened bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), settling)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		happened, err = j.unknown.happened(ctx, j.db)
		if err == nil {
			j.unknown = nil
			return happened, nil
		}
		if !errors.Is(err, ErrAgain) || !wait(ctx, pause) {
			// Not as something to try again: that would append twice what may be there.
			return false, fmt.Errorf("%w: a commit has an unknown outcome: %s", store.ErrClosed, err.Error())
		}
	}
}

// wait gives false if the context ends before.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// happened looks behind whatever may still be going on: the head is locked until that has ended. Salts are random, so that the same leaf
// at the same position is the same event.
func (u *unsettled) happened(ctx context.Context, db Database) (bool, error) {
	tx, err := db.Begin(ctx)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	h, err := tx.Head(ctx)
	if err != nil || h.Position < u.position {
		return false, err
	}
	leaf, err := tx.Leaf(ctx, u.position)
	return leaf == u.leaf, err
}
