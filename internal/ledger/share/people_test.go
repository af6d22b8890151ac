package share

import (
	"maps"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// compare fails if the counts that were kept right are not those of a new count.
func compare(t *testing.T, seed uint64, w *world, p *people, b *ir.Bundle) {
	t.Helper()
	same(t, seed, int(w.position), describe(p.ways, p.counts), w.naive(b))
}

func same(t *testing.T, seed uint64, position int, got, want map[string]int64) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	for text, n := range want {
		if got[text] != n {
			t.Errorf("seed %d, at position %d: %d people, want %d: %s", seed, position, got[text], n, text)
		}
	}
	for text, n := range got {
		if want[text] == 0 {
			t.Errorf("seed %d, at position %d: %d people, want none: %s", seed, position, n, text)
		}
	}
	t.FailNow()
}

func TestWhatIsKeptRightIsWhatANewCountGives(t *testing.T) {
	for seed := range uint64(60) {
		w, b := newWorld(seed), testBundle(0)
		for range 30 {
			w.event(40)
		}
		p, _, err := read(t.Context(), w, newWays(newRules(b)), w.now)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, seed, w, p, b)
		for step := range 200 {
			switch w.random.IntN(6) {
			case 0:
				w.pass()
				p.advance(w.now)
			case 1:
				if w.random.IntN(8) == 0 {
					b = testBundle(w.random.IntN(16))
					if p, _, err = read(t.Context(), w, newWays(newRules(b)), w.now); err != nil {
						t.Fatal(err)
					}
				}
			default:
				p.apply(w.event(40))
			}
			if step%5 == 0 {
				compare(t, seed, w, p, b)
			}
		}
		compare(t, seed, w, p, b)
	}
}

// Equal keys have to mean that people stand alike, now and at every later instant at which a key changes.
func TestThoseWithTheSameKeyStandAlike(t *testing.T) {
	for variant := range 16 {
		w, x := newWorld(uint64(variant)), newRules(testBundle(variant))
		ways := newWays(x)
		type met struct {
			way uint32
			id  int
		}
		seen, shared := map[string]met{}, 0
		for id := range 1000 {
			w.own[id], w.kind[id] = &consent.Record{}, consent.IdentifierEmail
			for range 1 + w.random.IntN(5) {
				w.position++
				e := w.act(id)
				e.Position, e.At = w.position, w.now
				w.own[id].Apply(e)
			}
			if w.random.IntN(4) == 0 {
				w.group[id] = 1 + uint64(w.random.IntN(150))
			}
			if id%50 == 0 {
				w.pass()
			}
		}
		for id := range w.own {
			r := w.effective(id)
			key := string(x.key(nil, r, w.kind[id], w.now))
			way := ways.decide(r, w.kind[id], w.now)
			if before, ok := seen[key]; ok {
				if shared++; before.way != way {
					t.Fatalf("variant %d: equal keys, but\n%+v\n%+v", variant, w.effective(before.id), r)
				}
			}
			seen[key] = met{way, id}
		}
		if shared < 150 {
			t.Fatalf("only %d of 1000 people shared a key", shared)
		}
	}
}

func TestTwoIdentitiesThatTurnOutToBeOneAreOne(t *testing.T) {
	b := testBundle(0)
	p := newPeople(newWays(newRules(b)), start)
	change := func(position consent.Position, tags ...consent.Tag) {
		p.apply(Change{Position: position, At: start, Identities: []Identity{{Tags: tags, Type: consent.IdentifierEmail, Record: &consent.Record{Position: position}}}})
	}
	change(1, tag(1, 1))
	change(2, tag(1, 2))
	if p.total != 2 {
		t.Fatalf("%d people, want 2", p.total)
	}
	change(3, tag(1, 0), tag(1, 1), tag(1, 2)) // the plain form, from which both hashes follow
	if p.total != 1 || p.position != 3 {
		t.Fatalf("%d people at position %d, want 1 at 3", p.total, p.position)
	}
	change(4, tag(2, 0)) // takes the place that became free
	change(5, tag(1, 0))
	change(6, tag(2, 0))
	if p.total != 2 || len(p.rows) != 2 {
		t.Fatalf("%d people in %d places, want 2 in 2", p.total, len(p.rows))
	}
}

// An edition begins with nobody who stands otherwise, however many did before.
func TestAnEditionForgetsWhoChangedBefore(t *testing.T) {
	p := newPeople(newWays(newRules(testBundle(0))), start)
	position := consent.Position(0)
	say := func(id int, e consent.EventType) {
		position++
		r := &consent.Record{}
		r.Apply(consent.Event{Position: position, At: start, Type: e, Purpose: "newsletter", Notice: "newsletter", Proof: consent.ProofMailboxConfirmed})
		p.apply(Change{Position: position, At: start, Identities: []Identity{{Tags: []consent.Tag{tag(id, 0)}, Type: consent.IdentifierEmail, Record: r}}})
	}
	for _, n := range []int{30, maxNoted + 1} {
		for id := range n {
			say(id, consent.EventGiven)
		}
		if many := n > maxNoted; p.many != many || !p.changed(20) {
			t.Fatalf("after %d changes: many %v", n, p.many)
		}
		p.settle()
		if p.changed(1) {
			t.Fatal("somebody changed in an edition that has just begun")
		}
		for id := range 9 {
			say(id, consent.EventWithdrawn)
		}
		if p.changed(Step) {
			t.Fatal("9 people are 10")
		}
		say(9, consent.EventWithdrawn)
		if !p.changed(Step) {
			t.Fatal("10 people are fewer")
		}
		p.settle()
	}
}
