package uses

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"

	"github.com/optup/optup/internal/ledger/wire"
)

// lane is the way to the ledger of one controller.
type lane struct {
	controller string
	spool      *spool
	wake       chan struct{}
}

func (l *lane) put(id string, raw []byte) error {
	if err := l.spool.put(id, raw); err != nil {
		return err
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return nil
}

// restore opens the lanes that an earlier process left.
func (r *Recorder) restore() error {
	if r.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(r.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		controller, ok := laneOf(e.Name())
		if !ok || !e.IsDir() {
			continue
		}
		s, err := openSpool(laneDir(r.Dir, controller), r.MaxSpool)
		if err != nil {
			return err
		}
		r.lanes[controller] = &lane{controller: controller, spool: s, wake: make(chan struct{}, 1)}
	}
	return nil
}

// lane gives the way to a ledger, and starts it at its first use. Where the folder cannot be made, memory takes its place.
func (r *Recorder) lane(controller string, start func(*lane)) *lane {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lanes[controller]
	if l != nil {
		return l
	}
	dir := ""
	if r.Dir != "" {
		dir = laneDir(r.Dir, controller)
	}
	s, err := openSpool(dir, r.MaxSpool)
	if err != nil {
		r.Logger.Error("the folder for use records cannot be used; memory takes its place, and does not survive a restart", "error", err)
		s = &spool{max: r.MaxSpool}
	}
	l = &lane{controller: controller, spool: s, wake: make(chan struct{}, 1)}
	r.lanes[controller] = l
	start(l)
	return l
}

// deliver sends batches, the oldest first, until ctx ends.
func (r *Recorder) deliver(ctx context.Context, l *lane) {
	pause, longest, told, hurry := r.Retry, r.MaxRetry, false, r.hurry
	for {
		sent, err := r.sendOldest(ctx, l)
		wait := r.Linger
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if !told {
				r.Logger.Warn("use records cannot be delivered; they wait in the spool", "controller", l.controller, "error", err)
			}
			told, wait = true, pause/2+rand.N(pause)
			pause = min(2*pause, longest)
		case sent:
			if told {
				r.Logger.Info("use records are delivered again", "controller", l.controller)
			}
			pause, told = r.Retry, false
			continue
		}
		var wake <-chan struct{}
		if err == nil {
			wake = l.wake // after a failure, a new batch is no reason to try at once
		}
		select {
		case <-ctx.Done():
			return
		case <-hurry:
			hurry, pause, longest = nil, r.Retry, r.Retry
		case <-wake:
		case <-time.After(wait):
		}
	}
}

// sendOldest sends one batch and takes it out once the ledger has it, or never will.
func (r *Recorder) sendOldest(ctx context.Context, l *lane) (bool, error) {
	name, raw, ok, err := l.spool.oldest()
	switch {
	case !ok:
		return false, nil
	case errors.Is(err, fs.ErrNotExist):
		r.lose(1)
		return true, l.spool.drop(name) // somebody else took it away
	case err != nil:
		return false, err
	}
	taken, err := r.Send(ctx, l.controller, raw)
	switch {
	case errors.Is(err, ErrRefused):
		r.giveUp(raw)
		r.Logger.Error("the ledger refuses a batch of use records; it is given up", "controller", l.controller, "error", err)
	case err != nil:
		return false, err
	default:
		r.stats.delivered.Add(1)
		r.stats.refused.Add(uint64(taken.Refused))
	}
	return true, l.spool.drop(name)
}

// giveUp counts what a refused batch held.
func (r *Recorder) giveUp(raw []byte) {
	var b wire.Uses
	if json.Unmarshal(raw, &b) != nil {
		r.lose(1) // a damaged file
		return
	}
	n := b.Lost // what it would have told of is told by the next one
	r.stats.unreported.Add(n)
	for _, d := range b.Decisions {
		r.lose(1 + uint64(len(d.Uses)))
	}
}
