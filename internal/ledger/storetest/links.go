package storetest

import (
	"slices"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

func identity(kind consent.IdentifierType, n int) store.Identity {
	return store.Identity{Tags: []consent.Tag{Tag(n)}, Type: kind, Plain: true}
}

func act(e consent.Event, who ...store.Identity) store.Append {
	return store.Append{Identities: who, Event: e}
}

// linked: restrictions reach whoever is linked, in records, changes and snapshots alike, and after opening again; they end with the link.
func linked(t *testing.T, open Factory) {
	s := open(t)
	var last store.Change
	watch := func(c []store.Change) { last = c[len(c)-1] }
	s.Watch(watch)
	mail, customer, phone := Email(1), identity(consent.IdentifierCustomer, 2), identity(consent.IdentifierPhone, 3)
	tablet, other := identity(consent.IdentifierDevice, 4), identity(consent.IdentifierCustomer, 5)
	changed := func(want ...int) {
		t.Helper()
		var got []int
		for n := 1; n <= 5; n++ {
			if slices.ContainsFunc(last.People, func(p store.Person) bool { return slices.Contains(p.Tags, Tag(n)) }) {
				got = append(got, n)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("the change at %d is about %v, want %v", last.Event.Position, got, want)
		}
	}
	given := Given(1).Event
	must(t, s, act(given, mail, customer)) // 1
	changed(1, 2)
	must(t, s, act(consent.Event{Type: consent.EventLinked}, customer, phone)) // 2
	changed(2, 3)
	must(t, s, act(consent.Event{Type: consent.EventLinked}, mail, tablet)) // 3
	changed(1, 4)
	must(t, s, act(given, other)) // 4
	changed(5)
	must(t, s, act(consent.Event{Type: consent.EventLinked}, other, tablet)) // 5
	changed(4, 5)
	must(t, s, act(consent.Event{Type: consent.EventObjected, Scope: consent.ScopeAll}, phone)) // 6
	changed(1, 2, 3, 4)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t)
	defer s.Close()
	s.Watch(watch)
	objections := func(want ...int) {
		t.Helper()
		for n := 1; n <= 5; n++ {
			if r := lookup(t, s, Tag(n)); (len(r.Objections) > 0) != slices.Contains(want, n) {
				t.Errorf("identity %d has objections %+v", n, r.Objections)
			}
		}
	}
	objections(1, 2, 3, 4)
	if !lookup(t, s, Tag(4)).Ambiguous || lookup(t, s, Tag(1)).Ambiguous {
		t.Error("the tablet of two customers is not ambiguous, or the address is")
	}
	if people := groups(t, s); !slices.Equal(people, []int{1, 1, 3}) {
		t.Errorf("people with %v identities", people)
	}
	must(t, s, act(consent.Event{Type: consent.EventUnlinked, Actor: consent.ActorOfficer}, phone, customer)) // 7
	changed(1, 2, 3, 4)
	objections(3)
	must(t, s, act(consent.Event{Type: consent.EventUnlinked, Actor: consent.ActorOfficer}, tablet)) // 8
	if lookup(t, s, Tag(4)).Ambiguous {
		t.Error("the tablet is ambiguous after it was separated")
	}
	must(t, s, act(consent.Event{Type: consent.EventLinked}, phone, customer))
	objections(1, 2, 3)
	Consistent(t, s)
}

// groups gives how many identities each person of a snapshot has, sorted, and checks that it says of everybody what Lookup says.
func groups(t *testing.T, s store.Store) []int {
	t.Helper()
	count := map[int64]int{}
	var now int64
	_, err := s.Snapshot(timeout(t), func(p store.Person) error {
		if p.Group != now && count[p.Group] > 0 {
			t.Error("the identities of one person do not follow each other")
		}
		now = p.Group
		count[p.Group]++
		for _, tag := range p.Tags {
			if text(t, p.Record) != text(t, lookup(t, s, tag)) {
				t.Errorf("a snapshot says %+v, a lookup %+v", p.Record, lookup(t, s, tag))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, n := range count {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// forms: hashes of one identifier that came to be known one by one are all meant by the plain form, which counts for both from then on.
func forms(t *testing.T, open Factory) {
	s := open(t)
	defer s.Close()
	for n := range 2 {
		hashed := store.Identity{Tags: []consent.Tag{Tag(n)}, Type: consent.IdentifierEmail}
		must(t, s, act(consent.Event{Type: consent.EventAsked, Purpose: "newsletter"}, hashed))
	}
	plain := store.Identity{Tags: []consent.Tag{Tag(9), Tag(0), Tag(1)}, Type: consent.IdentifierEmail, Plain: true}
	must(t, s, act(Given(0).Event, plain))
	must(t, s, act(consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"}, store.Identity{Tags: []consent.Tag{Tag(1)}, Plain: true}))
	for n, status := range map[int]consent.Status{0: consent.StatusGiven, 1: consent.StatusWithdrawn, 9: consent.StatusGiven} {
		r := lookup(t, s, Tag(n))
		if len(r.Grants) != 1 || r.Grants[0].Status != status || len(r.Noes)+len(r.Inherited) != 1 {
			t.Errorf("tag %d: %+v", n, r)
		}
	}
	Consistent(t, s)
}
