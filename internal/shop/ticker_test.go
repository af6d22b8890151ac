package shop

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// TestATickerShowsWhenNothingGetsThroughAnyMore stands for the measurement: somebody between ticker and provider begins to swallow
// mails and still answers that they were accepted.
func TestATickerShowsWhenNothingGetsThroughAnyMore(t *testing.T) {
	esp := NewESP()
	var swallow atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if swallow.Load() {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		esp.Handler().ServeHTTP(w, r)
	}))
	defer server.Close()
	ticker := NewTicker(server.URL, "", time.Millisecond)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go ticker.Run(ctx)

	if status := call(t, ticker.Admin(), "POST", "/watch", `{"email":"Anna@example.org"}`, nil); status != http.StatusNoContent {
		t.Fatalf("watch answered %d", status)
	}
	waitFor(t, "mails", func() bool { return esp.Seen(TemplateNewsletter, "anna@example.org").Count > 20 })
	swallow.Store(true)
	after := time.Now()
	waitFor(t, "swallowed mails", func() bool { return ticker.Stats().LastAccepted.After(after.Add(20 * time.Millisecond)) })

	seen, stats := esp.Seen(TemplateNewsletter, "anna@example.org"), ticker.Stats()
	began, err := time.Parse(time.RFC3339Nano, seen.LastSubject)
	if err != nil || began.After(after) {
		t.Errorf("the last mail that got through began at %q, after %s (%v)", seen.LastSubject, after, err)
	}
	if stats.Accepted != stats.Requests || stats.Accepted <= seen.Count || !stats.Last.After(began) {
		t.Errorf("%+v, and the provider saw %+v", stats, seen)
	}
	if ticks := ticker.Ticks(); len(ticks) < stats.Requests || !ticks[0].Accepted || ticks[0].Start.IsZero() {
		t.Errorf("remembers %d of %d ticks", len(ticks), stats.Requests)
	}

	call(t, ticker.Admin(), "POST", "/watch", `{"email":""}`, nil)
	if s := ticker.Stats(); s != (TickerStats{}) {
		t.Errorf("a ticker at rest counts %+v", s)
	}
	if status := call(t, ticker.Admin(), "POST", "/watch", `{"email":"anna"}`, nil); status != http.StatusBadRequest {
		t.Errorf("watching no address answered %d", status)
	}
}

func TestATickIsTriedOnce(t *testing.T) {
	var tries atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tries.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	ticker := NewTicker(server.URL, "", time.Hour)
	ticker.Watch("anna@example.org")
	for range 3 {
		email, watch, ok := ticker.next()
		if !ok {
			t.Fatal("the ticker rests")
		}
		ticker.tick(t.Context(), email, watch)
	}
	if s := ticker.Stats(); s.Requests != 3 || s.Failed != 3 || tries.Load() != 3 || s.LastReason != "HTTP 503" {
		t.Errorf("%+v after %d tries", s, tries.Load())
	}
}
