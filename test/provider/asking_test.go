package provider

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/wire"
	"github.com/optup/optup/internal/uses"
)

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// reason is the one of a denial.
func (a answer) reason() string {
	var p struct {
		Reasons []string `json:"reasons"`
	}
	if json.Unmarshal([]byte(a.body), &p) != nil || len(p.Reasons) != 1 {
		return ""
	}
	return p.Reasons[0]
}

// get asks by HTTP over connections that dial makes.
func get(t testing.TB, dial func(context.Context, string, string) (net.Conn, error), path string, header ...string) answer {
	t.Helper()
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(r)
	if err != nil {
		return answer{body: err.Error()}
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

// to dials one address, whatever is asked for.
func to(a net.Addr) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, a.String())
	}
}

// get asks as the sidecar's application does.
func (s *sidecar) get(path string, header ...string) answer {
	s.w.t.Helper()
	return get(s.w.t, to(s.address), path, header...)
}

// counted is the value of a series.
func (s *sidecar) counted(series string) string {
	for line := range strings.Lines(s.metrics.Text()) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), series+" "); ok {
			return value
		}
	}
	return ""
}

// record has a sidecar record uses, and gives what it would send to the ledger.
func (w *world) record(s *sidecar) func() string {
	w.t.Helper()
	var mu sync.Mutex
	var sent strings.Builder
	r, err := uses.New(uses.Options{Linger: time.Millisecond, Send: func(_ context.Context, _ string, batch []byte) (wire.Taken, error) {
		mu.Lock()
		defer mu.Unlock()
		sent.Write(batch)
		return wire.Taken{}, nil
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.Run(ctx, func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Second)
		})
	}()
	w.t.Cleanup(func() { cancel(); <-done })
	s.proxy.Uses = r
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return sent.String()
	}
}
