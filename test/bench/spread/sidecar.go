package spread

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/optup/optup/internal/ledger/client"
)

// sidecar is a whole one: the sidecar's own client, with a table of everybody.
type sidecar struct {
	feed *client.Feed

	mu    sync.Mutex
	first uint64
	seen  []int64
}

// whole starts a sidecar, and waits until it knows everybody.
func (c *crowd) whole() (*sidecar, error) {
	s := &sidecar{feed: client.New(client.Options{
		URL: "https://" + c.Address, TrustFile: filepath.Join(c.Folder, "tls.crt"), Logger: slog.New(slog.DiscardHandler),
		Token: func() (string, error) { return token, nil }, Purposes: purposes,
	})}
	go func() { _ = s.feed.Run(context.Background()) }()
	for end := time.Now().Add(2 * time.Minute); s.feed.Now().Age < 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return nil, errors.New("the sidecar never knew everybody")
		}
	}
	go s.watch()
	return s, nil
}

// watch notes when a position counts for look-ups. It looks often, and not all the time: it shares the machine with what it measures.
func (s *sidecar) watch() {
	for last := s.feed.Position(); ; time.Sleep(time.Millisecond) {
		at := s.feed.Position()
		if at == last {
			continue
		}
		t := now()
		s.mu.Lock()
		for p := last + 1; p <= at; p++ {
			if i := int(p) - int(s.first); i >= 0 && i < len(s.seen) {
				s.seen[i] = t
			}
		}
		s.mu.Unlock()
		last = at
	}
}

func (s *sidecar) expect(first uint64, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first, s.seen = first, make([]int64, n)
}

func (s *sidecar) result(m moments) (map[string]float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for end := time.Now().Add(10 * time.Second); slices.Contains(s.seen, 0) && time.Now().Before(end); {
		s.mu.Unlock()
		time.Sleep(time.Millisecond)
		s.mu.Lock()
	}
	took := make([]int64, len(s.seen))
	for i, t := range s.seen {
		if t == 0 {
			return nil, fmt.Errorf("position %d never came to the sidecar", s.first+uint64(i))
		}
		took[i] = t - m.at[(s.first+uint64(i))%maxMoments].Load()
	}
	sorted(took)
	st := s.feed.Stats()
	return map[string]float64{
		"sidecar with its table, p50 ms": quantile(took, 0.5) / 1e6, "sidecar with its table, p99 ms": quantile(took, 0.99) / 1e6,
		"identifiers in its table": float64(st.Identifiers),
	}, nil
}
