package storetest

import (
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/store"
)

var twoKeys = sync.OnceValues(func() (keys.All, error) {
	next := keys.NewRoot()
	return keys.Derive(keys.NewRoot(), &next, "shop-gmbh", nil)
})

// Keys are those of a ledger whose second root key is to be introduced; a store of the suite completes tags with them.
func Keys(t testing.TB) keys.All {
	t.Helper()
	all, err := twoKeys()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// under gives an identifier as it is known under a scheme.
func under(t *testing.T, value string, form consent.Form, now store.Scheme) store.Identity {
	t.Helper()
	id, err := Keys(t).Stream.Identity(consent.Identifier{Type: consent.IdentifierEmail, Form: form, Value: value})
	if err == nil {
		err = Keys(t).Stream.Complete(&id, now)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func introduced(t *testing.T, s store.Store) *store.RootKey {
	t.Helper()
	key, err := Keys(t).Lineage.Key(2, "shop-gmbh")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Rotate(timeout(t), store.First, store.First.Next(), key); err != nil {
		t.Fatal(err)
	}
	return key
}

// rekeyed: from the moment at which a key is introduced, whatever is appended has tags under it, although whoever appends does not know yet.
func rekeyed(t *testing.T, open Factory) {
	s := open(t)
	given := Given(1).Event
	must(t, s, store.Append{Identities: []store.Identity{under(t, "before@example.org", "", store.First)}, Event: given})
	second, both, only := store.First.Next(), store.First.Next().Next(), store.First.Next().Next().Next()
	for _, wrong := range [][2]store.Scheme{{store.First, both}, {second, both}, {store.First, only}, {store.First, store.First}} {
		if err := s.Rotate(timeout(t), wrong[0], wrong[1], nil); !errors.Is(err, store.ErrScheme) {
			t.Fatalf("from %v to %v: %v", wrong[0], wrong[1], err)
		}
	}
	key := introduced(t, s)
	if err := s.Rotate(timeout(t), store.First, second, key); !errors.Is(err, store.ErrScheme) {
		t.Fatalf("introduced twice: %v", err)
	}
	if kept, err := s.RootKeys(timeout(t)); err != nil || len(kept) != 1 || !reflect.DeepEqual(kept[0], *key) {
		t.Fatalf("%+v is kept, %v", kept, err)
	}
	late := under(t, "late@example.org", "", store.First)
	at := must(t, s, store.Append{Identities: []store.Identity{late}, Event: given}).Position
	if len(late.Tags) != 3 {
		t.Fatal("what the caller holds was changed")
	}
	for _, tag := range under(t, "late@example.org", "", both).Tags {
		if r, err := s.Lookup(timeout(t), tag); err != nil || r.Position != at {
			t.Fatalf("a tag leads to position %d, %v", r.Position, err)
		}
	}
	if r, err := s.Lookup(timeout(t), under(t, "before@example.org", "", only).Tags[0]); err != nil || r.Position != 0 {
		t.Fatalf("somebody has a tag that nobody gave them: %d, %v", r.Position, err)
	}
	if err := errors.Join(s.Rotate(timeout(t), second, both, nil), s.Rotate(timeout(t), both, only, nil), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t)
	defer s.Close()
	h, err := s.Head(timeout(t))
	if err != nil || h.Scheme != only || h.Rekeyed.IsZero() {
		t.Fatalf("%+v, %v", h, err)
	}
	must(t, s, store.Append{Identities: []store.Identity{under(t, "after@example.org", "", store.First)}, Event: given})
	// Somebody who is known under the new key alone is found by who still names them under the old one.
	must(t, s, store.Append{Identities: []store.Identity{under(t, "known@example.org", "", only)}, Event: given})
	taken := consent.Event{Type: consent.EventWithdrawn, Purpose: given.Purpose, Actor: consent.ActorPerson}
	must(t, s, store.Append{Identities: []store.Identity{under(t, "known@example.org", "", store.First)}, Event: taken})
	r, err := s.Lookup(timeout(t), under(t, "known@example.org", "", only).Tags[0])
	if err != nil || len(r.Grants) != 1 || r.Grants[0].Status != consent.StatusWithdrawn {
		t.Fatalf("taken back under the old key: %+v, %v", r, err)
	}
	page, err := s.Entries(timeout(t), 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		tags  int
		twice bool
	}{{3, false}, {6, true}, {3, false}} {
		e, err := store.DecodeEntry(page[i].Entry)
		if err != nil || len(e.Identities[0].Tags) != want.tags || e.Identities[0].Twice != want.twice {
			t.Errorf("entry %d names %d tags, %v, %v", i+1, len(e.Identities[0].Tags), e.Identities[0].Twice, err)
		}
	}
}

// twins: somebody who is known by a hash alone goes on to be known by it under the next key, whoever comes to be known by the address.
func twins(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	forms := consent.Derived(consent.Identifier{Type: consent.IdentifierEmail, Form: consent.FormPlain, Value: "ada@example.org"})
	must(t, s, store.Append{Identities: []store.Identity{under(t, forms[1].Value, forms[1].Form, store.First)}, Event: consent.Event{Type: consent.EventRestricted}})
	hash := forms[0]
	hashed := under(t, hash.Value, hash.Form, store.First)
	must(t, s, store.Append{Identities: []store.Identity{hashed}, Event: Given(1).Event})
	introduced(t, s)
	for _, plain := range []store.Identity{under(t, "ada@example.org", "", store.First), under(t, "ada@example.org", "", store.First.Next().Next())} {
		must(t, s, store.Append{Identities: []store.Identity{plain}, Event: consent.Event{Type: consent.EventObjected, Scope: consent.ScopeAll}})
	}
	all := map[consent.Tag]int64{}
	if _, err := s.Snapshot(timeout(t), func(p store.Person) error {
		for _, tag := range p.Tags {
			all[tag] = int64(len(p.Record.Grants))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	first, second := under(t, hash.Value, consent.FormSHA256, store.First).Tags[0], under(t, hash.Value, consent.FormSHA256, store.First.Next().Next().Next()).Tags[0]
	if all[first] != 1 || all[second] != 1 {
		t.Fatalf("the hash leads to %d grants, under the next key to %d", all[first], all[second])
	}
}
