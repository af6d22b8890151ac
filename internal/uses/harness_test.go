package uses

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ledger/wire"
)

// book stands for a ledger: it takes each batch once.
type book struct {
	mu      sync.Mutex
	away    bool
	refuses bool
	// silent takes batches and does not acknowledge them.
	silent  bool
	sent    int
	batches map[string]wire.Uses
	order   []string
}

var errAway = errors.New("the ledger is away")

func (b *book) send(_ context.Context, _ string, raw []byte) (wire.Taken, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return wire.Taken{}, errAway
	}
	if b.refuses {
		return wire.Taken{}, ErrRefused
	}
	b.sent++
	var u wire.Uses
	if err := json.Unmarshal(raw, &u); err != nil {
		return wire.Taken{}, err
	}
	if b.batches == nil {
		b.batches = map[string]wire.Uses{}
	}
	_, replayed := b.batches[u.ID]
	if !replayed {
		b.batches[u.ID] = u
		b.order = append(b.order, u.ID)
	}
	if b.silent {
		return wire.Taken{}, errAway
	}
	return wire.Taken{Replayed: replayed}, nil
}

func (b *book) set(f func(*book)) { b.mu.Lock(); defer b.mu.Unlock(); f(b) }

// decisions are those taken so far, with the uses of each.
func (b *book) decisions() (ids map[wire.DecisionID]int, uses int, lost uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ids = map[wire.DecisionID]int{}
	for _, u := range b.batches {
		lost += u.Lost
		for _, d := range u.Decisions {
			ids[d.ID] += len(d.Uses)
			uses += len(d.Uses)
		}
	}
	return ids, uses, lost
}

func options(dir string, b *book) Options {
	return Options{
		Dir: dir, Send: b.send, Linger: 5 * time.Millisecond, Retry: 5 * time.Millisecond, MaxRetry: 20 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// start runs a recorder. Stop ends it with a time to drain; a negative one kills it: what is in memory is gone.
func start(t *testing.T, o Options) (r *Recorder, stop func(drain time.Duration)) {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	drain, done := time.Duration(0), make(chan struct{})
	go func() {
		defer close(done)
		_ = r.Run(ctx, func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), drain)
		})
	}()
	var once sync.Once
	stop = func(d time.Duration) {
		once.Do(func() { drain = d; cancel(); <-done })
	}
	t.Cleanup(func() { stop(0) })
	return r, stop
}

// record records one decision with people.
func record(r *Recorder, people int) wire.DecisionID {
	u := r.Begin(time.Now())
	u.About(About{Controller: "shop-gmbh", Purpose: "newsletter", Service: "shop/esp", Endpoint: "send", Mode: "Enforce", Generation: 3, Position: 7})
	for i := range people {
		u.Person(consent.Tag{1, byte(i), byte(i >> 8)}, true, &decide.Verdict{Reason: decide.OKConsent, Grant: 2})
	}
	u.End(decide.Permit, "", false)
	return u.ID()
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
