package storetest

import (
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// entries reads the whole log, page by page.
func entries(t *testing.T, s store.Store) []store.Logged {
	t.Helper()
	var all []store.Logged
	for {
		page, err := s.Entries(timeout(t), consent.Position(len(all)+1), 100)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, page...); len(page) < 100 {
			return all
		}
	}
}

// Sound checks a whole log: no position is missing, every leaf is that of its entry, and the root over all of them is that of the head.
func Sound(t *testing.T, s store.Store) []store.Logged {
	t.Helper()
	h, err := s.Head(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	all := entries(t, s)
	var f proof.Frontier
	for i, l := range all {
		if l.Position != consent.Position(i+1) {
			t.Fatalf("position %d stands at place %d", l.Position, i+1)
		}
		if l.Entry != nil && proof.Leaf(proof.Salt(l.Salt), l.Entry) != l.Leaf {
			t.Fatalf("the leaf at position %d is another entry's", l.Position)
		}
		if (l.Entry == nil) != (l.Salt == nil) {
			t.Fatalf("position %d is half erased", l.Position)
		}
		f, _ = f.Append(l.Leaf)
	}
	if consent.Position(len(all)) != h.Position || f.Root() != h.Root {
		t.Fatalf("%d entries with root %s, the head says %d with root %s", len(all), proof.Format(f.Root()), h.Position, proof.Format(h.Root))
	}
	return all
}

// Consistent checks that what a store knows of everybody is what its log comes to, entry by entry: nothing is half applied. Nothing may
// have been erased.
func Consistent(t *testing.T, s store.Store) {
	t.Helper()
	m, c := NewMemory(), &clock{}
	j := journal.New(m, c.now)
	defer j.Close()
	for _, l := range Sound(t, s) {
		e, err := store.DecodeEntry(l.Entry)
		if err != nil {
			t.Fatal(err)
		}
		a := store.Append{Event: e.Event}
		for _, id := range e.Identities {
			one := store.Identity{Type: id.Type, Plain: id.Plain}
			for _, tag := range id.Tags {
				one.Tags = append(one.Tags, consent.Tag(tag))
			}
			a.Identities = append(a.Identities, one)
		}
		c.at = e.Event.At
		r, errs, err := j.Append(timeout(t), a)
		if err := errors.Join(append(errs, err)...); err != nil || r[0].Position != l.Position {
			t.Fatalf("position %d is not admitted again: %v", l.Position, err)
		}
	}
	for _, tag := range m.Tags() {
		if want, got := text(t, m.Record(tag)), text(t, lookup(t, s, tag)); want != got {
			t.Fatalf("a record is\n%s, its events come to\n%s", got, want)
		}
	}
}

func text(t *testing.T, r *consent.Record) string {
	t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// provable: what is acknowledged is proven by what came with the acknowledgement, at once and after the log has grown.
func provable(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	var mu sync.Mutex
	var results []store.Result
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 6 {
				batch := make([]store.Append, 1+i*5)
				for n := range batch {
					batch[n] = Given(w*1000 + i*100 + n)
				}
				r, errs, err := s.Append(timeout(t), batch...)
				if err := errors.Join(append(errs, err)...); err != nil {
					t.Error(err)
					return
				}
				prove(t, s, r[len(r)-1])
				mu.Lock()
				results = append(results, r...)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(results) < 600 {
		t.Fatalf("only %d results: a level of the tree is not reached", len(results))
	}
	slices.SortFunc(results, func(a, b store.Result) int { return int(int64(a.Size) - int64(b.Size)) })
	last := results[len(results)-1]
	for i := 0; i < len(results); i += 7 {
		r := results[i]
		prove(t, s, r)
		path, err := s.Inclusion(timeout(t), r.Position, last.Size)
		if err := errors.Join(err, proof.VerifyInclusion(r.Position, last.Size, r.Leaf, path, last.Root)); err != nil {
			t.Fatal(err)
		}
		path, err = s.Consistency(timeout(t), r.Size, last.Size)
		if err := errors.Join(err, proof.VerifyConsistency(r.Size, last.Size, path, r.Root, last.Root)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Inclusion(timeout(t), 1, last.Size+1); !errors.Is(err, proof.ErrRange) {
		t.Fatalf("a proof in a log that is not there yet: %v", err)
	}
	Consistent(t, s)
}

// prove checks that a result proves its event.
func prove(t *testing.T, s store.Store, r store.Result) {
	t.Helper()
	path, err := s.Inclusion(timeout(t), r.Position, r.Size)
	if err := errors.Join(err, proof.VerifyInclusion(r.Position, r.Size, r.Leaf, path, r.Root)); err != nil {
		t.Errorf("position %d of %d: %v", r.Position, r.Size, err)
	}
	if root, err := s.RootAt(timeout(t), r.Size); err != nil || root != r.Root {
		t.Errorf("root at %d: %v", r.Size, err)
	}
}

// erased: the entries and salts of a person are gone, those of others and all leaves stay, and so do all proofs.
func erased(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	var results []store.Result
	for n := range 5 {
		results = append(results, must(t, s, Given(n)), must(t, s, About(n, consent.Event{Type: consent.EventAsked, Purpose: "newsletter"})))
	}
	both := store.Append{Identities: []store.Identity{Email(1), Email(50)}, Event: consent.Event{Type: consent.EventLinked}}
	results = append(results, must(t, s, both))
	before := Sound(t, s)
	end := must(t, s, About(50, consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer}))
	after := Sound(t, s)
	gone := []consent.Position{3, 4, 11} // of the address that 50 is linked with, and the link
	for i, l := range after {
		if want := slices.Contains(gone, l.Position); (l.Entry == nil) != want {
			t.Errorf("position %d: entry there %t, want erased %t", l.Position, l.Entry != nil, want)
		}
		if i < len(before) && l.Leaf != before[i].Leaf {
			t.Errorf("the leaf at position %d changed", l.Position)
		}
	}
	for _, r := range append(results, end) {
		prove(t, s, r)
	}
	for _, n := range []int{1, 50} {
		if r := lookup(t, s, Tag(n)); r.Suppressed != end.Position {
			t.Errorf("address %d is not suppressed: %+v", n, r)
		}
	}
	if r := lookup(t, s, Tag(2)); r.Suppressed != 0 {
		t.Errorf("somebody else is suppressed: %+v", r)
	}
	returning := Given(1)
	returning.Event.BasedOn = end.Position
	must(t, s, returning)
	if r := lookup(t, s, Tag(1)); r.Suppressed != 0 || r.Grants[len(r.Grants)-1].Status != consent.StatusGiven {
		t.Errorf("who came back is not there: %+v", r)
	}
	if l := entries(t, s)[end.Position]; l.Entry == nil {
		t.Error("what happened after the return is erased, too")
	}
}
