package consent

import "golang.org/x/sys/cpu"

// pairs tells that the processor hashes two short messages at once.
var pairs = cpu.X86.HasSSE41 && cpu.X86.HasSSSE3 && hashes()

// hashes tells that the processor has instructions for SHA-256.
func hashes() bool {
	const features, sha = 7, 1 << 29
	return identify(features, 0)&sha != 0
}

// identify asks the processor what it can do.
func identify(leaf, sub uint32) (ebx uint32)

// compress goes over a block of each of two messages. With an outer state it goes on from there over a block of what that came to. The
// first half of each hash takes the place of the first bytes of its block.
//
//go:noescape
func compress(states *[2][8]uint32, blocks *[2][64]byte, outer *[8]uint32)
