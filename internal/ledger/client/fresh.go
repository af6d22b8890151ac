package client

import (
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/wire"
)

// maxPending bounds answers that wait for their position.
const maxPending = 64

// greet notes that a connection to a log began. Facts of another log prove nothing about this one.
func (f *Feed) greet(epoch string, v *View) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.epoch != "" && f.epoch != epoch {
		f.doubtLocked()
		f.Logger.Warn("the ledger's log is another one; nothing is fresh until its snapshot has been read")
	}
	f.pending = nil
	if f.view.Load() == nil {
		f.view.Store(v) // so that people can be looked up, and found to be without a record, before the first snapshot
	}
}

// replace brings a whole snapshot into force.
func (f *Feed) replace(v *View, hello wire.Hello, at wire.At) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.epoch == hello.Epoch && at.Position < f.Position() {
		return doubt("the ledger stands at position %d and has forgotten what followed up to %d; it was restored from an older copy", at.Position, f.Position())
	}
	f.view.Store(v)
	f.epoch, f.trusted, f.hello = hello.Epoch, true, hello
	f.held = checkpoint{at.Checkpoint, at.Position}
	f.applied.Store(uint64(at.Position))
	f.settleLocked()
	return nil
}

// reach notes that everything up to a position has been applied, and a checkpoint if one came with it.
func (f *Feed) reach(at consent.Position, came checkpoint) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applied.Store(uint64(at))
	if came.text != "" {
		f.held = came
	}
	f.settleLocked()
}

// holds is what a ledger is told that these facts are, and which checkpoint the ledger has to prove; nothing before there is one.
func (f *Feed) holds() (wire.Held, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held.text == "" {
		return wire.Held{}, false
	}
	return wire.Held{
		Epoch: f.epoch, Position: f.Position(), Checkpoint: f.held.text, Resume: f.trusted && f.held.at == f.Position(),
		Purposes: f.hello.Purposes, Timed: f.hello.Timed, KeyID: f.hello.KeyID,
	}, true
}

// holding is the checkpoint of a log; an empty one if there is none, or for another log.
func (f *Feed) holding(epoch string) checkpoint {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.epoch != epoch {
		return checkpoint{}
	}
	return f.held
}

// resume takes the view in force on to another connection, which began with hello and goes on after a position.
func (f *Feed) resume(hello wire.Hello, at consent.Position) (*View, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.trusted || f.epoch != hello.Epoch || f.Position() != at || f.hello.KeyID != hello.KeyID ||
		!slices.Equal(f.hello.Purposes, hello.Purposes) || !slices.Equal(f.hello.Timed, hello.Timed) {
		return nil, doubt("the ledger goes on from what this sidecar does not have")
	}
	return f.view.Load(), nil
}

// known is the position up to which a log is known; 0 for another log than the facts are from.
func (f *Feed) known(epoch string) consent.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.epoch != epoch || !f.trusted {
		return 0
	}
	return f.Position()
}

// answered takes the answer to a ping that was sent when known had been applied of the same log (see Feed.known).
func (f *Feed) answered(epoch string, known consent.Position, m moment) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.position < known {
		return doubt("the ledger stands at position %d and has forgotten what followed up to %d; it was restored from an older copy", m.position, known)
	}
	if len(f.pending) == maxPending {
		f.pending = slices.Delete(f.pending, 0, 1)
	}
	f.pending = append(f.pending, m)
	if f.epoch == epoch {
		f.settleLocked()
	}
	return nil
}

// settleLocked lets the answers count whose positions have been applied. Only those of the current log are pending.
func (f *Feed) settleLocked() {
	if !f.trusted {
		return
	}
	best := f.moment.Load()
	f.pending = slices.DeleteFunc(f.pending, func(m moment) bool {
		if m.position > f.Position() {
			return false
		}
		if best == nil || m.sent > best.sent {
			best = &m
		}
		return true
	})
	f.moment.Store(best)
}

// distrust ends freshness until a whole snapshot has been read. Facts stay, for what does not rest on them.
func (f *Feed) distrust() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.doubtLocked()
}

func (f *Feed) doubtLocked() {
	f.trusted, f.pending = false, nil
	f.moment.Store(nil)
}
