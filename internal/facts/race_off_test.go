//go:build !race

package facts

const withRace = false
