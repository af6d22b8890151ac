package recall_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/recall"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/internal/ledger/storetest"
)

type world struct {
	*sqlite.Store
	memory *recall.Memory[string]
	dir    string
}

func open(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, "key-1", slices.Repeat([]byte("k"), 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newWorld(t *testing.T, limit int) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	w.Store = open(t, w.dir)
	var err error
	if w.memory, err = recall.New[string](t.Context(), w.Store, limit); err != nil {
		t.Fatal(err)
	}
	recall.Tell(w.Store, w.memory.Changed).Watch(func([]store.Change) {})
	return w
}

func appendTo(t *testing.T, s store.Store, a store.Append) {
	t.Helper()
	if _, errs, err := s.Append(t.Context(), a); errors.Join(append(errs, err)...) != nil {
		t.Fatal(errs, err)
	}
}

func (w *world) get(t *testing.T, n int) string {
	t.Helper()
	h, err := w.memory.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v, _ := w.memory.Get(storetest.Tag(n), h)
	return v
}

func (w *world) keep(n int, v string) { w.memory.Read(storetest.Tag(n)).Keep(v, len(v)) }

func TestWhatIsKeptGoesWithTheChange(t *testing.T) {
	w := newWorld(t, 1<<20)
	w.keep(1, "nobody")
	w.keep(2, "nobody")
	if got := w.get(t, 1); got != "nobody" {
		t.Fatalf("%q is remembered", got)
	}
	appendTo(t, w, storetest.Given(1))
	if got := w.get(t, 1); got != "" {
		t.Fatalf("%q is remembered of a record that changed", got)
	}
	if got := w.get(t, 2); got != "nobody" {
		t.Fatalf("of somebody else %q is remembered", got)
	}
}

// TestARestrictionUnderAnotherIdentifierIsAChange of everybody whom it holds for, and so is its end.
func TestARestrictionUnderAnotherIdentifierIsAChange(t *testing.T) {
	for name, e := range map[string]consent.Event{
		"withdrawn": {Type: consent.EventWithdrawn, Purpose: "newsletter", Actor: consent.ActorPerson},
		"objected":  {Type: consent.EventObjected, Scope: consent.ScopeAll, Actor: consent.ActorPerson},
		"unlinked":  {Type: consent.EventUnlinked, Actor: consent.ActorOfficer},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1<<20)
			act := storetest.Given(1)
			act.Identities = append(act.Identities, storetest.Identity(consent.IdentifierCustomer, 2))
			other := act.Identities[1].Tags[0]
			appendTo(t, w, act)
			if e.Type == consent.EventUnlinked {
				appendTo(t, w, storetest.About(1, consent.Event{Type: consent.EventRestricted, Actor: consent.ActorPerson}))
			} else {
				act.Identities = act.Identities[:1]
			}
			w.memory.Read(other).Keep("old", 3)
			act.Event = e
			appendTo(t, w, act)
			h, err := w.memory.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if v, ok := w.memory.Get(other, h); ok {
				t.Fatalf("%q is remembered", v)
			}
		})
	}
}

func TestAnErasedPersonIsForgotten(t *testing.T) {
	w := newWorld(t, 1<<20)
	appendTo(t, w, storetest.Given(1))
	w.keep(1, "ada")
	appendTo(t, w, storetest.About(1, consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer}))
	if got := w.get(t, 1); got != "" {
		t.Fatalf("%q is remembered", got)
	}
}

func TestARecordThatChangesWhileItIsReadIsNotKept(t *testing.T) {
	w := newWorld(t, 1<<20)
	before, dropped := w.memory.Read(storetest.Tag(1)), w.memory.Read(storetest.Tag(1))
	appendTo(t, w, storetest.Given(1))
	after := w.memory.Read(storetest.Tag(1))
	dropped.Drop()
	before.Keep("old", 3)
	if got := w.get(t, 1); got != "" {
		t.Fatalf("%q is kept, which was read before the change", got)
	}
	after.Keep("new", 3)
	if got := w.get(t, 1); got != "new" {
		t.Fatalf("%q is kept", got)
	}
}

// TestWhatAnotherProcessAppendedIsNoticed although nobody tells this one of it.
func TestWhatAnotherProcessAppendedIsNoticed(t *testing.T) {
	w := newWorld(t, 1<<20)
	w.keep(1, "nobody")
	other := open(t, w.dir)
	appendTo(t, other, storetest.Given(1))
	if got := w.get(t, 1); got != "" {
		t.Fatalf("%q is remembered", got)
	}
	// One's own next append comes after a gap.
	w.keep(1, "old")
	appendTo(t, w, storetest.Given(2))
	if got := w.get(t, 1); got != "" {
		t.Fatalf("%q is remembered from before a gap", got)
	}
}

func TestAnotherLogIsNotRemembered(t *testing.T) {
	w := newWorld(t, 1<<20)
	w.keep(1, "nobody")
	h, err := w.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Adopt(t.Context(), h.Epoch); err != nil {
		t.Fatal(err)
	}
	if got := w.get(t, 1); got != "" {
		t.Fatalf("%q is remembered of another log", got)
	}
}

// restored is a store whose log went back.
type restored struct {
	store.Store
	head store.Head
}

func (r *restored) Head(context.Context) (store.Head, error) { return r.head, nil }

// TestALogThatWentBackIsNotRemembered, not when it has grown past what was seen either.
func TestALogThatWentBackIsNotRemembered(t *testing.T) {
	r := &restored{head: store.Head{Epoch: "e", Position: 10}}
	m, err := recall.New[string](t.Context(), r, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	m.Read(storetest.Tag(1)).Keep("lost", 4)
	for _, at := range []consent.Position{9, 10, 11} {
		r.head.Position = at
		h, err := m.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := m.Get(storetest.Tag(1), h); ok {
			t.Fatalf("%q is remembered at %d", v, at)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	const limit = 1 << 16
	w := newWorld(t, limit)
	last := 0
	for n := range 10_000 {
		w.keep(n, "0123456789012345678901234567890123456789")
		if w.get(t, n) != "" {
			last = n
		}
	}
	kept := 0
	for n := range 10_000 {
		if w.get(t, n) != "" {
			kept++
		}
	}
	if most := limit / 200; kept > most || kept < most/2 || last != 9999 {
		t.Fatalf("%d are kept of which %d have room, the last %d", kept, most, last)
	}
	w.keep(1, string(make([]byte, limit)))
	if w.get(t, 1) == string(make([]byte, limit)) {
		t.Fatal("one that fills the whole memory is kept")
	}
}
