//go:build race

package testkit

// Race tells that the race detector is on, which slows down, allocates, and lets pools forget: memory and allocations are not counted then.
const Race = true
