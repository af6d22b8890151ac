package facts

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/optup/optup/internal/consent"
)

// loaded gives a table that was filled with who has which of some combinations, in steps, on top of what is there.
func loaded(t *testing.T, table *Table, combinations int, tags []consent.Tag, numbers []uint32) {
	t.Helper()
	l := table.Load()
	for c := range combinations {
		if err := l.Define(Encode(nil, one(c+1))); err != nil {
			t.Fatal(err)
		}
	}
	for len(tags) > 0 {
		n := min(len(tags), 700)
		if err := l.Add(tags[:n], numbers[:n]); err != nil {
			t.Fatal(err)
		}
		tags, numbers = tags[n:], numbers[n:]
	}
	if err := l.Finish(); err != nil {
		t.Fatal(err)
	}
}

// holds compares a table with a model, which says how old the people are; not everybody who is asked for is in it.
func holds(t *testing.T, table *Table, model map[consent.Tag]int, asked []consent.Tag) {
	t.Helper()
	distinct := map[int]bool{}
	for _, who := range asked {
		c, ok := table.Facts(table.Lookup(who))
		f, known := c.Fact("newsletter")
		if !ok || known != (model[who] != 0) || f.AgeYears != model[who] {
			t.Fatalf("tag %x: age %d, want %d", who, f.AgeYears, model[who])
		}
	}
	for _, age := range model {
		distinct[age] = true
	}
	if st := table.Stats(); st.Identifiers != len(model) || st.Combinations != len(distinct) {
		t.Fatalf("%+v, want %d and %d", st, len(model), len(distinct))
	}
	lines := 0
	for i := range table.shards {
		lines += len(table.shards[i].Load().lines)
	}
	if int64(lines) != table.lines.Load() {
		t.Fatalf("%d lines are counted, and there are %d", table.lines.Load(), lines)
	}
}

// TestLoad: whoever a snapshot told about is found afterwards as it told last, and nobody else, whether shards are small or large, with tags
// that come twice, tags of which the key is the same, and on top of what was there. Nothing is kept once all have gone.
func TestLoad(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for _, size := range []struct{ people, shards, before int }{
		{0, shardsOf, 0},
		{1, shardsOf, 0},
		{700, shardsOf, 0},
		{20_000, shardsOf, 0},
		{3_000, 1, 0},
		{60_000, 16, 0},
		{5_000, 2, 0},
		{3_000, shardsOf, 3_000},
		{9_000, 3, 200},
		{0, shardsOf, 500},
	} {
		const combinations = 50
		table, model := New(), map[consent.Tag]int{}
		all := make([]consent.Tag, size.before+size.people+1000)
		for i := range all {
			all[i] = quick(r)
			all[i][8], all[i][9] = byte(r.IntN(size.shards)), byte(r.IntN(size.shards)>>8)
			if i%20 == 1 {
				all[i] = all[i-1]
				all[i][15] ^= 0x54
			}
		}
		for i := range size.before {
			n := 1 + r.IntN(100)
			if err := table.Apply(Change{Tags: all[i : i+1], Facts: one(n)}); err != nil {
				t.Fatal(err)
			}
			model[all[i]] = n
		}
		var tags []consent.Tag
		var numbers []uint32
		for i := range size.people {
			who := all[size.before+i]
			if r.IntN(10) == 0 {
				who = all[r.IntN(size.before+i+1)] // once more
			}
			n := r.IntN(combinations)
			tags, numbers = append(tags, who), append(numbers, uint32(n))
			model[who] = n + 1
		}
		loaded(t, table, combinations, tags, numbers)
		holds(t, table, model, all)
		for i := range all {
			if err := table.Apply(Change{Tags: all[i : i+1]}); err != nil {
				t.Fatal(err)
			}
		}
		clear(model)
		holds(t, table, model, all)
	}
}

// TestNumbersThatWereNotTold stand for nothing.
func TestNumbersThatWereNotTold(t *testing.T) {
	table := New()
	l := table.Load()
	if err := l.Define(Encode(nil, one(1))); err != nil {
		t.Fatal(err)
	}
	if err := l.Add([]consent.Tag{tag(1), tag(2)}, []uint32{0, 1}); !errors.Is(err, ErrCombination) {
		t.Fatalf("err = %v", err)
	}
}

// TestALoadLeavesLittleRoom: each shard is as large as it has to be, but for what the allocator rounds up to.
func TestALoadLeavesLittleRoom(t *testing.T) {
	for _, n := range []int{20_000, 200_000, 1_000_000, 1_400_000} {
		table, _ := filled(t, n, 4)
		for i, used := range table.live {
			const page = 8 << 10 / lineSize
			if lines, want := len(table.shards[i].Load().lines), tight(int(used)); lines > want+want/50+3 && (want < shared || lines >= want+page) {
				t.Fatalf("%d tags are in %d lines, and %d would do", used, lines, want)
			}
		}
	}
}

// TestTagsThatNoKeyMakes: eleven tags that begin alike have ten slots at most. The last is refused, instead of shards that grow for ever, and
// nobody else notices.
func TestTagsThatNoKeyMakes(t *testing.T) {
	table, model := New(), map[consent.Tag]int{}
	tags := []consent.Tag{tag(1), tag(2)}
	for n := range 11 {
		tags = append(tags, consent.Tag{1, 2, 3, 15: byte(n << 2)})
	}
	for i, who := range tags[:12] {
		if err := table.Apply(Change{Tags: []consent.Tag{who}, Facts: one(i + 1)}); err != nil {
			t.Fatal(err)
		}
		model[who] = i + 1
	}
	for range 3 {
		lines := table.lines.Load()
		if err := table.Apply(Change{Tags: tags[12:], Facts: one(13)}); !errors.Is(err, ErrAlike) {
			t.Fatalf("err = %v", err)
		}
		holds(t, table, model, tags)
		if more := table.lines.Load() - lines; more > 200 {
			t.Fatalf("%d lines more", more)
		}
	}
	if err := table.Apply(Change{Tags: tags[5:6]}, Change{Tags: tags[12:], Facts: one(13)}); err != nil {
		t.Fatal(err)
	}
	delete(model, tags[5])
	model[tags[12]] = 13
	holds(t, table, model, tags)

	l := New().Load()
	if err := l.Define(Encode(nil, one(1))); err != nil {
		t.Fatal(err)
	}
	if err := l.Add(tags, make([]uint32, len(tags))); err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(); !errors.Is(err, ErrAlike) {
		t.Fatalf("err = %v", err)
	}
}

// TestTablesOfEverySizeChange: whatever number of tags a snapshot told about, in one shard or in all, others come and go afterwards.
func TestTablesOfEverySizeChange(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	for n := range 300 {
		table, model := New(), map[consent.Tag]int{}
		tags := make([]consent.Tag, 2*n+2)
		for i := range tags {
			tags[i] = quick(r)
			if n%3 > 0 {
				tags[i][8], tags[i][9] = 9, 0
			}
		}
		numbers := make([]uint32, n)
		for i := range n {
			numbers[i] = uint32(r.IntN(3))
			model[tags[i]] = int(numbers[i]) + 1
		}
		loaded(t, table, 3, tags[:n], numbers)
		holds(t, table, model, tags)
		for i := range tags {
			who := tags[len(tags)-1-i] // those who came, and then those who were there
			if model[who] = 7; i > len(tags)/2 {
				delete(model, who)
			}
			c := Change{Tags: []consent.Tag{who}}
			if model[who] > 0 {
				c.Facts = one(7)
			}
			if err := table.Apply(c); err != nil {
				t.Fatal(err)
			}
		}
		holds(t, table, model, tags)
	}
}
