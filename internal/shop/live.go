package shop

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Live shows a sales team who is looking at the shop right now. It keeps one stream of visits open and counts what comes. It is safe
// for concurrent use.
type Live struct {
	url    string
	client *http.Client

	mu    sync.Mutex
	stats LiveStats
	seen  map[string]*Visitor
}

// LiveStats is what a live view has seen.
type LiveStats struct {
	// Streams counts the streams that were opened, Visits what came on them, People how many different people that was.
	Streams int `json:"streams"`
	Visits  int `json:"visits"`
	People  int `json:"people"`
	// Denied counts streams that were refused, and LastError is why the newest one ended.
	Denied    int    `json:"denied"`
	LastError string `json:"lastError"`
}

// Visitor is what was seen of one person.
type Visitor struct {
	Visits int `json:"visits"`
	// Last is when the newest visit was made, by the clock of the register.
	Last time.Time `json:"last,omitzero"`
}

// NewLive returns a live view over the register at a base URL.
func NewLive(crm string) *Live {
	c := newClient()
	c.Timeout = 0 // a stream has no end
	return &Live{url: strings.TrimSuffix(crm, "/") + "/v1/visits", client: c, seen: map[string]*Visitor{}}
}

// Run follows the stream until the context ends; a stream that ends is opened again.
func (l *Live) Run(ctx context.Context) {
	for ctx.Err() == nil {
		err := l.Follow(ctx)
		l.mu.Lock()
		l.stats.LastError = err.Error()
		if _, refused := err.(*refusedError); refused { //nolint:errorlint // Follow gives the very type
			l.stats.Denied++
		}
		l.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(firstWait):
		}
	}
}

// Follow opens one stream and counts its visits until it ends; it always gives an error.
func (l *Live) Follow(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "text/event-stream")
	res, err := l.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return &refusedError{status: res.StatusCode, reason: reasonOf(res, nil)}
	}
	l.mu.Lock()
	l.stats.Streams++
	l.mu.Unlock()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok {
			continue
		}
		var v Visit
		if err := json.Unmarshal([]byte(data), &v); err != nil {
			return fmt.Errorf("a visit cannot be read: %w", err)
		}
		l.count(v)
	}
	return fmt.Errorf("the stream ended: %v", lines.Err()) //nolint:errorlint // may be nil
}

func (l *Live) count(v Visit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Visits++
	if v.Email == "" {
		return
	}
	s := l.seen[v.Email]
	if s == nil {
		s = &Visitor{}
		l.seen[v.Email] = s
		l.stats.People++
	}
	s.Visits++
	if v.At.After(s.Last) {
		s.Last = v.At
	}
}

// Stats gives what was seen so far.
func (l *Live) Stats() LiveStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Visitor gives what was seen of one person.
func (l *Live) Visitor(email string) Visitor {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.seen[email]; s != nil {
		return *s
	}
	return Visitor{}
}

// Admin serves GET /healthz, GET /stats (LiveStats) and GET /seen?email= (Visitor).
func (l *Live) Admin() http.Handler {
	mux := http.NewServeMux()
	healthy(mux)
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, l.Stats()) })
	mux.HandleFunc("GET /seen", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, l.Visitor(r.URL.Query().Get("email")))
	})
	return mux
}
