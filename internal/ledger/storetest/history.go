package storetest

import (
	"slices"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// history: all that names a person under whatever identifier, in pages, the newest first; not what is about somebody who shares a browser
// with them, and not what was erased.
func history(t *testing.T, open Factory) {
	s := open(t)
	h, ok := s.(store.Histories)
	if !ok {
		t.Fatal("the store tells no histories")
	}
	customer := store.Identity{Tags: []consent.Tag{Tag(100)}, Type: consent.IdentifierCustomer, Plain: true}
	browser := store.Identity{Tags: []consent.Tag{Tag(200)}, Type: consent.IdentifierDevice, Plain: true}
	given := Given(1)
	must(t, s, given)                                                                    // 1
	must(t, s, Given(2))                                                                 // 2: somebody else
	given.Identities = append(given.Identities, customer)                                // 3: the same person by another identifier
	must(t, s, given)                                                                    //
	must(t, s, store.Append{Identities: []store.Identity{customer}, Event: given.Event}) // 4
	for _, n := range []int{1, 2} {                                                      // 5, 6: both use one browser
		a := Given(n)
		a.Identities = append(a.Identities, browser)
		must(t, s, a)
	}
	read := func(tag int, before consent.Position, limit int) []consent.Position {
		t.Helper()
		all, err := h.History(timeout(t), []consent.Tag{Tag(tag)}, before, limit)
		if err != nil {
			t.Fatal(err)
		}
		var out []consent.Position
		for _, l := range all {
			e, err := store.DecodeEntry(l.Entry)
			if err != nil || e.Event.Position != l.Position {
				t.Errorf("entry %d says %d: %v", l.Position, e.Event.Position, err)
			}
			out = append(out, l.Position)
		}
		return out
	}
	for name, c := range map[string]struct {
		tag    int
		before consent.Position
		limit  int
		want   []consent.Position
	}{
		"everything":                {1, 0, 100, []consent.Position{5, 4, 3, 1}},
		"by the other identifier":   {100, 0, 100, []consent.Position{5, 4, 3, 1}},
		"a page":                    {1, 0, 2, []consent.Position{5, 4}},
		"the next page":             {1, 4, 2, []consent.Position{3, 1}},
		"who shares a browser":      {2, 0, 100, []consent.Position{6, 2}},
		"somebody who is not known": {3, 0, 100, nil},
	} {
		if got := read(c.tag, c.before, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
	must(t, s, About(1, consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer}))
	if got := read(1, 0, 100); slices.Contains(got, 1) {
		t.Errorf("what was erased is in the history: %v", got)
	}
	if got := read(2, 0, 100); !slices.Contains(got, 2) {
		t.Errorf("somebody else lost their history: %v", got)
	}
}
