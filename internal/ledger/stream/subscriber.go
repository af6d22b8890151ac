package stream

import (
	"sync"

	"github.com/optup/optup/internal/consent"
)

// What may wait for one subscriber before it is cut. Frames are shared between subscribers, so the bytes are an upper bound.
const (
	maxQueueFrames = 64 << 10
	maxQueueBytes  = 64 << 20
)

type frame struct {
	position consent.Position
	bytes    []byte
}

// subscriber is the queue between the hub and one stream.
type subscriber struct {
	mu     sync.Mutex
	queue  []frame
	bytes  int
	ended  bool
	signal chan struct{}
}

func newSubscriber() *subscriber { return &subscriber{signal: make(chan struct{}, 1)} }

// push reports false if the queue is full.
func (s *subscriber) push(frames []frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range frames {
		s.bytes += len(f.bytes)
	}
	if len(s.queue)+len(frames) > maxQueueFrames || s.bytes > maxQueueBytes {
		return false
	}
	s.queue = append(s.queue, frames...)
	poke(s.signal)
	return true
}

// end cuts the subscriber: what waits is not written any more.
func (s *subscriber) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended, s.queue = true, nil
	poke(s.signal)
}

// take gives what waits, and false once the subscriber was cut.
func (s *subscriber) take() ([]frame, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames := s.queue
	s.queue, s.bytes = nil, 0
	return frames, !s.ended
}
