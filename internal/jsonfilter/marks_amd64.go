package jsonfilter

import "golang.org/x/sys/cpu"

// vectors tells that the processor marks 32 bytes at once.
var vectors = cpu.X86.HasAVX2

// markBlocks is markWords for blocks of 32 bytes.
//
//go:noescape
func markBlocks(marks *byte, b *byte, blocks int)

// mark marks blocks of 32 bytes.
func mark(marks, b []byte, blocks int) {
	if blocks <= 0 {
		return
	}
	_, _ = marks[4*blocks-1], b[32*blocks-1]
	if vectors {
		markBlocks(&marks[0], &b[0], blocks)
		return
	}
	markWords(marks, b, blocks)
}
