package stream

import (
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
)

// maxReplies bounds what waits for one subscriber besides the ring.
const maxReplies = 64 << 10

// subscriber is one stream, as the hub sees it.
type subscriber struct {
	// id names who it is beyond this connection; bound is its freshness bound.
	id    string
	bound time.Duration
	// pings tells that it says what it has applied.
	pings bool
	scope *scope
	wake  chan struct{}

	mu sync.Mutex
	// session is the stream if a lane writes it, instead of a goroutine that waits for wake.
	session *session
	ended   bool
	replies []byte
	said    said
}

// said is what a subscriber said with its last ping.
type said struct {
	// heard is when that was, or when the stream began.
	heard time.Time
	// applied is the position of its facts, age how old they were; negative for never.
	applied consent.Position
	age     time.Duration
}

func newSubscriber(id string, bound time.Duration, pings bool) *subscriber {
	return &subscriber{id: id, bound: bound, pings: pings, wake: make(chan struct{}, 1), said: said{heard: time.Now(), age: -1}}
}

// end cuts the subscriber.
func (s *subscriber) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.stir()
}

// stir has the stream look for what there is for it alone. The lock is held.
func (s *subscriber) stir() {
	if s.session != nil {
		s.session.seat.lane.ask(s.session)
	} else {
		poke(s.wake)
	}
}

// reply sends something to this subscriber alone. One that does not read what it asked for is cut.
func (s *subscriber) reply(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if s.replies = append(s.replies, frame...); len(s.replies) > maxReplies {
		s.ended, s.replies = true, nil
	}
	s.stir()
}

// take gives what is for this subscriber alone, and false once it was cut.
func (s *subscriber) take() ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	replies := s.replies
	s.replies = nil
	return replies, !s.ended
}

// peek reports false once the subscriber was cut.
func (s *subscriber) peek() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ended
}

func (s *subscriber) hear(applied consent.Position, age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = said{heard: time.Now(), applied: max(applied, s.said.applied), age: age}
}

func (s *subscriber) last() said {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.pings {
		s.said.heard = time.Now() // its pings come by another way, so it may be as fresh as can be
	}
	return s.said
}
