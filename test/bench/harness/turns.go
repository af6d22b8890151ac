package harness

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// Side is one of those that are compared.
type Side struct {
	Name string
	// Run does the work of one round and gives the value that counts, such as nanoseconds for one decision.
	Run func(round int) (float64, error)
}

// Turns runs the sides in turns, round by round, after one round of each that does not count (number -1). Every second round goes
// backwards, so that no side always comes after the same one. It gives the values of each side by its place.
func Turns(ctx context.Context, rounds int, sides ...Side) ([][]float64, error) {
	out := make([][]float64, len(sides))
	for round := -1; round < rounds; round++ {
		for i := range sides {
			if round&1 == 1 {
				i = len(sides) - 1 - i
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			value, err := sides[i].Run(round)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", sides[i].Name, err)
			}
			if round >= 0 {
				out[i] = append(out[i], value)
			}
		}
	}
	return out, nil
}

// Time measures n operations that run does, and gives nanoseconds for one. What came before is collected first.
func Time(n int, run func()) float64 {
	runtime.GC()
	from := time.Now()
	run()
	return float64(time.Since(from).Nanoseconds()) / float64(n)
}

// Allocations counts the objects that run allocates, in all goroutines.
func Allocations(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}
