package people

import (
	"math"
	"testing"
)

func TestPopulation(t *testing.T) {
	p := Population{Count: 20_000, Seed: 3, Expiring: 0.1}
	var given, withdrawn [Purposes]int
	expired := 0
	for i := range p.Count {
		x := p.Person(i)
		if x != p.Person(i) {
			t.Fatal("the same person stands differently")
		}
		if len(x.Facts()) == 0 {
			t.Fatal("somebody has no record")
		}
		for n, s := range x.Standing {
			switch s {
			case Given:
				given[n]++
			case Withdrawn:
				withdrawn[n]++
			case Never:
			}
			if (x.Bits()>>n&1 == 1) != x.Allowed(n) {
				t.Fatal("bits differ from what is allowed")
			}
		}
		if x.Standing[Purposes-1] == Given && !x.Allowed(Purposes-1) {
			expired++
		}
	}
	near := func(what string, got int, want float64) {
		t.Helper()
		if share := float64(got) / float64(p.Count); math.Abs(share-want) > 0.02 {
			t.Errorf("%s: %.3f, want %.3f", what, share, want)
		}
	}
	for n := range Purposes - 1 {
		near("given", given[n], 0.3)
	}
	near("given with a period", given[Purposes-1], 0.1)
	near("withdrawn", withdrawn[3], 0.05)
	near("expired", expired, 0.01)
}

func TestQuestions(t *testing.T) {
	p := Population{Count: 1000, Seed: 3, Expiring: 0.1}
	unknown, right := 0, 0
	all := p.Questions(20_000)
	for _, q := range all {
		if q.Person >= p.Count {
			unknown++
		}
		if p.Right(q) {
			right++
		}
	}
	if share := float64(unknown) / float64(len(all)); math.Abs(share-0.1) > 0.02 {
		t.Errorf("%.3f are about somebody unknown", share)
	}
	if share := float64(right) / float64(len(all)); math.Abs(share-0.9*0.273) > 0.03 {
		t.Errorf("%.3f are allowed", share)
	}
}
