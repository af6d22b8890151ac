package facts

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/testkit"
)

// TestReadersSeeNoThirdState: while people change, come and go, and shards grow and shrink, whoever reads finds for each person one of
// that person's own two states.
func TestReadersSeeNoThirdState(t *testing.T) {
	const people, crowd = 64, 4000
	table := New()
	var done atomic.Bool
	var reads atomic.Int64
	tags := make([]consent.Tag, people)
	for i := range tags {
		tags[i] = tag(i)
		copy(tags[i][8:10], []byte{7, 0}) // one shard
	}
	apply := func(c Change) {
		if err := table.Apply(c); err != nil {
			t.Error(err)
		}
	}
	// The last person never changes, and has to be there whatever else happens.
	apply(Change{Tags: tags[people-1:], Facts: one(people)})
	var readers sync.WaitGroup
	for reader := range 3 {
		readers.Go(func() {
			out := make([]State, people)
			for n := 0; !done.Load(); n++ {
				table.LookupBatch(tags, out)
				for i := range tags {
					s := out[i]
					if reader == 0 {
						s = table.Lookup(tags[i])
					}
					c, ok := table.Facts(s)
					f, known := c.Fact("newsletter")
					switch {
					case !ok && i == people-1, ok && i == people-1 && f.AgeYears != people:
						t.Error("the person who never changes is gone")
						return
					case ok && known && f.AgeYears != i+1 && f.AgeYears != i+1001:
						t.Errorf("person %d has the facts of %d", i+1, f.AgeYears)
						return
					}
				}
				reads.Add(people)
			}
		})
	}
	rounds := 400
	if testkit.Race {
		rounds = 120
	}
	for round := range rounds {
		for i := range people - 1 {
			switch (round + i) % 4 {
			case 0:
				apply(Change{Tags: tags[i : i+1], Facts: one(i + 1)})
			case 1:
				apply(Change{Tags: tags[i : i+1], Facts: one(i + 1001)})
			default:
				apply(Change{Tags: tags[i : i+1]})
			}
		}
		if round%40 == 0 { // the shard grows and shrinks
			for n := range crowd {
				one := tag(1_000_000 + n)
				copy(one[8:10], []byte{7, 0})
				c := Change{Tags: []consent.Tag{one}, Facts: map[consent.PurposeID]consent.Fact{"crowd": {Restricted: true}}}
				if round%80 != 0 {
					c.Facts = nil
				}
				apply(c)
			}
		}
	}
	done.Store(true)
	readers.Wait()
	if reads.Load() < 10_000 {
		t.Fatalf("only %d reads", reads.Load())
	}
}

// TestSlotsAreUsedAgainUnderReaders: in a shard of few lines that is almost full, slots pass from one tag to another and tags move from line
// to line at full speed. Those who stay are found every time, those who come and go have their own state or none.
func TestSlotsAreUsedAgainUnderReaders(t *testing.T) {
	const lines, stay, guests, inside = 4, 9, 16, 9
	s, table := &shard{lines: make([]line, lines)}, New()
	for i := range table.shards {
		table.shards[i].Store(s)
	}
	tags, places := make([]consent.Tag, stay+guests), make([]place, stay+guests)
	for i := range places {
		tags[i] = tag(i)
		places[i] = placeOf(&tags[i])
	}
	state := func(i int) uint32 { return uint32(1000 + i) }
	add := func(i int) bool {
		at, ok := s.room(places[i].key)
		if ok {
			s.put(places[i], at, state(i))
		}
		return ok
	}
	for i := range stay {
		if !add(i) {
			t.Fatal("no room")
		}
	}
	var done atomic.Bool
	var readers sync.WaitGroup
	for n := range 2 {
		readers.Go(func() {
			for i := n; !done.Load(); i = (i + 1) % len(places) {
				look := lookup
				if n == 1 {
					look = lookupWords
				}
				got := look(table, &tags[i]).id()
				if got != state(i) && (i < stay || got != 0) {
					t.Errorf("tag %d has state %d", i, got)
					return
				}
			}
		})
	}
	changes := 3_000_000
	if testkit.Race {
		changes = 100_000
	}
	r := rand.New(rand.NewPCG(8, 9))
	var here []int
	moved, before := 0, s.version.Load()
	for n := 0; n < changes && !t.Failed(); n++ {
		i := stay + r.IntN(guests)
		if at := s.spot(places[i]); at.line != nil {
			at.line.states[at.slot].Store(0)
			here = slices.DeleteFunc(here, func(x int) bool { return x == i })
		} else if len(here) < inside && add(i) {
			here = append(here, i)
			moved += int(s.version.Load()-before) / 3
		}
		before = s.version.Load()
	}
	done.Store(true)
	readers.Wait()
	if moved < changes/200 {
		t.Fatalf("only %d moves", moved)
	}
}
