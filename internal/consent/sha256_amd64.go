package consent

// pairs tells that the processor hashes two short messages at once.
var pairs = hashes()

// hashes tells that the processor has instructions for SHA-256, and those beside them (SSSE3, SSE4.1). They are in all modes that a program
// runs in: they need no registers that a system would have to save on its own.
func hashes() bool {
	const ssse3, sse41, sha = 1 << 9, 1 << 19, 1 << 29
	if last, _, _ := identify(0, 0); last < 7 {
		return false
	}
	_, _, common := identify(1, 0)
	_, more, _ := identify(7, 0)
	return common&ssse3 != 0 && common&sse41 != 0 && more&sha != 0
}

// identify asks the processor what it can do.
func identify(leaf, sub uint32) (eax, ebx, ecx uint32)

// compress goes over a block of each of two messages. With an outer state it goes on from there over a block of what that came to. The
// first half of each hash takes the place of the first bytes of its block.
//
//go:noescape
func compress(states *[2][8]uint32, blocks *[2][64]byte, outer *[8]uint32)

// lower makes capital letters of a block small. For each of its bytes, the first in the lowest bit, it tells whether it is in no address, and
// which are at signs and full stops.
//
//go:noescape
func lower(block *[64]byte) (invalid, ats, dots uint64)
