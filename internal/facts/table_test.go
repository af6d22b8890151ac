package facts

import (
	"sync"
	"testing"

	"github.com/optup/optup/internal/consent"
)

func one(p consent.Position) map[consent.PurposeID]consent.Fact {
	return map[consent.PurposeID]consent.Fact{"newsletter": {Position: p}}
}

func TestTable(t *testing.T) {
	plain, hashed := consent.Tag{1}, consent.Tag{2}
	var table Table
	if _, ok := table.Lookup(plain, "newsletter"); ok {
		t.Fatal("an empty table knows somebody")
	}
	table.Apply(Change{Tags: []consent.Tag{plain, hashed}, Facts: one(1)})
	for _, tag := range []consent.Tag{plain, hashed} {
		if f, ok := table.Lookup(tag, "newsletter"); !ok || f.Position != 1 {
			t.Fatalf("fact %+v, %v", f, ok)
		}
	}
	if _, ok := table.Lookup(plain, "profiling"); ok {
		t.Fatal("a fact about one purpose answered for another")
	}
	table.Apply(Change{Tags: []consent.Tag{plain, hashed}})
	if table.Len() != 0 {
		t.Fatal("no facts do not remove the person")
	}
}

func TestReplaceIsAtomic(t *testing.T) {
	var table Table
	fill := func(p consent.Position) {
		s := NewSnapshot()
		s.Add(Change{Tags: []consent.Tag{{1}}, Facts: one(p)}, Change{Tags: []consent.Tag{{2}}, Facts: one(p)})
		table.Replace(s)
	}
	fill(1)
	var wg sync.WaitGroup
	wg.Go(func() {
		for p := range consent.Position(200) {
			fill(p + 2)
		}
	})
	for range 200 {
		a, okA := table.Lookup(consent.Tag{1}, "newsletter")
		b, okB := table.Lookup(consent.Tag{2}, "newsletter")
		if !okA || !okB || b.Position < a.Position {
			t.Fatal("a reader saw a half replaced table")
		}
	}
	wg.Wait()
}
