package stream

import (
	"context"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/wire"
)

// DefaultBound is the freshness bound of subscribers that do not tell theirs, and of those from before the hub began.
const DefaultBound = 30 * time.Second

// straggle is for how long a subscriber whose pings are requests of their own may go on with them, and have them answered, after its stream is
// gone: until it notices that nothing comes any more (see client.Options.Silence).
const straggle = 15 * time.Second

// roll keeps who follows, and who did and may still rely on what it knew.
type roll struct {
	mu      sync.Mutex
	present map[*subscriber]struct{}
	// gone are those whose streams ended: until when they may rely on their facts.
	gone map[string]time.Time
	// widest is the largest bound of all that were seen.
	widest time.Duration
	// changed is closed, and made anew, whenever waiting for somebody may be over.
	changed chan struct{}
}

func (r *roll) init() {
	r.present, r.gone, r.widest, r.changed = map[*subscriber]struct{}{}, map[string]time.Time{}, DefaultBound, make(chan struct{})
}

func (r *roll) join(s *subscriber) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.present[s] = struct{}{}
	r.widest = max(r.widest, s.bound)
	delete(r.gone, s.id)
}

func (r *roll) leave(s *subscriber) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.present, s)
	now := time.Now()
	for id, until := range r.gone {
		if now.After(until) {
			delete(r.gone, id)
		}
	}
	for other := range r.present {
		if other.id == s.id {
			return // it came back before its old connection was seen to be gone
		}
	}
	until := s.last().heard.Add(s.bound)
	if !s.pings {
		until = until.Add(straggle)
	}
	if until.After(now) {
		r.gone[s.id] = until
	}
}

// tell wakes whoever waits for the roll.
func (r *roll) tell() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.changed)
	r.changed = make(chan struct{})
}

// waiting gives how many may still rely on facts from before a position, the time at which the next of them no longer can, and a channel that
// is closed when something changes. Those who are there are asked.
func (r *roll) waiting(at consent.Position, ask []byte) (n int, next time.Time, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	count := func(until time.Time) {
		if !until.After(now) {
			return
		}
		if n++; next.IsZero() || until.Before(next) {
			next = until
		}
	}
	for s := range r.present {
		said := s.last()
		if said.applied >= at {
			continue
		}
		if count(said.heard.Add(s.bound)); s.pings && ask != nil {
			s.reply(ask)
		}
	}
	for _, until := range r.gone {
		count(until)
	}
	return n, next, r.changed
}

// Enforced is Hub.Enforced, with what the server knows about other replicas.
func (s *Server) Enforced(ctx context.Context, at consent.Position) int {
	if s.others != nil {
		return s.everywhere(ctx, at)
	}
	return s.Hub.Enforced(ctx, at, s.Alone)
}

// Enforced waits until every subscriber has confirmed that it has applied a position, or can no longer rely on facts from before it: its
// freshness bound has passed since it was last heard. It gives how many were still to do so when ctx ended; 0 means that the position is
// enforced everywhere.
//
// Streams that ended count until their bound has passed, and so do those that there may have been before the hub began, or with other
// replicas: alone tells that there are none. Of them nothing is known, so the widest bound that was told here since the hub began stands for
// theirs, and DefaultBound at the least: one that is wider, and whose sidecar has not come back, is not waited for to its end.
func (h *Hub) Enforced(ctx context.Context, at consent.Position, alone bool) int {
	ask, err := wire.Append(nil, wire.TypeAsk, wire.At{Position: at})
	if err != nil {
		return 1 // never: a position can be written
	}
	others := h.lapses
	if !alone {
		others = time.Now().Add(h.people.bound())
	}
	for {
		n, next, changed := h.people.waiting(at, ask)
		ask = nil
		if time.Now().Before(others) {
			if n++; next.IsZero() || others.Before(next) {
				next = others
			}
		}
		if n == 0 {
			return 0
		}
		lapse := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			lapse.Stop()
			return n
		case <-changed:
		case <-lapse.C:
		}
		lapse.Stop()
	}
}

func (r *roll) bound() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.widest
}

// Seen waits until changes up to a position have been handed to subscribers. It fails with ctx, or ErrEnded.
func (h *Hub) Seen(ctx context.Context, at consent.Position) error {
	for {
		h.people.mu.Lock()
		changed := h.people.changed
		h.people.mu.Unlock()
		h.mu.Lock()
		last, closed := h.last, h.closed
		h.mu.Unlock()
		switch {
		case last >= at:
			return nil
		case closed:
			return ErrEnded
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}
