//go:build !amd64

package consent

// pairs tells that the processor hashes two short messages at once.
var pairs = false

func compress(*[2][8]uint32, *[2][64]byte, *[8]uint32) { panic("no pairs") }

func lower(*[64]byte) (invalid, ats, dots uint64) { panic("no pairs") }
