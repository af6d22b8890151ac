package client_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/client"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

// stalling is a network that can stop to carry anything, without an end of any connection.
type stalling struct {
	mu      sync.Mutex
	stopped chan struct{}
}

func (s *stalling) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = make(chan struct{})
}

func (s *stalling) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.stopped)
	s.stopped = nil
}

func (s *stalling) wait() {
	s.mu.Lock()
	stopped := s.stopped
	s.mu.Unlock()
	if stopped != nil {
		<-stopped
	}
}

func (s *stalling) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return stalled{c, s}, err
	}}}
}

type stalled struct {
	net.Conn
	network *stalling
}

func (s stalled) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.network.wait()
	return n, err
}

func (s stalled) Write(p []byte) (int, error) {
	s.network.wait()
	return s.Conn.Write(p)
}

type appended struct {
	Position consent.Position `json:"position"`
	Enforced *bool            `json:"enforced"`
	Waiting  int              `json:"waiting"`
}

func withdraw(t *testing.T, l *ledgertest.Ledger) (int, appended) {
	t.Helper()
	code, body := l.Do(ledgertest.Touchpoint, "POST", "/v1/events?wait=enforced",
		`{"identifiers":[{"type":"email","value":"ada@example.org"}],"event":{"type":"withdrawn","purpose":"newsletter"}}`)
	var a appended
	if err := json.Unmarshal([]byte(body), &a); err != nil || a.Enforced == nil {
		t.Fatalf("%d %s", code, body)
	}
	return code, a
}

// TestAWriteWaitsUntilEverySidecarEnforcesIt: when it answers that a withdrawal is enforced, nobody goes by anything older. A sidecar that
// cannot be reached is waited for until its bound has passed, since it cannot be told.
func TestAWriteWaitsUntilEverySidecarEnforcesIt(t *testing.T) {
	const bound = 2 * time.Second
	l := ledgertest.New(t).Start()
	network := &stalling{}
	bounded := func(o *client.Options) {
		o.Bound = func() time.Duration { return bound }
		o.PingEvery = time.Hour // nobody confirms by chance
	}
	feeds := []*client.Feed{follow(t, l, bounded), follow(t, l, bounded), follow(t, l, func(o *client.Options) {
		bounded(o)
		o.HTTPClient, o.Silence = network.client(), time.Hour
		o.Token = func() (string, error) { return l.Token(ledgertest.Sidecar, "pod-2", time.Hour), nil }
		o.Grant = func() string { return l.Grant(ledgertest.Sidecar, "pod-2", time.Hour, "newsletter") }
	})}
	for _, f := range feeds {
		eventually(t, "the feed is fresh", isFresh(f))
	}
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	code, a := withdraw(t, l)
	if code != http.StatusCreated || !*a.Enforced || a.Waiting != 0 {
		t.Fatalf("%d %+v", code, a)
	}
	for i, f := range feeds {
		if f.Position() < a.Position || status(f, "ada@example.org", "newsletter") != consent.StatusWithdrawn {
			t.Fatalf("sidecar %d goes by position %d after %d was enforced", i, f.Position(), a.Position)
		}
	}

	network.stop()
	defer network.goOn()
	l.Append("ada@example.org", consent.Event{
		Type: consent.EventGiven, Purpose: "newsletter", Notice: "newsletter-v1",
		Proof: consent.ProofMailboxConfirmed, Actor: consent.ActorPerson, BasedOn: a.Position,
	})
	began := time.Now()
	code, a = withdraw(t, l)
	if code != http.StatusCreated || !*a.Enforced {
		t.Fatalf("%d %+v", code, a)
	}
	stalled := feeds[2]
	if stalled.Position() >= a.Position {
		t.Fatal("the stalled sidecar was reached, so nothing was tested")
	}
	if age := stalled.Now().Age; age >= 0 && age < bound {
		t.Fatalf("it was called enforced while a sidecar relies on older facts, %v old", age)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Fatalf("it took %v", took)
	}
}

// TestAnAnswerSaysWhatWasReached: when the time is up before everybody has confirmed.
func TestAnAnswerSaysWhatWasReached(t *testing.T) {
	l := ledgertest.New(t).Start()
	f := follow(t, l, func(o *client.Options) {
		// Through a proxy that takes no connection over, sidecars ping beside the stream and never say what they applied.
		target, err := url.Parse(l.URL)
		if err != nil {
			t.Fatal(err)
		}
		proxy := &http.Server{Handler: &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Upgrade")
			r.Out.Header.Del("Connection")
		}}}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = proxy.Serve(listener) }()
		t.Cleanup(func() { _ = proxy.Close() })
		o.URL = "http://" + listener.Addr().String()
	})
	eventually(t, "the feed is fresh", isFresh(f))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if n := l.Stream.Enforced(ctx, l.Append("ada@example.org", ledgertest.Given("newsletter"))); n != 1 {
		t.Fatalf("%d are waited for, want 1", n)
	}
}

// TestADepartedSidecarIsWaitedFor: its stream is gone and its facts are not.
func TestADepartedSidecarIsWaitedFor(t *testing.T) {
	l := ledgertest.New(t).Start()
	f := follow(t, l, func(o *client.Options) {
		o.Bound = func() time.Duration { return time.Hour }
		o.Retry, o.MaxRetry = time.Hour, time.Hour
	})
	eventually(t, "the feed is fresh", isFresh(f))
	eventually(t, "the ledger knows", func() bool { return l.Hub.Stats().Proven == 1 })
	f.Again()
	eventually(t, "the stream is gone", func() bool { return l.Hub.Stats().Subscribers == 0 })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if n := l.Stream.Enforced(ctx, l.Append("ada@example.org", ledgertest.Given("newsletter"))); n != 1 {
		t.Fatalf("%d are waited for, want 1", n)
	}
}
