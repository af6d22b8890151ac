package facts

import (
	"reflect"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/testkit"
)

// aged gives facts with times that follow from n, of people who otherwise stand alike.
func aged(n int) map[consent.PurposeID]consent.Fact {
	at := time.Date(2026, 1, 1, 0, 0, n, 7, time.UTC)
	return map[consent.PurposeID]consent.Fact{
		"plain": {Untimed: true, Grants: []consent.Grant{{Purpose: "plain", Notice: "v1", Status: consent.StatusGiven}}},
		"timed": {Used: at.Add(time.Hour), Grants: []consent.Grant{
			{Purpose: "timed", Status: consent.StatusWithdrawn},
			{Purpose: "timed", Notice: "v1", Status: consent.StatusRenewed, Since: at, Renewed: at.AddDate(0, 1, 0)},
			{Purpose: "timed", Notice: "v2", Status: consent.StatusGiven, Since: at.AddDate(-60, 0, 0)},
		}},
	}
}

func TestTimesAreKeptApart(t *testing.T) {
	table := New()
	for n := range 1000 {
		if err := table.Apply(Change{Tags: []consent.Tag{tag(n)}, Facts: aged(n % 500)}); err != nil {
			t.Fatal(err)
		}
	}
	if st := table.Stats(); st.Combinations != 1 || st.Dated != 500 {
		t.Fatalf("%+v", st)
	}
	var plain State
	for n := range 1000 {
		s := table.Lookup(tag(n))
		all, ok := table.Facts(s)
		if !ok || !s.Dated() {
			t.Fatal("no facts")
		}
		for purpose, want := range aged(n % 500) {
			if got, _ := all.Fact(purpose); !reflect.DeepEqual(got, want) {
				t.Fatalf("%d: %+v, want %+v", n, got, want)
			}
		}
		p, ok := table.Plain(s)
		if !ok || (n > 0 && p != plain) || p.Dated() {
			t.Fatal("people who stand alike have different plain states")
		}
		plain = p
		moments, _ := table.Moments(p)
		_, seconds, ok := table.Seconds(s, nil)
		if !ok || len(moments) != 4 || len(seconds) != len(moments) {
			t.Fatalf("%d: %v at %v", n, moments, seconds)
		}
		for i, m := range moments {
			f := aged(n % 500)[m.Purpose]
			want := f.Used
			switch {
			case m.Renewed:
				want = f.Grants[m.Grant].Renewed
			case m.Grant >= 0:
				want = f.Grants[m.Grant].Since
			}
			if seconds[i] != want.Unix() {
				t.Fatalf("%d: %+v at %d, want %d", n, m, seconds[i], want.Unix())
			}
		}
	}
	all, _ := table.Facts(plain)
	if f, _ := all.Fact("timed"); !f.Untimed || !f.Grants[1].Since.IsZero() {
		t.Fatalf("a plain state does not say that its times are missing: %+v", f)
	}
	if f, _ := all.Fact("plain"); len(f.Grants) != 1 {
		t.Fatalf("%+v", f)
	}
	s := table.Lookup(tag(3))
	if n := testing.AllocsPerRun(100, func() {
		f, _ := table.Borrow(s)
		if f.Fact("timed").Grants[1].Since.IsZero() {
			t.Fatal("no time")
		}
		table.Return(f)
	}); n >= 1 && !testkit.Race {
		t.Errorf("%v allocations", n)
	}
	for n := range 1000 {
		_ = table.Apply(Change{Tags: []consent.Tag{tag(n)}})
	}
	if st := table.Stats(); st.Combinations != 0 || st.Dated != 0 || table.Len() != 0 {
		t.Fatalf("%+v", st)
	}
	if _, ok := table.Plain(s); ok {
		t.Fatal("facts that nobody has are kept")
	}
}

// TestStatesOfAnotherTable stand for nobody here, although the same numbers do.
func TestStatesOfAnotherTable(t *testing.T) {
	one, other := New(), New()
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	known := map[consent.PurposeID]consent.Fact{"newsletter": {Grants: []consent.Grant{{Purpose: "newsletter", Status: consent.StatusGiven, Since: since}}}}
	for _, table := range []*Table{one, other} {
		if err := table.Apply(Change{Tags: []consent.Tag{tag(1)}, Facts: known}); err != nil {
			t.Fatal(err)
		}
	}
	dated := other.Lookup(tag(1))
	plain, ok := other.Plain(dated)
	if !ok || !dated.Dated() {
		t.Fatalf("%x", dated)
	}
	if all, ok := other.Moments(plain); !ok || len(all) != 1 || all[0] != (Moment{Purpose: "newsletter"}) {
		t.Errorf("moments %+v", all)
	}
	if p, at, ok := other.Seconds(dated, nil); !ok || p != plain || len(at) != 1 || at[0] != since.Unix() {
		t.Errorf("times %v", at)
	}
	for _, s := range []State{dated, plain} {
		_, known := one.Facts(s)
		_, like := one.Plain(s)
		_, about := one.Moments(s)
		_, _, times := one.Seconds(s, nil)
		if known || like || about || times {
			t.Errorf("%x: facts %v, plain %v, moments %v, times %v", s, known, like, about, times)
		}
	}
}
