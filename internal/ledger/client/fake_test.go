package client

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/wire"
)

// ledgerTime is what the fake ledger answers.
var ledgerTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fake is a ledger that says what a test wants.
type fake struct {
	t     *testing.T
	keys  *keys.Stream
	epoch string
	// frames are written to each stream that opens; nil ends the stream.
	frames chan []byte
	opened atomic.Int64

	mu   sync.Mutex
	pong func(nonce string) any
}

func newFake(t *testing.T) *fake {
	t.Helper()
	k, err := keys.NewRoot().Stream("shop-gmbh")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t, keys: k, epoch: "epoch-1", frames: make(chan []byte, 64)}
	f.head(0)
	return f
}

// head sets the position that pings are answered with.
func (f *fake) head(p consent.Position) {
	epoch := f.epoch
	f.answer(func(nonce string) any { return wire.Pong{Nonce: nonce, Epoch: epoch, Position: p, Time: ledgerTime} })
}

func (f *fake) answer(pong func(string) any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pong = pong
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/ping" {
		var p wire.Ping
		_ = json.NewDecoder(r.Body).Decode(&p)
		f.mu.Lock()
		pong := f.pong(p.Nonce)
		f.mu.Unlock()
		if pong == nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(pong)
		return
	}
	f.opened.Add(1)
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case raw := <-f.frames:
			if raw == nil {
				return
			}
			_, _ = w.Write(raw)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func (f *fake) send(t wire.Type, payload any) {
	f.t.Helper()
	raw, err := wire.Append(nil, t, payload)
	if err != nil {
		f.t.Fatal(err)
	}
	f.frames <- raw
}

func (f *fake) end() { f.frames <- nil }

func (f *fake) person(address string, at consent.Position) wire.Person {
	f.t.Helper()
	tags, err := f.keys.Tags(email(address))
	if err != nil {
		f.t.Fatal(err)
	}
	p := wire.Person{Facts: map[consent.PurposeID]consent.Fact{"newsletter": {AgeYears: int(at), Restricted: true}}}
	for _, tag := range tags {
		p.Tags = append(p.Tags, wire.Tag(tag))
	}
	return p
}

// alike is somebody with tags that no key makes, and that no table can hold.
func (f *fake) alike() wire.Person {
	p := f.person("ada@example.org", 1)
	p.Tags = nil
	for n := range 11 {
		p.Tags = append(p.Tags, wire.Tag{1, 15: byte(n << 2)})
	}
	return p
}

// greet begins a stream, snapshot sends a whole snapshot of people.
func (f *fake) greet() {
	f.t.Helper()
	f.send(wire.TypeHello, wire.Hello{
		Version: wire.Version, Epoch: f.epoch, KeyID: f.keys.ID(), Key: f.keys.Bytes(), Purposes: []consent.PurposeID{"newsletter"},
	})
}

func (f *fake) snapshot(at consent.Position, people ...string) {
	f.t.Helper()
	f.greet()
	f.send(wire.TypeSnapshotBegin, nil)
	for i, p := range people {
		f.people(uint32(i), f.person(p, at))
	}
	f.send(wire.TypeSnapshotEnd, wire.At{Position: at})
}

// people sends a part of a snapshot, whose combinations have numbers from first on.
func (f *fake) people(first uint32, people ...wire.Person) {
	f.t.Helper()
	var combinations, list []byte
	for i, p := range people {
		combinations = wire.AppendFacts(combinations, facts.Encode(nil, p.Facts))
		var tags []consent.Tag
		for _, tag := range p.Tags {
			tags = append(tags, consent.Tag(tag))
		}
		list = wire.AppendPerson(list, first+uint32(i), tags)
	}
	f.raw(wire.TypeFacts, combinations)
	f.raw(wire.TypePeople, list)
}

func (f *fake) raw(t wire.Type, body []byte) {
	f.t.Helper()
	raw, err := wire.AppendRaw(nil, t, body)
	if err != nil {
		f.t.Fatal(err)
	}
	f.frames <- raw
}

func (f *fake) change(at consent.Position, who string) {
	f.t.Helper()
	f.send(wire.TypeChange, wire.Change{Position: at, People: []wire.Person{f.person(who, at)}})
}

func email(address string) consent.Identifier {
	return consent.Identifier{Type: consent.IdentifierEmail, Value: address}
}

// clock is a boot clock that tests move.
type clock struct{ now atomic.Int64 }

func (c *clock) read() time.Duration     { return time.Duration(c.now.Load()) }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d)) }

// follow runs a feed on the fake.
func (f *fake) follow(c *clock, change func(*Options)) *Feed {
	f.t.Helper()
	server := httptest.NewServer(f)
	o := Options{
		URL: server.URL, Token: func() (string, error) { return "token", nil }, Clock: c.read, PingEvery: 5 * time.Millisecond,
		Retry: time.Millisecond, MaxRetry: 5 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&o)
	}
	feed := New(o)
	done := make(chan error, 1)
	go func() { done <- feed.Run(f.t.Context()) }()
	f.t.Cleanup(func() {
		if err := <-done; err != nil {
			f.t.Error(err)
		}
		server.CloseClientConnections()
		server.Close()
	})
	return feed
}

// eventually waits for something that takes milliseconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("it never happened that %s", what)
}

// settle gives several pings time to be answered.
func settle() { time.Sleep(50 * time.Millisecond) }
