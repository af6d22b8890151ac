package limit

import (
	"sync"
	"time"
)

// Bucket lets somebody do something a number of times at once, and again as time goes by. It forgets whoever has been quiet, so its
// memory is bounded by who has been busy lately; while it is full of those, strangers share one place. It is safe for concurrent use.
type Bucket[K comparable] struct {
	now   func() time.Time
	burst float64
	every time.Duration

	mu      sync.Mutex
	clients map[K]*level
	swept   time.Time
}

type level struct {
	left float64
	at   time.Time
}

// maxClients bounds the clients that a bucket remembers.
const maxClients = 1 << 16

// New gives a bucket of so many times at once, and one more after every while.
func New[K comparable](now func() time.Time, burst int, every time.Duration) *Bucket[K] {
	return &Bucket[K]{now: now, burst: float64(burst), every: every, clients: map[K]*level{}}
}

// Take counts one time. It gives 0, or how long somebody who has used up what they have should wait.
func (b *Bucket[K]) Take(client K) time.Duration { return b.TakeN(client, 1) }

// TakeN counts so many times at once, or none of them. More than are had at once are taken from whoever has all, who owes the rest.
func (b *Bucket[K]) TakeN(client K, times int) time.Duration {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.clients[client]
	if l == nil {
		if len(b.clients) >= maxClients && !b.sweep(now) {
			var stranger K
			client = stranger
		}
		if l = b.clients[client]; l == nil {
			l = &level{left: b.burst, at: now}
			b.clients[client] = l
		}
	}
	// A clock that was set back takes nothing from anybody.
	l.left = min(b.burst, l.left+float64(max(0, now.Sub(l.at)))/float64(b.every))
	l.at = now
	if need := min(float64(times), b.burst); l.left < need {
		return time.Duration((need-l.left)*float64(b.every)) + 1
	}
	l.left -= float64(times)
	return 0
}

// sweep forgets whoever has everything back, and tells whether that made room. It looks at everybody, so it is done once in the time in which
// somebody gets one back: a crowd of strangers must not make each request cost as much as all of them.
func (b *Bucket[K]) sweep(now time.Time) bool {
	if since := now.Sub(b.swept); !b.swept.IsZero() && since >= 0 && since < b.every {
		return false
	}
	b.swept = now
	for c, l := range b.clients {
		if l.left+float64(now.Sub(l.at))/float64(b.every) >= b.burst {
			delete(b.clients, c)
		}
	}
	return len(b.clients) < maxClients
}
