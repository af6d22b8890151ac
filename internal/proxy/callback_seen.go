package proxy

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// maxSeen bounds the calls that are remembered; minSeen is how long one is remembered at least where no time is signed.
const (
	maxSeen = 4096
	minSeen = 5 * time.Minute
)

// passedCalls remembers calls that were passed on, so that one that comes again within its tolerance is not. It holds hashes only. What it
// forgets is still told to the ledger once: that rests on keys, and not on memory.
type passedCalls struct {
	mu    sync.Mutex
	calls map[callID]*passedOn
	order []callID
}

type callID [16]byte

type passedOn struct {
	until time.Time
	// done tells that the application took it; until then it is under way.
	done bool
}

// callOf names a call by what is signed of it, because the same text may have several valid signatures.
func callOf(policy, stamp string, body []byte) callID {
	h := sha256.New()
	for _, part := range []string{policy, stamp} {
		_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		_, _ = h.Write([]byte(part))
	}
	_, _ = h.Write(body)
	return callID(h.Sum(nil)[:16])
}

// begin notes a call. It tells whether the same one was passed on before, or is under way.
func (s *passedCalls) begin(c callID, now time.Time, tolerance time.Duration) (before, under bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.calls[c]; p != nil && now.Before(p.until) {
		return p.done, !p.done
	}
	if s.calls == nil {
		s.calls = map[callID]*passedOn{}
	}
	for len(s.order) >= maxSeen {
		delete(s.calls, s.order[0])
		s.order = s.order[1:]
	}
	if s.calls[c] == nil {
		s.order = append(s.order, c)
	}
	s.calls[c] = &passedOn{until: now.Add(max(tolerance, minSeen))}
	return false, false
}

// end notes that the application took a call, or forgets it, so that it may come again.
func (s *passedCalls) end(c callID, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.calls[c]
	switch {
	case p == nil || p.done:
	case done:
		p.done = true
	default:
		p.until = time.Time{}
	}
}
