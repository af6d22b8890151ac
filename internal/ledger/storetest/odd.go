package storetest

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// far is a position that no database can write.
const far = consent.Position(math.MaxUint64)

// manyAtOnce: one call may hold more events than a commit is meant to take.
func manyAtOnce(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	const n = 5000
	events := make([]store.Append, n)
	for i := range events {
		events[i] = Given(i % 1000)
	}
	results, errs, err := s.Append(timeout(t), events...)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Position != consent.Position(i+1) || r.Size != n {
			t.Fatalf("event %d is at %d of %d", i, r.Position, r.Size)
		}
	}
	prove(t, s, results[n/2])
	Sound(t, s)
}

// beyond: numbers that nobody can have seen are refused, or lead to nothing; they fail no other event, and no page.
func beyond(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	must(t, s, Given(1))
	ahead, corrects := Given(1), consent.Event{Type: consent.EventCorrected, Actor: consent.ActorOfficer, By: "a", ApprovedBy: "b", Corrects: far}
	ahead.Event.BasedOn = far
	for _, a := range []store.Append{ahead, About(1, corrects), About(1, consent.Event{Type: consent.EventRenewed, Grant: far})} {
		if err := refusal(t, s, a); !errors.Is(err, consent.ErrInvalid) {
			t.Errorf("%s: %v", a.Event.Type, err)
		}
	}
	must(t, s, About(1, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter", Grant: far}))
	if l, err := s.Entries(timeout(t), far, 10); err != nil || len(l) != 0 {
		t.Errorf("%d entries beyond the end, %v", len(l), err)
	}
	if l, err := s.(store.Histories).History(timeout(t), []consent.Tag{Tag(1)}, far, 10); err != nil || len(l) != 2 {
		t.Errorf("a history of %d entries, %v", len(l), err)
	}
	if _, err := s.RootAt(timeout(t), far); err == nil {
		t.Error("a root beyond the end")
	}
	Consistent(t, s)
}

// namedOddly: who is named twice is one, and who is nobody is refused.
func namedOddly(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	for _, a := range []store.Append{{Event: Given(1).Event}, {Identities: []store.Identity{Email(1), {Type: consent.IdentifierEmail}}, Event: Given(1).Event}} {
		if _, _, err := s.Append(timeout(t), a); !errors.Is(err, consent.ErrInvalid) {
			t.Errorf("%d identities: %v", len(a.Identities), err)
		}
	}
	with := func(n ...int) store.Identity {
		id := store.Identity{Type: consent.IdentifierEmail, Plain: true}
		for _, n := range n {
			id.Tags = append(id.Tags, Tag(n))
		}
		return id
	}
	for name, who := range map[string][]store.Identity{
		"the same twice": {with(1, 1), with(1)}, "a tag in two identities": {with(11, 12), with(12, 13)},
	} {
		if err := refusal(t, s, act(consent.Event{Type: consent.EventLinked}, who...)); !errors.Is(err, consent.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		must(t, s, act(Given(1).Event, who...))
	}
	for _, n := range []int{1, 11, 12, 13} {
		if r := lookup(t, s, Tag(n)); len(r.Grants) != 1 {
			t.Errorf("tag %d: %+v", n, r)
		}
	}
	if people := groups(t, s); len(people) != 2 || people[1] != 1 {
		t.Errorf("people with %v identities", people)
	}
	Consistent(t, s)
}

// keysAtOnce: an idempotency key counts within one call as over two.
func keysAtOnce(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	one, other := Given(1), Given(2)
	one.Key, one.Digest = "key", [32]byte{1}
	other.Key, other.Digest = "key", [32]byte{2}
	refusedFirst := About(3, consent.Event{Type: "nonsense"})
	refusedFirst.Key = "free"
	free := Given(3)
	free.Key = "free"
	r, errs, err := s.Append(timeout(t), one, other, one, refusedFirst, free)
	if err != nil || errs[0] != nil || !errors.Is(errs[1], store.ErrIdempotency) || errs[2] != nil || errs[3] == nil || errs[4] != nil {
		t.Fatal(errs, err)
	}
	if r[2].Position != r[0].Position || r[2].Leaf != r[0].Leaf || !r[2].Replayed || r[0].Replayed || r[4].Position != 2 || r[4].Replayed {
		t.Fatalf("%+v", r)
	}
	Consistent(t, s)
}

// erasedAtOnce: an erasure takes what came before it in the same call, and nothing that came with it or after it, among so many others. A store may
// write some events while others are decided.
func erasedAtOnce(crowd int) func(*testing.T, Factory) {
	return func(t *testing.T, open Factory) {
		s := open(t)
		defer s.Close()
		before := with(Given(1), evidence("before"), mail("before", noon))
		before.Identities = append(before.Identities, Email(2))
		gone := with(About(2, consent.Event{Type: consent.EventErased}), evidence("of the erasure"))
		after := with(Given(1), evidence("after"))
		after.Event.BasedOn = consent.Position(2*crowd + 3)
		var all []store.Append
		erased := map[int]bool{0: true, crowd + 1: true}
		for _, one := range []store.Append{with(Given(1), evidence("first")), before, gone, after, with(Given(9), evidence("another"))} {
			all = append(all, one)
			for range crowd {
				other := Given(100 + len(all))
				other.Key, other.Digest = fmt.Sprint("key ", len(all)), [32]byte{byte(len(all))}
				all = append(all, other)
			}
		}
		_, errs, err := s.Append(timeout(t), all...)
		if err := errors.Join(append(errs, err)...); err != nil {
			t.Fatal(err)
		}
		wantBodies(t, attachments(t, s, 1), "evidence after")
		wantBodies(t, attachments(t, s, 2), "evidence of the erasure")
		wantBodies(t, attachments(t, s, 9), "evidence another")
		if all := due(t, s, noon, 10); len(all) != 0 {
			t.Errorf("%d messages to somebody who was erased", len(all))
		}
		l, err := s.Entries(timeout(t), 1, len(all)+1)
		if err != nil || len(l) != len(all) {
			t.Fatalf("%d entries, %v", len(l), err)
		}
		for i := range l {
			if there := l[i].Entry != nil; there == erased[i] || there != (l[i].Salt != nil) {
				t.Errorf("the entry at %d is there: %v", i+1, there)
			}
		}
		if r := lookup(t, s, Tag(1)); len(r.Grants) != 1 || r.Grants[0].Position != consent.Position(3*crowd+4) {
			t.Errorf("%+v", r)
		}
		for i := range all {
			if all[i].Key == "" {
				continue
			}
			if r := must(t, s, all[i]); r.Position != consent.Position(i+1) || !r.Replayed || r.Leaf != l[i].Leaf {
				t.Fatalf("the key of position %d leads to %d", i+1, r.Position)
			}
		}
		Sound(t, s)
	}
}
