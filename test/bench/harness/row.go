package harness

import (
	"context"
	"fmt"
	"math"
)

// Row is one thing that is measured and reported.
type Row struct {
	// ID is stable: gates and notes name it.
	ID string
	// What is measured, in one line; Unit of both sides.
	What, Unit string
	// Peer that ours is compared with; empty where ours stands alone.
	Peer string
	Must Must
}

// Must is a bound that decides the exit code. The zero Must reports without judging.
type Must struct {
	// Max of the ratio ours/peer, or of ours itself where Absolute is set.
	Max      float64
	Absolute bool
	// Below asks for less than Max instead of at most.
	Below  bool
	judged bool
}

// AtMost bounds the ratio of ours to the peer.
func AtMost(ratio float64) Must { return Must{Max: ratio, judged: true} }

// Below asks for a ratio of ours to the peer below a bound.
func Below(ratio float64) Must { return Must{Max: ratio, Below: true, judged: true} }

// OwnAtMost bounds ours itself, in the unit of the row.
func OwnAtMost(value float64) Must { return Must{Max: value, Absolute: true, judged: true} }

// Judged tells whether the bound counts.
func (m Must) Judged() bool { return m.judged }

// String is the bound as it is shown: "<= 0.6x", "<= 16", or nothing.
func (m Must) String() string {
	if !m.judged {
		return ""
	}
	sign, unit := "<=", "x"
	if m.Below {
		sign = "<"
	}
	if m.Absolute {
		unit = ""
	}
	return fmt.Sprintf("%s %.4g%s", sign, m.Max, unit)
}

// holds judges; what is no number never holds.
func (m Must) holds(ours, ratio float64) bool {
	value := ratio
	if m.Absolute {
		value = ours
	}
	switch {
	case !m.judged:
		return true
	case math.IsNaN(value) || math.IsInf(value, 0):
		return false
	case m.Below:
		return value < m.Max
	default:
		return value <= m.Max
	}
}

// Samples are what one row came to, a value for each round. Peer is empty where there is none. Absolutes are shown and not judged.
type Samples struct {
	Ours, Peer []float64
	Absolutes  map[string]float64
}

// Add adds one round.
func (s *Samples) Add(ours, peer float64) {
	s.Ours = append(s.Ours, ours)
	s.Peer = append(s.Peer, peer)
}

// Suite measures rows that share preparations.
type Suite struct {
	Name string
	Rows []Row
	// Measure measures the rows that are asked for; it may measure more. Whatever cannot be prepared or run is an error, so that a peer
	// that is missing never looks like one that was beaten.
	Measure func(context.Context, *Env, Asked) (map[string]Samples, error)
}

// Asked tells whether a row is asked for.
type Asked func(id string) bool

// Any tells whether one of the rows is asked for.
func (a Asked) Any(ids ...string) bool {
	for _, id := range ids {
		if a(id) {
			return true
		}
	}
	return false
}

// Env is what suites are given.
type Env struct {
	// Rounds of each side, at least 1.
	Rounds int
	// Quick asks for small sizes: a smoke test, whose ratios say nothing.
	Quick bool
	// Seed of all fixtures.
	Seed uint64
	// Root of the repository, Dir for programs and data of this run.
	Root, Dir string
	// Say tells how far it is.
	Say func(format string, args ...any)
}

// Size is the whole size, or the quick one.
func (e *Env) Size(whole, quick int) int {
	if e.Quick {
		return quick
	}
	return whole
}
