package stream_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/ledger/wire"
)

// subscription is one open stream.
type subscription struct {
	t      *testing.T
	frames *wire.Reader
	close  func()
}

func subscribe(t *testing.T, l *ledgertest.Ledger, life time.Duration, purposes ...consent.PurposeID) *subscription {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.URL+"/v1/stream?version=3&version=4", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+l.Token(ledgertest.Sidecar, "pod-1", time.Hour))
	r.Header.Set(wire.GrantHeader, l.Grant(ledgertest.Sidecar, "pod-1", life, purposes...))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
	return &subscription{t: t, frames: wire.NewReader(bufio.NewReader(res.Body)), close: func() { _ = res.Body.Close() }}
}

// next gives the next frame that is no heartbeat.
func next[T any](s *subscription, want wire.Type) T {
	s.t.Helper()
	for {
		typ, payload, err := s.frames.Next()
		if err != nil {
			s.t.Fatal(err)
		}
		if typ == wire.TypeHeartbeat && want != wire.TypeHeartbeat {
			continue
		}
		if typ != want {
			s.t.Fatalf("frame of type %d, want %d", typ, want)
		}
		if len(payload) == 0 {
			payload = []byte("{}")
		}
		v, err := wire.Decode[T](payload)
		if err != nil {
			s.t.Fatal(err)
		}
		return v
	}
}

// tagged is one tag of a snapshot.
type tagged struct {
	tag   consent.Tag
	facts facts.Combination
}

// begin reads hello and the whole snapshot.
func (s *subscription) begin() (wire.Hello, []tagged, consent.Position) {
	s.t.Helper()
	hello := next[wire.Hello](s, wire.TypeHello)
	next[struct{}](s, wire.TypeSnapshotBegin)
	var tags []tagged
	var combinations []facts.Combination
	for {
		typ, payload, err := s.frames.Next()
		if err != nil {
			s.t.Fatal(err)
		}
		switch typ {
		case wire.TypeFacts:
			if err := wire.EachFacts(payload, func(raw []byte) error {
				c, err := facts.Decode(raw)
				combinations = append(combinations, c)
				return err
			}); err != nil {
				s.t.Fatal(err)
			}
		case wire.TypePeople:
			var m wire.Tags
			if err := m.Read(payload); err != nil {
				s.t.Fatal(err)
			}
			for i, tag := range m.Tags {
				tags = append(tags, tagged{tag, combinations[m.Numbers[i]]})
			}
		case wire.TypeSnapshotEnd:
			at, err := wire.Decode[wire.At](payload)
			if err != nil {
				s.t.Fatal(err)
			}
			return hello, tags, at.Position
		case wire.TypeHeartbeat:
		default:
			s.t.Fatalf("frame of type %d within the snapshot", typ)
		}
	}
}

func TestAStreamTellsOnlyWhatTheGrantNames(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
	l.Append("ada@example.org", ledgertest.Given("profiling"))
	l.Append("bob@example.org", ledgertest.Given("profiling"))
	s := subscribe(t, l, time.Hour, "newsletter", "survey")
	hello, tags, at := s.begin()
	if hello.Version != wire.Version || hello.Epoch == "" || hello.KeyID != l.Keys.ID() || string(hello.Key) != string(l.Keys.Bytes()) ||
		!slices.Equal(hello.Purposes, []consent.PurposeID{"newsletter", "survey"}) {
		t.Fatalf("hello %+v", hello.Purposes)
	}
	if at != 3 || len(tags) != 3 || len(tags[0].facts) != 1 || len(tags[0].facts[0].Fact.Grants) != 1 {
		t.Fatalf("at %d: %+v", at, tags)
	}
	l.Append("bob@example.org", ledgertest.Withdrawn("profiling"))
	l.Append("bob@example.org", consent.Event{Type: consent.EventObjected, Scope: consent.ScopeAll})
	if c := next[wire.Change](s, wire.TypeChange); c.Position != 4 || len(c.People[0].Facts) != 0 {
		t.Fatalf("change %d has facts about %d purposes", c.Position, len(c.People[0].Facts))
	}
	if c := next[wire.Change](s, wire.TypeChange); c.Position != 5 || len(c.People[0].Facts) != 2 || len(c.People[0].Facts["newsletter"].Objections) != 1 {
		t.Fatalf("change %d has facts about %d purposes", c.Position, len(c.People[0].Facts))
	}
}

// TestNothingIsLostBetweenSnapshotAndChanges opens streams while events are appended: snapshot and changes together come to the
// same as the ledger, and positions have no gap.
func TestNothingIsLostBetweenSnapshotAndChanges(t *testing.T) {
	l := ledgertest.New(t).Start()
	const people, events = 20, 400
	appended := make(chan struct{})
	go func() {
		defer close(appended)
		for n := range events {
			who := fmt.Sprintf("p%d@example.org", n%people)
			if n < people {
				l.Append(who, ledgertest.Given("newsletter"))
				continue
			}
			l.Append(who, ledgertest.Withdrawn("newsletter"))
		}
	}()
	for range 8 {
		s := subscribe(t, l, time.Hour, "newsletter")
		_, _, at := s.begin()
		for at < events {
			c := next[wire.Change](s, wire.TypeChange)
			if c.Position != at+1 {
				t.Fatalf("position %d follows %d", c.Position, at)
			}
			at = c.Position
			if at%50 == 0 && at < events-100 {
				break // another one joins in the middle
			}
		}
		s.close()
	}
	<-appended
}

func TestAStreamEndsWithItsGrant(t *testing.T) {
	l := ledgertest.New(t).Start()
	s := subscribe(t, l, 2*time.Second, "newsletter")
	s.begin()
	// A stream that goes on is ended here, so that the test fails instead of waiting.
	outlived := time.AfterFunc(30*time.Second, s.close)
	for {
		if _, _, err := s.frames.Next(); err != nil {
			break
		}
	}
	if !outlived.Stop() {
		t.Fatal("the stream outlived its grant")
	}
}

func TestAStreamGivesSignsOfLife(t *testing.T) {
	l := ledgertest.New(t)
	l.Heartbeat = 10 * time.Millisecond
	l.Start()
	s := subscribe(t, l, time.Hour, "newsletter")
	s.begin()
	next[struct{}](s, wire.TypeHeartbeat)
	next[struct{}](s, wire.TypeHeartbeat)
}

func TestASlowSubscriberIsCutAndHoldsNobodyUp(t *testing.T) {
	for name, open := range map[string]func(l *ledgertest.Ledger) *subscription{
		"an answer":    func(l *ledgertest.Ledger) *subscription { return subscribe(t, l, time.Hour, "newsletter") },
		"a connection": func(l *ledgertest.Ledger) *subscription { s, _, _ := dial(t, l, nil, "newsletter"); return s },
	} {
		t.Run(name, func(t *testing.T) { slow(t, open) })
	}
}

func slow(t *testing.T, open func(l *ledgertest.Ledger) *subscription) {
	l := ledgertest.New(t)
	l.WriteTimeout = 100 * time.Millisecond
	l.Start()
	open(l).begin()
	big := consent.Event{Type: consent.EventRelationship, Goods: []string{strings.Repeat("x", 256<<10)}}
	start := time.Now()
	for n := range 60 { // 15 MiB, more than the buffers of a connection
		l.Append(fmt.Sprintf("p%d@example.org", n), big)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Fatalf("appends waited for the subscriber: %v", took)
	}
	for deadline := time.Now().Add(30 * time.Second); l.Hub.Stats().Subscribers != 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the subscriber is still there")
		}
	}
}

func TestPingReadsTheHeadAfterItCame(t *testing.T) {
	l := ledgertest.New(t).Start()
	ping := func() (p wire.Pong) {
		t.Helper()
		status, body := l.Do(ledgertest.Sidecar, "POST", "/v1/ping", `{"nonce":"abc"}`, wire.GrantHeader, l.Grant(ledgertest.Sidecar, "pod-1", time.Hour, "newsletter"))
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	before := ping()
	if before.Nonce != "abc" || before.Position != 0 || before.Epoch == "" || time.Since(before.Time).Abs() > time.Minute {
		t.Fatalf("%+v", before)
	}
	for n := consent.Position(1); n <= 20; n++ {
		l.Append("ada@example.org", ledgertest.Withdrawn("newsletter"))
		if p := ping(); p.Position != n || p.Epoch != before.Epoch {
			t.Fatalf("position %d after position %d was acknowledged", p.Position, n)
		}
	}
	for name, body := range map[string]string{"no nonce": `{}`, "a long one": `{"nonce":"` + strings.Repeat("a", 200) + `"}`, "no JSON": `x`} {
		if status, answer := l.Do(ledgertest.Reader, "POST", "/v1/ping", body); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
}

func TestStoppingEndsStreams(t *testing.T) {
	l := ledgertest.New(t).Start()
	s := subscribe(t, l, time.Hour, "newsletter")
	s.begin()
	l.Hub.Close()
	if _, _, err := s.frames.Next(); err == nil {
		t.Fatal("the stream goes on")
	}
	status, body := l.Do(ledgertest.Sidecar, "GET", "/v1/stream?"+url.Values{"purpose": {"newsletter"}}.Encode(), "",
		wire.GrantHeader, l.Grant(ledgertest.Sidecar, "pod-1", time.Hour, "newsletter"))
	if status != http.StatusServiceUnavailable {
		t.Fatalf("%d %s", status, body)
	}
	l.Append("ada@example.org", ledgertest.Given("newsletter"))
}
