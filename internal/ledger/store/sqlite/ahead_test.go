package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/internal/ledger/storetest"
)

// TestWhatIsReadAheadIsNoOlderThanWhatWasDecided: parts of one batch are about the same few people, who are linked, separated, known by more tags, and
// named by the same idempotency keys, while some of that is loaded and some is written. What the database says in the end is what its log says.
func TestWhatIsReadAheadIsNoOlderThanWhatWasDecided(t *testing.T) {
	dir := t.TempDir()
	open := func() *sqlite.Store {
		s, err := sqlite.Open(t.Context(), dir, "key", bytes.Repeat([]byte{7}, 32), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	const writers, each, known = 100, 12, 24
	var mu sync.Mutex
	first := map[string]store.Result{}
	largest := 0
	s.Watch(func(all []store.Change) { largest = max(largest, len(all)) })
	for again := range 2 { // those who are known by now are loaded the second time
		var wg sync.WaitGroup
		for w := range writers {
			r := rand.New(rand.NewPCG(uint64(w), uint64(again)))
			wg.Go(func() {
				for range each {
					a, key := some(r, known), fmt.Sprint("key ", r.IntN(writers*each/3))
					a.Key = key
					got, errs, err := s.Append(t.Context(), a)
					if err != nil || (errs[0] != nil && !errors.Is(errs[0], consent.ErrConflict) && !errors.Is(errs[0], consent.ErrInvalid)) {
						t.Errorf("%+v: %v, %v", a, errs, err)
						return
					}
					if errs[0] != nil {
						continue
					}
					mu.Lock()
					before, used := first[key]
					if used && (got[0].Position != before.Position || got[0].Leaf != before.Leaf) {
						t.Errorf("%s was used at %d, and gives %d", key, before.Position, got[0].Position)
					}
					first[key] = got[0]
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if r := verify(t, filepath.Join(dir, sqlite.FileName)); !r.Sound() || r.Size != consent.Position(len(first)) {
			t.Fatalf("%d keys, and %+v", len(first), r)
		}
		s = open()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("the largest batch had %d events", largest) // with more than about 32 it had several parts
}

// some event about one or two of a few people, with one of several tags of each.
func some(r *rand.Rand, known int) store.Append {
	a := storetest.Given(0)
	a.Identities = nil
	for range 1 + r.IntN(8)/7 {
		n := r.IntN(known)
		id := store.Identity{Type: consent.IdentifierEmail, Plain: true, Tags: []consent.Tag{storetest.Tag(10 * n)}}
		for range r.IntN(3) {
			id.Tags = append(id.Tags, storetest.Tag(10*n+1+r.IntN(9)))
		}
		a.Identities = append(a.Identities, id)
	}
	switch r.IntN(6) {
	case 0:
		a.Event = consent.Event{Type: consent.EventWithdrawn, Purpose: a.Event.Purpose, Actor: consent.ActorTouchpoint}
	case 1:
		a.Event = consent.Event{Type: consent.EventUnlinked, Actor: consent.ActorOfficer}
	}
	return a
}
