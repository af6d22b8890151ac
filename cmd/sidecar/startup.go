package main

import (
	"log/slog"
	"sync"
	"time"
)

// startup lets the application start once there are facts: in its first moments a sidecar denies what rests on a record, and many programs do
// not try again. It waits so long and no longer, because what needs no record goes on without a ledger.
type startup struct {
	limit time.Duration

	mu    sync.Mutex
	since time.Time
	over  bool
}

// waits tells whether the application has to wait for facts still. Missing tells whether there are none; the time begins to count with the
// first question, which is asked once a bundle is in force.
func (s *startup) waits(now time.Time, missing func() bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		s.since = now
	}
	if s.over || !missing() {
		s.over = true
		return false
	}
	if s.over = now.Sub(s.since) >= s.limit; s.over {
		slog.Warn("the application starts before there are facts; what rests on a record is denied until a ledger answers", "waited", s.limit)
	}
	return !s.over
}

// withoutFacts tells whether some ledger that the bundle names has not told anything, or nothing fresh enough to decide by.
func (s *sidecar) withoutFacts() bool {
	state := s.current.Load()
	if state == nil {
		return true
	}
	bound := time.Duration(state.Index.Bundle().FreshnessBoundMillis) * time.Millisecond
	_, feeds := s.InForce()
	for _, f := range feeds {
		if now := f.Now(); now.Age < 0 || now.Age > bound {
			return true
		}
	}
	return false
}
