package shop

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// tickPatience is 0: a tick is tried once, because a later try would tell about a later moment.
	tickPatience = 0
	// maxUnderWay bounds the ticks that wait for an answer at once.
	maxUnderWay = 32
	// keptTicks bounds how many ticks are remembered: ten minutes at one every 5 ms.
	keptTicks = 120_000
)

// Ticker mails one watched address at a steady pace, so that the moment from which nothing more gets through can be seen at the
// provider. It is safe for concurrent use.
type Ticker struct {
	mailer *mailer
	every  time.Duration

	mu      sync.Mutex
	watch   int // changes with every watch, so that late answers of an earlier one count for nothing
	email   string
	stats   TickerStats
	ticks   []Tick
	running int
}

// Tick is one request of a ticker.
type Tick struct {
	// Start is when the request was begun, on the ticker's clock. The mail's subject holds the same time.
	Start time.Time `json:"start"`
	// Status is the answer's, 0 if there was none. Accepted means 202.
	Status   int  `json:"status"`
	Accepted bool `json:"accepted"`
}

// TickerStats sums up the ticks since the last watch began.
type TickerStats struct {
	Email    string `json:"email"`
	Requests int    `json:"requests"`
	Accepted int    `json:"accepted"`
	Denied   int    `json:"denied"`
	// Failed counts requests without an answer or with 5xx and 429; Skipped ticks at which too many requests were under way.
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	// First and Last are the starts of the first and the newest request, LastAccepted of the newest one that was accepted.
	First        time.Time `json:"first,omitzero"`
	Last         time.Time `json:"last,omitzero"`
	LastAccepted time.Time `json:"lastAccepted,omitzero"`
	LastReason   string    `json:"lastReason,omitempty"`
}

// NewTicker returns a ticker over the mail provider at a base URL, with the shop's API key if there is one. It rests until it is told whom to watch.
func NewTicker(esp, key string, every time.Duration) *Ticker {
	return &Ticker{mailer: newMailer(esp, key, tickPatience), every: every}
}

// Run ticks until the context ends.
func (t *Ticker) Run(ctx context.Context) {
	pace := time.NewTicker(t.every)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
			if email, watch, ok := t.next(); ok {
				go t.tick(ctx, email, watch)
			}
		}
	}
}

func (t *Ticker) next() (email string, watch int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.email == "" {
		return "", 0, false
	}
	if t.running >= maxUnderWay {
		t.stats.Skipped++
		return "", 0, false
	}
	t.running++
	return t.email, t.watch, true
}

func (t *Ticker) tick(ctx context.Context, email string, watch int) {
	start := time.Now().UTC()
	s := Sending{Template: TemplateNewsletter, Subject: start.Format(time.RFC3339Nano)}
	a := t.mailer.send(ctx, s.mail([]Addressee{{Email: email}}))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
	if watch != t.watch {
		return
	}
	one := Tick{Start: start, Status: a.status, Accepted: a.status == http.StatusAccepted}
	if len(t.ticks) < keptTicks {
		t.ticks = append(t.ticks, one)
	}
	t.stats.count(one, a)
}

func (s *TickerStats) count(one Tick, a answer) {
	s.Requests++
	if s.First.IsZero() || one.Start.Before(s.First) {
		s.First = one.Start
	}
	if one.Start.After(s.Last) {
		s.Last = one.Start
	}
	switch {
	case one.Accepted:
		s.Accepted++
		if one.Start.After(s.LastAccepted) {
			s.LastAccepted = one.Start
		}
		return
	case a.final():
		s.Denied++
	default:
		s.Failed++
	}
	s.LastReason = a.reason
}

// Watch begins to mail an address and forgets what was counted before; with the empty address the ticker rests.
func (t *Ticker) Watch(email string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watch++
	t.email, t.ticks, t.stats = email, nil, TickerStats{Email: email}
}

// Stats sums up.
func (t *Ticker) Stats() TickerStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stats
}

// Ticks gives the requests since the last watch began, in the order of their answers; at most the first 120,000.
func (t *Ticker) Ticks() []Tick {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Tick{}, t.ticks...)
}

// Admin serves GET /healthz, POST /watch {"email":""}, GET /stats (TickerStats) and GET /ticks ({"ticks":[Tick]}).
func (t *Ticker) Admin() http.Handler {
	mux := http.NewServeMux()
	healthy(mux)
	mux.HandleFunc("POST /watch", func(w http.ResponseWriter, r *http.Request) {
		var b struct {
			Email string `json:"email"`
		}
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&b); err != nil ||
			(b.Email != "" && !strings.Contains(b.Email, "@")) {
			http.Error(w, `the body is {"email": "an address, or nothing to rest"}`, http.StatusBadRequest)
			return
		}
		t.Watch(b.Email)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, t.Stats()) })
	mux.HandleFunc("GET /ticks", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string][]Tick{"ticks": t.Ticks()})
	})
	return mux
}
