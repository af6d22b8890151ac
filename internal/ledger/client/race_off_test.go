//go:build !race

package client

const withRace = false
