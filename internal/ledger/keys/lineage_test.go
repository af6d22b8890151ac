package keys

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// chain is a lineage of three keys, with what a database keeps about the later two.
func chain(t *testing.T) ([]Root, Lineage, []store.RootKey) {
	t.Helper()
	roots := []Root{NewRoot(), NewRoot(), NewRoot()}
	var kept []store.RootKey
	l := Single(roots[0])
	for n, next := range roots[1:] {
		var err error
		if l, err = Roots(roots[n], &next, "a", kept); err != nil {
			t.Fatal(err)
		}
		key, err := l.Key(n+2, "a")
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, *key)
	}
	return roots, l, kept
}

// TestTheNewestKeyIsEnough, and nothing else is.
func TestTheNewestKeyIsEnough(t *testing.T) {
	roots, want, kept := chain(t)
	for name, c := range map[string]struct {
		root Root
		next *Root
		kept []store.RootKey
		len  int // 0 for refused
	}{
		"the newest":                      {roots[2], nil, kept, 3},
		"the one before, and the newest":  {roots[1], &roots[2], kept, 3},
		"the first, and the newest":       {roots[0], &roots[2], kept, 3},
		"the one before":                  {roots[1], nil, kept, 0},
		"another":                         {NewRoot(), nil, kept, 0},
		"a ledger that never changed":     {roots[0], nil, nil, 1},
		"one that is about to change":     {roots[0], &roots[1], nil, 2},
		"one that is to change again":     {roots[1], &roots[2], kept[:1], 3},
		"what is kept of another":         {roots[2], nil, []store.RootKey{{Number: 3, ID: kept[1].ID, Sealed: kept[0].Sealed}}, 0},
		"what is kept, at another number": {roots[2], nil, []store.RootKey{{Number: 2, ID: kept[1].ID, Sealed: kept[1].Sealed}}, 0},
	} {
		l, err := Roots(c.root, c.next, "a", c.kept)
		if c.len == 0 {
			if !errors.Is(err, store.ErrKey) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || l.Len() != c.len || !slices.Equal(l.roots, want.roots[:c.len]) {
			t.Errorf("%s: %d keys, %v", name, l.Len(), err)
		}
	}
	if _, err := Roots(roots[2], nil, "b", kept); !errors.Is(err, store.ErrKey) {
		t.Errorf("another controller: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v", want, want, want); !strings.Contains(text, "redacted") || strings.Contains(text, fmt.Sprint(roots[0].key[:4])[1:9]) {
		t.Error(text)
	}
}

// TestTagsOfAllKeysFollowFromThoseOfTheFirst, by whichever way they are made, and subscribers make the same.
func TestTagsOfAllKeysFollowFromThoseOfTheFirst(t *testing.T) {
	_, l, _ := chain(t)
	s, err := l.Stream("a")
	if err != nil {
		t.Fatal(err)
	}
	ada := consent.Identifier{Type: consent.IdentifierEmail, Value: "ada@example.org"}
	every, err := s.Every(ada)
	if err != nil || len(every) != 9 {
		t.Fatalf("%d tags, %v", len(every), err)
	}
	under := func(n int) []consent.Tag { return every[3*(n-1) : 3*n] }
	for at := store.First; at.Newest() <= 3; at = at.Next() {
		if _, err := s.Follow(at); err != nil {
			t.Fatal(err)
		}
		id, err := s.Identity(ada)
		want := slices.Clone(under(at.Current))
		if at.Current != at.Other {
			want = append(want, under(at.Other)...)
		}
		if err != nil || !slices.Equal(id.Tags, want) || id.Twice != (at.Current != at.Other) || !slices.Equal(id.Stable(), under(1)) || id.Scheme != at {
			t.Fatalf("%v: %d tags, %v", at, len(id.Tags), err)
		}
		if known := s.OfFirst(under(1), ada.Type); !slices.Equal(known.Tags, id.Tags) {
			t.Errorf("%v: a token leads to other tags", at)
		}
		// Who made tags a step earlier, or a whole change, gets the same from a store that knows better.
		for before := store.First; before != at; before = before.Next() {
			late, _ := s.first(ada)
			old := store.Identity{Tags: late, First: late, Scheme: store.First}
			if err := errors.Join(s.Complete(&old, before), s.Complete(&old, at)); err != nil || !slices.Equal(old.Tags, id.Tags) {
				t.Errorf("from %v to %v: %v", before, at, err)
			}
		}
		told := s.Told()
		tagger, err := consent.NewTagger(told.Key, told.Later...)
		if err != nil {
			t.Fatal(err)
		}
		if tag, err := tagger.Tag(ada); err != nil || tag != under(at.Current)[0] || told.Number != at.Current {
			t.Errorf("%v: a subscriber has another tag, %v", at, err)
		}
		if _, err := s.Follow(store.First); err != nil || s.Scheme() != at {
			t.Errorf("it goes back to an earlier scheme: %v", err)
		}
	}
	if _, err := s.Follow(store.Scheme{Current: 3, Other: 4}); !errors.Is(err, store.ErrKey) {
		t.Errorf("a key that it does not have: %v", err)
	}
}

// TestWhoLacksATagUnderTheNextKey: nobody whose tags have their twins, whatever older tags there are besides.
func TestWhoLacksATagUnderTheNextKey(t *testing.T) {
	_, l, _ := chain(t)
	s, err := l.Stream("a")
	if err != nil {
		t.Fatal(err)
	}
	// Many, so that some tags of the first key look like those of a later one.
	for n := range 2000 {
		every, err := s.Every(consent.Identifier{Type: consent.IdentifierEmail, Value: fmt.Sprintf("p%d@example.org", n)})
		if err != nil {
			t.Fatal(err)
		}
		first, second, third := every[:3], every[3:6], every[6:]
		for _, c := range []struct {
			tags []consent.Tag
			now  store.Scheme
			old  []consent.Tag
		}{
			{first, store.Scheme{Current: 1, Other: 2}, first},
			{every[:6], store.Scheme{Current: 1, Other: 2}, nil},
			{every[:5], store.Scheme{Current: 1, Other: 2}, first[2:]},
			{every[:6], store.Scheme{Current: 2, Other: 3}, second},
			{second, store.Scheme{Current: 2, Other: 3}, second},
			{every, store.Scheme{Current: 2, Other: 3}, nil},
			{every[3:], store.Scheme{Current: 2, Other: 3}, nil},
			{append(slices.Clone(every[:6]), third[0]), store.Scheme{Current: 2, Other: 3}, second[1:]},
			{first, store.First, nil},
			{first, store.Scheme{Current: 2, Other: 1}, nil},
		} {
			if old, twins := s.Missing(c.tags, c.now); !slices.Equal(old, c.old) || len(twins) != len(old) {
				t.Fatalf("person %d, %d tags, %v: %d lack one, want %d", n, len(c.tags), c.now, len(old), len(c.old))
			}
		}
	}
}
