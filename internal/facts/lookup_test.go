package facts

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/optup/optup/internal/consent"
)

// TestLookupsAgree: both ways to look up give what a map says, where tags share keys, lines and shards, where slots were left and are used
// again, and for the key that stands for another one.
func TestLookupsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	keys := []uint64{0, 1, 2, 1 << 32, 1<<64 - 1, r.Uint64(), r.Uint64(), r.Uint64()}
	some := func() (who consent.Tag) {
		key := keys[r.IntN(len(keys))]
		if r.IntN(3) == 0 {
			key = r.Uint64()
		}
		binary.LittleEndian.PutUint64(who[:8], key)
		binary.LittleEndian.PutUint64(who[8:], uint64(r.IntN(4))<<(64-moreBits)|uint64(r.IntN(2)))
		return who
	}
	same := func(a consent.Tag) consent.Tag { // what counts of a tag
		p := placeOf(&a)
		binary.LittleEndian.PutUint64(a[:8], p.key)
		return a
	}
	found, missed := 0, 0
	for range 30 {
		table, model := New(), map[consent.Tag]int{}
		var tags []consent.Tag
		for range 400 {
			who := some()
			if r.IntN(3) == 0 && len(tags) > 0 {
				who = tags[r.IntN(len(tags))]
			}
			tags = append(tags, who)
			n := 1 + r.IntN(20)
			if r.IntN(2) == 0 && model[same(who)] == 0 && len(model) < 60 {
				model[same(who)] = n
				_ = table.Apply(Change{Tags: []consent.Tag{who}, Facts: one(n)})
			} else {
				delete(model, same(who))
				_ = table.Apply(Change{Tags: []consent.Tag{who}})
			}
			for _, asked := range []consent.Tag{who, tags[r.IntN(len(tags))], some()} {
				quick, words := lookup(table, &asked), lookupWords(table, &asked)
				if quick != words {
					t.Fatalf("tag %x: %x and %x", asked, quick, words)
				}
				c, ok := table.Facts(quick)
				f, known := c.Fact("newsletter")
				want := model[same(asked)]
				if !ok || known != (want > 0) || f.AgeYears != want {
					t.Fatalf("tag %x: age %d, want %d", asked, f.AgeYears, want)
				}
				if known {
					found++
				} else {
					missed++
				}
			}
		}
	}
	if found < 1000 || missed < 1000 {
		t.Errorf("%d found, %d not", found, missed)
	}
}
