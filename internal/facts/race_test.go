package facts

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/optup/optup/internal/consent"
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
	if withRace {
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
