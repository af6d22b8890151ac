package stream

import (
	"time"

	"github.com/optup/optup/internal/consent"
)

type counts struct{ cut, resumed, snapshots uint64 }

// Stats are numbers for metrics and status.
type Stats struct {
	// Subscribers are those connected now; Cut counts those that did not keep up.
	Subscribers int
	Cut         uint64
	// Resumed and Snapshots count how streams began: with the changes since what the subscriber had, or with everything.
	Resumed, Snapshots uint64
	// Proven are the subscribers whose facts were fresh when they last said so. OldestStaleness is the age of the oldest facts among them,
	// and LowestPosition the lowest of their positions.
	Proven          int
	OldestStaleness time.Duration
	LowestPosition  consent.Position
	// OneKey are those whose version of the stream has one key for tags.
	OneKey int
}

// Stats gives the numbers of now.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	st := Stats{Cut: h.counts.cut, Resumed: h.counts.resumed, Snapshots: h.counts.snapshots}
	for _, sc := range h.scopes {
		if sc.version < 4 {
			st.OneKey += len(sc.members)
		}
	}
	h.mu.Unlock()
	h.people.mu.Lock()
	defer h.people.mu.Unlock()
	st.Subscribers = len(h.people.present)
	for s := range h.people.present {
		said := s.last()
		if said.age < 0 {
			continue
		}
		if st.Proven++; st.Proven == 1 || said.applied < st.LowestPosition {
			st.LowestPosition = said.applied
		}
		st.OldestStaleness = max(st.OldestStaleness, said.age+time.Since(said.heard))
	}
	return st
}

func (h *Hub) count(n *uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*n++
}
