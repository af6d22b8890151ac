package share

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// An index finds what a map finds, whatever is entered, replaced and taken out, and however far apart places are.
func TestAnIndexIsAMap(t *testing.T) {
	for name, x := range map[string]*index{"of tags": {of: ofTag}, "of groups": {of: ofGroup}} {
		for _, apart := range []int{1, 7, 3001} {
			t.Run(fmt.Sprint(name, ", ", apart, " apart"), func(t *testing.T) {
				x := &index{of: x.of}
				random := rand.New(rand.NewPCG(uint64(apart), 5))
				rows := make([]row, 400*apart)
				set := func(place uint32, key uint64) {
					if x.of == ofGroup {
						rows[place].group = key
					} else {
						rows[place].tag = key
					}
				}
				want := map[uint64]uint32{}
				most := 0
				for step := range 20_000 {
					key := 1 + random.Uint64N(300)
					if random.IntN(4) == 0 {
						key *= 1 << 40
					}
					place := uint32(random.IntN(len(rows)/apart) * apart)
					switch was := x.key(rows, place); {
					case random.IntN(3) == 0 || (step > 15_000 && random.IntN(2) == 0):
						x.drop(rows, key)
						delete(want, key)
					case was == key:
					default:
						if at, ok := want[was]; ok && at == place { // the key that stood there goes
							x.drop(rows, was)
							delete(want, was)
						}
						set(place, key)
						x.put(rows, place)
						want[key] = place
					}
					most = max(most, len(want))
					if x.used != len(want) {
						t.Fatalf("step %d: %d entries, want %d", step, x.used, len(want))
					}
					for _, key := range []uint64{key, key << 40, 1 + random.Uint64N(600)} {
						at, ok := x.find(rows, key)
						place, known := want[key]
						if ok != known || (ok && at != place) {
							t.Fatalf("step %d: key %d found at %d (%v), want %d (%v)", step, key, at, ok, place, known)
						}
					}
				}
				if most < 150 {
					t.Fatalf("never more than %d keys", most)
				}
				for key, place := range want {
					if at, ok := x.find(rows, key); !ok || at != place {
						t.Fatalf("key %d found at %d (%v), want %d", key, at, ok, place)
					}
				}
			})
		}
	}
}

// Entries tell most rows apart that are not the one, so that a row is read for a key that is there, and else hardly ever.
func TestAnIndexReadsFewRowsInVain(t *testing.T) {
	const n = 3000
	random := rand.New(rand.NewPCG(1, 2))
	rows, x := make([]row, n), &index{}
	for i := range rows {
		rows[i].tag = random.Uint64()
		x.put(rows, uint32(i))
	}
	if size := len(x.at); size&(size-1) != 0 || 4*n > 3*size || x.low != 1<<bits.Len(uint(size-1))-1 {
		t.Fatalf("%d entries in %d, %b", n, size, x.low)
	}
	vain := 0
	for range n {
		if _, ok := x.nearest(random.Uint64()); ok {
			vain++
		}
	}
	if vain > n/1000 {
		t.Errorf("%d of %d keys that are not there need a row", vain, n)
	}
	for i := range rows {
		if at, ok := x.nearest(rows[i].tag); !ok || (at != uint32(i) && x.key(rows, at) == rows[i].tag) {
			t.Fatalf("row %d is not found near its entry", i)
		}
	}
}

// What is read ahead may be anything that a store gives.
func TestReadingAheadTakesWhateverComes(t *testing.T) {
	p := newPeople(newWays(newRules(testBundle(0))), start)
	p.fetch(nil)
	p.fetch([]Change{{}, {Identities: []Identity{{}}}})
	w := newWorld(1)
	all := make([]Change, 3*ahead)
	for i := range all {
		all[i] = w.event(10)
	}
	p.fetch(all)
	for _, c := range all {
		p.apply(c)
	}
	p.fetch(all)
	if p.total == 0 {
		t.Fatal("nobody")
	}
}

// A place takes as many bits as it has, also where it is one more than there was room for.
func TestAnIndexTakesAnyPlace(t *testing.T) {
	for bits := range 20 {
		for _, place := range []uint32{1<<bits - 1, 1 << bits, 1<<bits + 1} {
			rows, x := make([]row, place+1), &index{}
			rows[0].tag, rows[place].tag = 1, 2
			x.put(rows, 0)
			x.put(rows, place)
			if at, ok := x.find(rows, rows[place].tag); !ok || at != place {
				t.Fatalf("place %d is found at %d, %v", place, at, ok)
			}
			if at, ok := x.find(rows, rows[0].tag); !ok || at != 0 {
				t.Fatalf("place 0 is found at %d, %v, beside %d", at, ok, place)
			}
		}
	}
}
