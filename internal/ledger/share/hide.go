package share

import (
	"cmp"
	"slices"
)

// Step is the size of the steps in which people are counted in public, and the least number of people about whom anything is said.
const Step = 10

// tens rounds down to whole steps.
func tens(n int64) int64 { return n - n%Step }

// part is one part of a whole that is split.
type part struct {
	label string
	n     int64
}

// split gives what may be told of the parts of a whole: those that are large enough, by label, and all others together, rounded down.
//
// A part of fewer than 10 is hidden, and never alone: together with what hides it, it is at least two parts and at least 10 people, so
// that it does not follow from the whole and the parts that are shown. Where that cannot be, nothing is told.
func split(parts []part) (shown []part, others int64) {
	shown = slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return p.n <= 0 })
	slices.SortFunc(shown, func(a, b part) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.label, b.label)) })
	hidden := 0
	for last := len(shown) - 1; last >= 0 && (shown[last].n < Step || (hidden > 0 && (hidden < 2 || others < Step))); last-- {
		others += shown[last].n
		hidden++
		shown = shown[:last]
	}
	if hidden > 0 && (hidden < 2 || others < Step) {
		return nil, 0
	}
	for i := range shown {
		shown[i].n = tens(shown[i].n)
	}
	slices.SortFunc(shown, func(a, b part) int { return cmp.Compare(a.label, b.label) })
	return shown, tens(others)
}
