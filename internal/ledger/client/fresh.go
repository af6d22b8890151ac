package client

import (
	"slices"

	"github.com/optup/optup/internal/consent"
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
func (f *Feed) replace(v *View, epoch string, at consent.Position) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.epoch == epoch && at < f.Position() {
		return doubt("the ledger stands at position %d and has forgotten what followed up to %d; it was restored from an older copy", at, f.Position())
	}
	f.view.Store(v)
	f.epoch, f.trusted = epoch, true
	f.applied.Store(uint64(at))
	f.settleLocked()
	return nil
}

// reach notes that everything up to a position has been applied.
func (f *Feed) reach(at consent.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applied.Store(uint64(at))
	f.settleLocked()
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
