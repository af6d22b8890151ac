package jsonfilter

import "golang.org/x/sys/cpu"

// vectors tells that the processor marks 32 bytes at once, and has the instructions by which members are walked.
var vectors = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2

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

// walkMembers is walk. What is before end has a control character behind it, and 32 bytes follow.
//
//go:noescape
func walkMembers(b, marks *byte, end, at int, steps *step, n, first int, many bool, places *span) (after, read int, ended bool)
