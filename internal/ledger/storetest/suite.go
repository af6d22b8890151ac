package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// Factory opens the store of one test with the clock Now; opened again within the same test, it is the same data.
type Factory func(t *testing.T) store.Store

// Run runs the suite. Every subtest gets a factory of its own from newDatabase.
func Run(t *testing.T, newDatabase func(t *testing.T) Factory) {
	for name, test := range map[string]func(*testing.T, Factory){
		"positions have no gaps under 64 writers, and watchers see their order": concurrent,
		"what was acknowledged is there after opening again":                    reopened,
		"a refused event takes no position":                                     refused,
		"an idempotency key gives the same answer, or a conflict":               idempotent,
		"a restriction under one identity holds for those that are linked":      merged,
		"a snapshot is of one head":                                             snapshot,
		"uses are kept once, apart from the log":                                useRecords,
		"uses go after their retention":                                         retention,
		"a history is of one person":                                            history,
		"what is acknowledged can be proven at once":                            provable,
		"an erasure takes entries and leaves proofs":                            erased,
		"identities are linked and separated":                                   linked,
		"forms that came to be known one by one are all meant":                  forms,
		"time in the log never goes back":                                       jumps,
		"a poisoned event fails by itself":                                      poisoned,
		"one call of many events is one commit":                                 manyAtOnce,
		"positions that nobody can have seen lead to nothing":                   beyond,
		"who is named twice is one, and who is nobody is refused":               namedOddly,
		"an idempotency key counts within a call, too":                          keysAtOnce,
		"an erasure takes what came before it in the same call":                 erasedAtOnce(0),
		"an erasure takes what came before it in the same call, among hundreds": erasedAtOnce(100),
		"a closed store refuses":                                                closed,
		"an adopted log goes on in another epoch":                               adopted,
		"a glance at the head is never older than what was acknowledged":        glanced,
		"several goroutines together see whom a snapshot shows":                 scanned,
		"whatever is appended meanwhile, they all see one moment":               scannedAtOnce,
		"watchers are told the root of what they were handed":                   roots,
		"a change of keys is seen by every append, and follows its steps":       rekeyed,
		"what is new under one key belongs to whom it names under the other":    twins,
	} {
		t.Run(name, func(t *testing.T) { test(t, newDatabase(t)) })
	}
	for name, test := range vault {
		t.Run(name, func(t *testing.T) { test(t, newDatabase(t)) })
	}
}

// Tag makes a tag of a number.
func Tag(n int) (t consent.Tag) {
	binary.BigEndian.PutUint64(t[:], uint64(n)+1)
	return t
}

// Email is the identity of an address with a number.
func Email(n int) store.Identity {
	return store.Identity{Tags: []consent.Tag{Tag(n)}, Type: consent.IdentifierEmail, Plain: true}
}

// About appends an event about the person with an address.
func About(n int, e consent.Event) store.Append {
	return store.Append{Identities: []store.Identity{Email(n)}, Event: e}
}

// Given is a sound grant about the person with an address.
func Given(n int) store.Append {
	return About(n, consent.Event{
		Type: consent.EventGiven, Purpose: "newsletter", Notice: "newsletter-v1", Proof: consent.ProofMailboxConfirmed, Actor: consent.ActorTouchpoint,
	})
}

func timeout(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, s store.Store, a store.Append) store.Result {
	t.Helper()
	r, errs, err := s.Append(timeout(t), a)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
	return r[0]
}

func refusal(t *testing.T, s store.Store, a store.Append) error {
	t.Helper()
	_, errs, err := s.Append(timeout(t), a)
	if err != nil {
		t.Fatal(err)
	}
	return errs[0]
}

func lookup(t *testing.T, s store.Store, tag consent.Tag) *consent.Record {
	t.Helper()
	r, err := s.Lookup(timeout(t), tag)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func position(t *testing.T, s store.Store) consent.Position {
	t.Helper()
	h, err := s.Head(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	return h.Position
}

func concurrent(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	var watched []consent.Position
	s.Watch(func(changes []store.Change) {
		for _, c := range changes {
			watched = append(watched, c.Event.Position)
		}
	})
	const writers, each = 64, 8
	var mu sync.Mutex
	seen := map[consent.Position]bool{}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			last := consent.Position(0)
			for range each {
				r, errs, err := s.Append(t.Context(), Given(w))
				if err := errors.Join(append(errs, err)...); err != nil {
					t.Error(err)
					return
				}
				if r[0].Position <= last {
					t.Error("a later append got an earlier position")
				}
				last = r[0].Position
				mu.Lock()
				seen[last] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != writers*each || position(t, s) != writers*each {
		t.Fatalf("%d positions, head %d, want %d", len(seen), position(t, s), writers*each)
	}
	for i, p := range watched {
		if p != consent.Position(i+1) {
			t.Fatalf("the watcher saw position %d at place %d", p, i+1)
		}
	}
	if len(watched) != writers*each {
		t.Fatalf("the watcher saw %d changes, want %d", len(watched), writers*each)
	}
}

func reopened(t *testing.T, open Factory) {
	s := open(t)
	must(t, s, Given(1))
	before, err := s.Head(timeout(t))
	if err != nil || before.Hashed {
		t.Fatalf("%+v, %v", before, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t)
	defer s.Close()
	after, err := s.Head(timeout(t))
	if err != nil || after != before || after.Epoch == "" || after.Position != 1 {
		t.Fatalf("head %+v, before %+v, %v", after, before, err)
	}
	if r := lookup(t, s, Tag(1)); len(r.Grants) != 1 || r.Grants[0].Status != consent.StatusGiven {
		t.Fatalf("record %+v", r)
	}
	must(t, s, store.Append{Identities: []store.Identity{{Tags: []consent.Tag{Tag(2)}, Type: consent.IdentifierEmail}}, Event: Given(2).Event})
	must(t, s, Given(3))
	if h, err := s.Head(timeout(t)); err != nil || !h.Hashed {
		t.Fatalf("%+v, %v", h, err)
	}
}

func refused(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	must(t, s, Given(1))
	no := must(t, s, About(1, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"}))
	if err := refusal(t, s, Given(1)); !errors.Is(err, consent.ErrConflict) {
		t.Fatalf("a grant after a no: %v, want a conflict", err)
	}
	if err := refusal(t, s, About(2, consent.Event{Type: "nonsense"})); !errors.Is(err, consent.ErrInvalid) {
		t.Fatalf("nonsense: %v, want invalid", err)
	}
	if p := position(t, s); p != no.Position {
		t.Fatalf("refused events moved the head to %d", p)
	}
	again := Given(1)
	again.Event.BasedOn = no.Position
	if r := must(t, s, again); r.Position != no.Position+1 {
		t.Fatalf("position %d leaves a gap", r.Position)
	}
}

func idempotent(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	a := Given(1)
	a.Key, a.Digest = "key-1", [32]byte{1}
	first := must(t, s, a)
	if r := must(t, s, a); r.Position != first.Position || !r.Replayed || !r.At.Equal(first.At) {
		t.Fatalf("replayed %+v, first %+v", r, first)
	}
	a.Digest = [32]byte{2}
	if err := refusal(t, s, a); !errors.Is(err, store.ErrIdempotency) {
		t.Fatalf("other content: %v", err)
	}
	if p := position(t, s); p != first.Position {
		t.Fatalf("the head moved to %d", p)
	}
}

func merged(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	var last store.Change
	s.Watch(func(c []store.Change) { last = c[len(c)-1] })
	must(t, s, About(1, consent.Event{Type: consent.EventObjected, Scope: consent.ScopeAll}))
	must(t, s, Given(2))
	all := store.Append{Identities: []store.Identity{Email(1), Email(2), Email(3)}, Event: consent.Event{Type: consent.EventLinked}}
	must(t, s, all)
	for n := 1; n <= 3; n++ {
		// The grant did not know of the objection, which holds for it from now on.
		if r := lookup(t, s, Tag(n)); len(r.Objections) != 1 || (n == 2 && r.Objections[0].Position <= r.Grants[0].BasedOn) {
			t.Fatalf("tag %d: %+v", n, r)
		}
	}
	if len(last.People) != 3 || last.People[0].Group != last.People[2].Group {
		t.Fatalf("the change is about %+v, want all 3", last.People)
	}
}

func snapshot(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	for n := range 5 {
		a := Given(n)
		a.Identities[0].Tags = append(a.Identities[0].Tags, Tag(n+100))
		must(t, s, a)
	}
	people := 0
	h, err := s.Snapshot(timeout(t), func(p store.Person) error {
		if people == 0 {
			must(t, s, Given(50)) // appended while the snapshot is read
		}
		people++
		if len(p.Tags) != 2 || len(p.Record.Grants) != 1 {
			t.Errorf("person with %d tags, %d grants", len(p.Tags), len(p.Record.Grants))
		}
		return nil
	})
	if err != nil || people != 5 || h.Position != 5 {
		t.Fatalf("%d people at position %d, %v", people, h.Position, err)
	}
}

func closed(t *testing.T, open Factory) {
	s := open(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Append(timeout(t), Given(1)); !errors.Is(err, store.ErrClosed) {
		t.Fatalf("err = %v", err)
	}
}
