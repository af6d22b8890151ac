package facts

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/testkit"
)

func TestTable(t *testing.T) {
	plain, hashed := tag(1), tag(2)
	table := New()
	if s := table.Lookup(plain); s.Known() || s != table.Unknown() {
		t.Fatal("an empty table knows somebody")
	}
	if err := table.Apply(Change{Tags: []consent.Tag{plain, hashed}, Facts: one(1)}); err != nil {
		t.Fatal(err)
	}
	s := table.Lookup(plain)
	if !s.Known() || s != table.Lookup(hashed) {
		t.Fatal("one person, two states")
	}
	c, ok := table.Facts(s)
	if f, known := c.Fact("newsletter"); !ok || !known || f.AgeYears != 1 {
		t.Fatalf("fact %+v, %v %v", f, ok, known)
	}
	if _, known := c.Fact("profiling"); known {
		t.Fatal("a fact about one purpose answered for another")
	}
	if _, ok := New().Facts(s); ok {
		t.Fatal("a state says something to another table")
	}
	_ = table.Apply(Change{Tags: []consent.Tag{plain, hashed}})
	if table.Len() != 0 || table.Lookup(plain).Known() {
		t.Fatal("no facts do not remove the person")
	}
	table.cache = cache{}
	if _, ok := table.Facts(s); ok {
		t.Fatal("facts that nobody has are kept")
	}
	if st := table.Stats(); st.Combinations != 0 {
		t.Fatalf("%+v", st)
	}
}

// TestModel compares the table with a map under random changes, with many tags for few lines, so that slots are used again.
func TestModel(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	table, model := New(), map[consent.Tag]int{}
	tags := make([]consent.Tag, 3000)
	for i := range tags {
		tags[i] = tag(i)
		tags[i][8], tags[i][9] = byte(i%3), 0 // three shards
		if i%50 == 1 {
			tags[i] = tags[i-1]
			tags[i][15] ^= 0xf0 // another person, of whose tag the key is the same
		}
	}
	for round := range 60 {
		add := 0.9
		if round%6 > 3 {
			add = 0.1
		}
		for range 2000 {
			i := r.IntN(len(tags))
			c := Change{Tags: tags[i : i+1]}
			if r.Float64() < add {
				n := 1 + r.IntN(200)
				c.Facts, model[tags[i]] = one(n), n
			} else {
				delete(model, tags[i])
			}
			if err := table.Apply(c); err != nil {
				t.Fatal(err)
			}
		}
		table.cache = cache{}
		out := make([]State, len(tags))
		table.LookupBatch(tags, out)
		distinct := map[int]bool{}
		for i := range tags {
			s := table.Lookup(tags[i])
			c, ok := table.Facts(s)
			f, _ := c.Fact("newsletter")
			if !ok || f.AgeYears != model[tags[i]] || out[i] != s {
				t.Fatalf("round %d: tag %d has %d, want %d", round, i, f.AgeYears, model[tags[i]])
			}
			distinct[model[tags[i]]] = true
		}
		delete(distinct, 0)
		if st := table.Stats(); st.Identifiers != len(model) || st.Combinations != len(distinct) || table.combos.index.used != len(distinct) {
			t.Fatalf("%+v, want %d and %d", st, len(model), len(distinct))
		}
	}
}

func TestCodecRoundTrip(t *testing.T) {
	for n := range 512 {
		want := factsOf(n)
		content := Encode(nil, want)
		got, err := Decode(content)
		if err != nil || len(got) != len(want) {
			t.Fatal(err)
		}
		for _, a := range got {
			if !reflect.DeepEqual(a.Fact, want[a.Purpose]) {
				t.Fatalf("%+v, want %+v", a.Fact, want[a.Purpose])
			}
		}
		for cut := range content {
			if _, err := Decode(content[:cut]); !errors.Is(err, ErrCombination) {
				t.Fatalf("cut at %d: %v", cut, err)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(Encode(nil, factsOf(77)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := Decode(raw)
		if err != nil {
			return
		}
		m := map[consent.PurposeID]consent.Fact{}
		for _, a := range c {
			m[a.Purpose] = a.Fact
		}
		again, err := Decode(Encode(nil, m))
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Fatalf("%+v became %+v, %v", c, again, err)
		}
	})
}

// TestNumbersAreNeverUsedTwice: a number that ran out is not given to other facts; the table has to be filled anew.
func TestNumbersAreNeverUsedTwice(t *testing.T) {
	table := New()
	table.combos.last = 500
	seen := map[State]int{}
	for n := 1; ; n++ {
		err := table.Apply(Change{Tags: []consent.Tag{tag(1)}, Facts: one(n)})
		if n == 500 {
			if !errors.Is(err, ErrFull) {
				t.Fatalf("err = %v", err)
			}
			break
		}
		s := table.Lookup(tag(1))
		if err != nil || seen[s] != 0 {
			t.Fatalf("number %d: %v, state seen at %d", n, err, seen[s])
		}
		seen[s] = n
	}
	if st := table.Stats(); st.Combinations != 1 || st.Facts > 32<<10 {
		t.Fatalf("%+v", st)
	}
}

func TestMemoryPerIdentifier(t *testing.T) {
	if testkit.Race {
		t.Skip("it counts memory and has one goroutine")
	}
	for _, n := range []int{300_000, 500_000, 700_000, 1_000_000} {
		table, _ := filled(t, n, 256)
		st := table.Stats()
		if st.Identifiers != n || float64(st.Bytes)/float64(n) > 16 {
			t.Errorf("%d identifiers: %.2f bytes each; %+v", n, float64(st.Bytes)/float64(n), st)
		}
		t.Logf("%d: %.2f bytes each, %d for combinations", n, float64(st.Bytes)/float64(n), st.Facts)
	}
}

// TestASmallTableLiesTogether: the shards of a small table are much smaller than what memory is given out in, and what they left while they
// grew is given back.
func TestASmallTableLiesTogether(t *testing.T) {
	if testkit.Race {
		t.Skip("it counts memory and has one goroutine")
	}
	inUse := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse)
	}
	size := func(n int) (kept, bytes int64) {
		before := inUse()
		table, tags := filled(t, n, 4)
		kept, bytes = inUse()-before-int64(cap(tags)*len(tags[0])), table.Stats().Bytes
		runtime.KeepAlive(tags)
		return kept, bytes
	}
	kept, bytes := size(3_000) // what is there once
	for _, n := range []int{15_000, 30_000, 60_000, 200_000} {
		k, b := size(n)
		if more := k - kept; more > (b-bytes)*5/4 {
			t.Errorf("%d bytes more in a table keep %d from others", b-bytes, more)
		}
	}
}

func TestGrowthNeverDoubles(t *testing.T) {
	for shard := range uint32(64) {
		for used := 800; used < 40_000; used = used*21/20 + 1 {
			lines := ladder(shard, used)
			if crowded(used, lines) || float64(used)/float64(slots*lines) < maxLoad/growth*0.98 {
				t.Fatalf("shard %d: %d in %d lines", shard, used, lines)
			}
		}
	}
}

func TestLookupsDoNotAllocate(t *testing.T) {
	table, tags := filled(t, 10_000, 10)
	out := make([]State, 1000)
	for name, f := range map[string]func(){
		"known":   func() { out[0] = table.Lookup(tags[7]) },
		"unknown": func() { out[0] = table.Lookup(consent.Tag{1, 2, 3}) },
		"batch":   func() { table.LookupBatch(tags[:1000], out) },
		"facts":   func() { _, _ = table.Facts(table.Lookup(tags[7])) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestAFullShardLosesNobody: whatever is moved to make room, and whether there is any, everybody is found afterwards.
func TestAFullShardLosesNobody(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 11))
	full := 0
	for round := range 3000 {
		s := &shard{lines: make([]line, 2+round%7)}
		var in []place
		for n := 0; ; n++ {
			one := quick(r)
			p := placeOf(&one)
			at, ok := s.room(p.key)
			if ok {
				s.put(p, at, uint32(n+1))
				in = append(in, p)
			}
			for i, p := range in {
				if got := s.find(p); got != uint32(i+1) {
					t.Fatalf("round %d: %d of %d has state %d", round, i, len(in), got)
				}
			}
			if !ok {
				full += len(in)
				break
			}
		}
	}
	if slotsIn := 3000 * 5 * slots; full < slotsIn*9/10 {
		t.Fatalf("only %d of %d slots are used when a shard is full", full, slotsIn)
	}
}
