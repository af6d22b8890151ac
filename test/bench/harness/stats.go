package harness

import (
	"math"
	"slices"
)

// Median is the middle of values, NaN for none. It leaves them as they are.
func Median(values []float64) float64 { return Quantile(values, 0.5) }

// Spread is the distance between the quartiles; 0 for less than two values.
func Spread(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	return Quantile(values, 0.75) - Quantile(values, 0.25)
}

// Quantile is the value below which a share q (0 to 1) of values lies, with linear interpolation; NaN for no values.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(at-float64(low))
}

// Ratios divides pair by pair: ours by the peer's of the same round.
func Ratios(ours, peer []float64) []float64 {
	out := make([]float64, min(len(ours), len(peer)))
	for i := range out {
		out[i] = ours[i] / peer[i]
	}
	return out
}
