//go:build race

package client

// withRace tells that the race detector is on, which slows down and lets pools forget.
const withRace = true
