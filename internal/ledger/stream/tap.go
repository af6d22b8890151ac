package stream

import (
	"context"
	"errors"
	"sync"

	"github.com/optup/optup/internal/ledger/store"
)

// maxTapped bounds the changes that wait for a tap.
const maxTapped = 64 << 10

var (
	// ErrBehind reports a tap that did not keep up and has missed changes: whoever uses it has to read a snapshot again.
	ErrBehind = errors.New("changes were missed; read a snapshot again")
	// ErrEnded reports the end of the hub, or of the tap.
	ErrEnded = errors.New("the hub ended")
)

// Tap gives changes to another consumer in this process. It holds nobody up: what waits is bounded, and a consumer that is slower misses
// changes and is told so. It is for one goroutine.
type Tap struct {
	hub    *Hub
	signal chan struct{}

	mu      sync.Mutex
	waiting []store.Change
	missed  bool
	ended   bool
}

// Tap opens a tap, which gives every change after this call. To follow a store, open it, read a snapshot, and leave out the changes up to
// the snapshot's position.
func (h *Hub) Tap() *Tap {
	t := &Tap{hub: h, signal: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	t.ended = h.closed
	h.taps[t] = struct{}{}
	return t
}

// Next waits for changes and gives all that wait, in the order of positions. It fails with ErrBehind once after changes were missed, and
// goes on with those that came since; with ErrEnded at the end; and with ctx.
func (t *Tap) Next(ctx context.Context) ([]store.Change, error) {
	for {
		t.mu.Lock()
		changes, missed, ended := t.waiting, t.missed, t.ended
		t.waiting, t.missed = nil, false
		t.mu.Unlock()
		switch {
		case missed:
			return nil, ErrBehind
		case len(changes) > 0:
			return changes, nil
		case ended:
			return nil, ErrEnded
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-t.signal:
		}
	}
}

// Close ends the tap.
func (t *Tap) Close() {
	t.hub.mu.Lock()
	delete(t.hub.taps, t)
	t.hub.mu.Unlock()
	t.end()
}

func (t *Tap) push(changes []store.Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting)+len(changes) > maxTapped {
		// What waits is older than what is missed now, and goes too: the snapshot that is due has it.
		t.waiting, t.missed = nil, true
	} else {
		t.waiting = append(t.waiting, changes...)
	}
	poke(t.signal)
}

func (t *Tap) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	poke(t.signal)
}

// poke wakes whoever waits for a signal, or will.
func poke(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}
