package stream

import (
	"log/slog"
	"sync"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// Hub hands changes to subscribers. It never blocks who appends.
type Hub struct {
	log *slog.Logger

	mu      sync.Mutex
	scopes  map[string]*scope
	taps    map[*Tap]struct{}
	pending []store.Change
	closed  bool
	cut     uint64
	wake    chan struct{}
	stopped chan struct{}
}

// scope is everybody who wants to know the same; they get identical bytes.
type scope struct {
	wants   interest
	members map[*subscriber]struct{}
}

// NewHub watches a store, which must not have been watched before. Close ends it.
func NewHub(s store.Store, log *slog.Logger) *Hub {
	h := &Hub{log: log, scopes: map[string]*scope{}, taps: map[*Tap]struct{}{}, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	s.Watch(h.publish)
	go h.run()
	return h
}

// Close ends all streams and waits until nothing is handed out any more.
func (h *Hub) Close() {
	h.mu.Lock()
	already := h.closed
	h.closed = true
	for _, sc := range h.scopes {
		for s := range sc.members {
			s.end()
		}
	}
	for t := range h.taps {
		t.end()
	}
	h.mu.Unlock()
	if !already {
		close(h.wake)
	}
	<-h.stopped
}

// Stats are numbers for metrics.
type Stats struct {
	// Subscribers are those connected now; Cut counts those that did not keep up.
	Subscribers int
	Cut         uint64
}

// Stats gives the numbers of now.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	st := Stats{Cut: h.cut}
	for _, sc := range h.scopes {
		st.Subscribers += len(sc.members)
	}
	return st
}

// subscribe registers a subscriber. It gives nil if the hub is closed.
func (h *Hub) subscribe(wants interest) *subscriber {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	key := wants.key()
	sc := h.scopes[key]
	if sc == nil {
		sc = &scope{wants: wants, members: map[*subscriber]struct{}{}}
		h.scopes[key] = sc
	}
	s := newSubscriber()
	sc.members[s] = struct{}{}
	return s
}

func (h *Hub) unsubscribe(wants interest, s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := wants.key()
	if sc := h.scopes[key]; sc != nil {
		if delete(sc.members, s); len(sc.members) == 0 {
			delete(h.scopes, key)
		}
	}
}

// publish is called by the store after each commit. Without subscribers there is nobody who could miss anything: whoever comes
// later reads a snapshot that has it.
func (h *Hub) publish(changes []store.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	for t := range h.taps {
		t.push(changes)
	}
	if len(h.scopes) == 0 {
		return
	}
	h.pending = append(h.pending, changes...)
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func (h *Hub) run() {
	defer close(h.stopped)
	for range h.wake {
		h.mu.Lock()
		changes := h.pending
		h.pending = nil
		scopes := make([]*scope, 0, len(h.scopes))
		for _, sc := range h.scopes {
			scopes = append(scopes, sc)
		}
		h.mu.Unlock()
		for _, sc := range scopes {
			h.hand(sc, changes)
		}
	}
}

// hand encodes changes once for all members of a scope. A member that came after the changes were taken reads a snapshot that has
// them, and drops them by their positions.
func (h *Hub) hand(sc *scope, changes []store.Change) {
	frames := make([]frame, 0, len(changes))
	for _, c := range changes {
		payload := wire.Change{Position: c.Event.Position, Hashed: c.Hashed, Person: sc.wants.person(c.People[0], c.Event.At)}
		for _, p := range c.People[1:] {
			payload.More = append(payload.More, sc.wants.person(p, c.Event.At))
		}
		raw, err := wire.Append(nil, wire.TypeChange, payload)
		if err != nil {
			h.log.Error("a change cannot be sent; its subscribers start again", "position", c.Event.Position, "error", err)
			frames = nil
			break
		}
		frames = append(frames, frame{position: c.Event.Position, bytes: raw})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range sc.members {
		if frames == nil || !s.push(frames) {
			h.cut++
			s.end()
		}
	}
}
