package share

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/store"
)

// kept is a keeper of people who are told to it one by one.
type kept struct {
	*Keeper
	t       *testing.T
	changes chan []store.Change

	mu       sync.Mutex
	now      time.Time
	position consent.Position
	records  map[int]*consent.Record
	bundle   *ir.Bundle
	declared int64
	// block, if there is one, holds up snapshots.
	block chan struct{}
	reads int
	fail  error
}

func (k *kept) Next(ctx context.Context) ([]store.Change, error) {
	select {
	case c := <-k.changes:
		if c == nil {
			return nil, fmt.Errorf("missed")
		}
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (k *kept) Head(context.Context) (store.Head, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return store.Head{Position: k.position, At: k.now}, k.fail
}

func (k *kept) Snapshot(ctx context.Context, visit func(Identity) error) (store.Head, error) {
	k.mu.Lock()
	k.reads++
	block := k.block
	k.mu.Unlock()
	if block != nil {
		<-block
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, r := range k.records {
		if err := visit(Identity{Tags: []consent.Tag{tag(id, 0)}, Record: r}); err != nil {
			return store.Head{}, err
		}
	}
	return store.Head{Position: k.position, At: k.now}, nil
}

func newKept(t *testing.T, every time.Duration) *kept {
	k := &kept{t: t, changes: make(chan []store.Change, 1<<12), now: start, records: map[int]*consent.Record{}, bundle: testBundle(0)}
	k.Keeper = New(Options{
		Source: k, Changes: k, Now: func() time.Time { k.mu.Lock(); defer k.mu.Unlock(); return k.now }, Every: every, Logger: slog.New(slog.DiscardHandler),
		Bundle: func() (*ir.Bundle, int64) {
			k.mu.Lock()
			defer k.mu.Unlock()
			return k.bundle, int64(len(k.bundle.Purposes))
		},
		Declared: func() int64 { k.mu.Lock(); defer k.mu.Unlock(); return k.declared },
	})
	return k
}

func (k *kept) run() *kept {
	ctx, cancel := context.WithCancel(k.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = k.Run(ctx)
	}()
	k.t.Cleanup(func() { cancel(); <-done })
	return k
}

// act appends an event about a person, and tells of it unless it is missed.
func (k *kept) act(id int, e consent.Event, missed ...bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.position++
	e.Position, e.At = k.position, k.now
	r := &consent.Record{}
	if before := k.records[id]; before != nil {
		raw, _ := json.Marshal(before)
		_ = json.Unmarshal(raw, r)
	}
	r.Apply(e)
	k.records[id] = r
	if len(missed) == 0 {
		k.changes <- []store.Change{{Event: e, People: []store.Person{{Tags: []consent.Tag{tag(id, 0)}, Record: r}}}}
	}
}

func given() consent.Event {
	return consent.Event{Type: consent.EventGiven, Purpose: "newsletter", Notice: "newsletter", Proof: consent.ProofMailboxConfirmed, Touchpoint: "shop/form"}
}

func (k *kept) set(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
}

// until waits for an edition.
func (k *kept) until(what string, ok func(*Figures) bool) *Figures {
	k.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if f := k.Last(); f != nil && ok(f) {
			return f
		}
	}
	raw, _ := json.Marshal(k.Last())
	k.t.Fatalf("no edition in which %s; the last is %s", what, raw)
	return nil
}

// newsletter is what an edition says about sending the newsletter.
func newsletter(f *Figures) string {
	s := f.Shares[0]
	return fmt.Sprintf("%v of %v: %s, fields %s", number(s.Permitted), number(s.Population), s.Share, s.Fields)
}

func number(n *int64) any {
	if n == nil {
		return "none"
	}
	return *n
}

func permitted(n int64) func(*Figures) bool {
	return func(f *Figures) bool { return f.Shares[0].Permitted != nil && *f.Shares[0].Permitted == n }
}

func TestFiguresTellEverything(t *testing.T) {
	k := newKept(t, time.Millisecond)
	for id := range 40 {
		k.act(id, given(), true)
	}
	for id := range 20 {
		k.act(100+id, consent.Event{Type: consent.EventAttribute, Attribute: "age", Value: "30"}, true)
	}
	for id := range 15 {
		k.act(id, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"}, true)
	}
	k.declared = 200
	f, err := k.run().Figures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	// 60 people of 200 are known; 25 have the newsletter. It needs 2 of 4 categories; letters need 1 and rest on the absence of an objection.
	const want = `{"position":75,"at":"2026-01-01T00:00:00Z","generation":7,"people":60,"population":200,"fields":"30.0%","shares":[` +
		`{"purpose":"newsletter","processing":"send","permitted":20,"population":200,"share":"10.0%","fields":"5.0%","grounds":[{"name":"consent","people":20,"touchpoints":[{"name":"shop/form","people":20}]}],"reasons":[{"name":"NO_GRANT","people":160},{"name":"WITHDRAWN","people":10}]},` +
		`{"purpose":"newsletter","processing":"profile","permitted":20,"population":200,"share":"10.0%","fields":"5.0%","grounds":[{"name":"consent","people":20,"touchpoints":[{"name":"shop/form","people":20}]}],"reasons":[{"name":"NO_GRANT","people":160},{"name":"WITHDRAWN","people":10}]},` +
		`{"purpose":"profiling","processing":"profile","population":200,"share":"\u003c10 people","reasons":[{"name":"NO_GRANT","people":200}]},` +
		`{"purpose":"device","processing":"track","population":200,"share":"\u003c10 people","reasons":[{"name":"NO_GRANT","people":200}]},` +
		`{"purpose":"calls","processing":"send","population":200,"share":"\u003c10 people","reasons":[{"name":"ADDRESSEE_KIND_NOT_ALLOWED","people":200}]},` +
		`{"purpose":"letters","processing":"send","permitted":200,"population":200,"share":"100.0%","fields":"25.0%","grounds":[{"name":"legitimateInterest","people":200}]},` +
		`{"purpose":"invoice","processing":"send","permitted":200,"population":200,"share":"100.0%","grounds":[{"name":"contract","people":200}]}],` +
		`"purposes":[{"purpose":"newsletter","headroom":160,"reachable":160},{"purpose":"profiling","headroom":200,"reachable":200},{"purpose":"device","headroom":200,"reachable":200}]}`
	if string(raw) != want {
		t.Errorf("%s\nwant\n%s", raw, want)
	}
}

func TestAnEditionTellsAboutNoSinglePerson(t *testing.T) {
	k := newKept(t, time.Millisecond)
	for id := range 30 {
		k.act(id, given(), true)
	}
	before, err := k.run().Figures(t.Context())
	if err != nil || newsletter(before) != "30 of 30: 100.0%, fields 50.0%" {
		t.Fatalf("%s, %v", newsletter(before), err)
	}
	// Somebody who went back and forth is nobody who stands otherwise. Before the others, because on the way it would be the tenth.
	k.act(20, consent.Event{Type: consent.EventRestricted})
	k.act(20, consent.Event{Type: consent.EventUnrestricted})
	for id := range 9 {
		k.act(id, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"})
		k.act(id, consent.Event{Type: consent.EventUsed, Purpose: "newsletter"}) // the same people again are no more people
	}
	k.settled()
	if now := k.Last(); now != before {
		t.Fatalf("an edition after 9 people changed: %s", newsletter(now))
	}
	k.act(9, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"})
	if f := k.until("20 are permitted", permitted(20)); f.Position != k.position || newsletter(f) != "20 of 30: 66.7%, fields 33.3%" {
		t.Fatalf("%s at %d", newsletter(f), f.Position)
	}
}

// settled waits until what was told has been counted, and some editions could have been told since.
func (k *kept) settled() {
	k.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		k.Keeper.mu.Lock()
		waits := len(k.pending)
		k.Keeper.mu.Unlock()
		if waits == 0 && len(k.changes) == 0 {
			time.Sleep(50 * time.Millisecond)
			return
		}
		if time.Now().After(deadline) {
			k.t.Fatal("changes are not counted")
		}
	}
}

func TestEditionsAreBounded(t *testing.T) {
	k := newKept(t, time.Hour)
	for id := range 30 {
		k.act(id, given(), true)
	}
	before, err := k.run().Figures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id := range 30 {
		k.act(id, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"})
	}
	k.settled()
	if k.Last() != before {
		t.Fatal("an edition before its time")
	}
}

func TestGrantsThatEndByThemselvesLeaveTheFigures(t *testing.T) {
	k := newKept(t, time.Millisecond)
	for id := range 30 {
		k.act(id, given(), true)
	}
	k.set(func() { k.now = start.AddDate(0, 0, 30) })
	for id := range 10 {
		k.act(id, consent.Event{Type: consent.EventUsed, Purpose: "newsletter"}, true)
	}
	k.run().until("all are permitted", permitted(30))
	k.set(func() { k.now = start.AddDate(0, 0, 90) })
	k.until("10 were used and are permitted", permitted(10))
	k.set(func() { k.now = start.AddDate(0, 0, 120) })
	k.until("nobody is permitted", func(f *Figures) bool { return f.Shares[0].Permitted == nil })
	if k.reads != 1 {
		t.Errorf("everybody was counted %d times", k.reads)
	}
}

func TestAChangedBundleIsCountedInTheBackground(t *testing.T) {
	k := newKept(t, time.Millisecond)
	for id := range 30 {
		k.act(id, given(), true)
	}
	k.run().until("all are permitted", permitted(30))
	block := make(chan struct{})
	k.set(func() { k.bundle, k.block = testBundle(8), block })
	for id := range 10 {
		k.act(id, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"})
	}
	if f := k.until("20 are permitted", permitted(20)); f.Generation != 7 || len(f.Shares) != 7 {
		t.Fatalf("generation %d", f.Generation)
	}
	k.set(func() { k.block = nil })
	close(block)
	if f := k.until("the new bundle counts", func(f *Figures) bool { return f.Generation == 4 }); len(f.Shares) != 5 || newsletter(f) != "20 of 30: 66.7%, fields 44.4%" {
		t.Fatalf("%d shares, %s", len(f.Shares), newsletter(f))
	}
}

func TestWhoWasMissedIsCountedAnew(t *testing.T) {
	for name, miss := range map[string]func(*kept){
		"the tap was behind":    func(k *kept) { k.changes <- nil },
		"a position is missing": func(k *kept) { k.act(0, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"}) },
	} {
		t.Run(name, func(t *testing.T) {
			k := newKept(t, time.Millisecond)
			for id := range 30 {
				k.act(id, given(), true)
			}
			k.run().until("all are permitted", permitted(30))
			for id := range 20 {
				k.act(id, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"}, true)
			}
			k.set(func() { k.fail = fmt.Errorf("the database is away") })
			miss(k)
			k.settled()
			k.set(func() { k.fail = nil })
			k.until("10 are permitted", permitted(10))
		})
	}
}

func TestAnotherPopulationTellsNothingElse(t *testing.T) {
	k := newKept(t, time.Millisecond)
	for id := range 30 {
		k.act(id, given(), true)
	}
	k.run().until("all are permitted", permitted(30))
	for id := range 5 {
		k.act(id, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"})
	}
	k.settled()
	k.set(func() { k.declared = 300 })
	f := k.until("the population is another one", func(f *Figures) bool { return f.Population != nil && *f.Population == 300 })
	if f.Position != 30 || newsletter(f) != "30 of 300: 10.0%, fields 5.0%" {
		t.Fatalf("%s at %d", newsletter(f), f.Position)
	}
}
