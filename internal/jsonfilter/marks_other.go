//go:build !amd64

package jsonfilter

// vectors tells that the processor marks 32 bytes at once.
var vectors = false

// mark marks blocks of 32 bytes.
func mark(marks, b []byte, blocks int) { markWords(marks, b, blocks) }

func walkMembers(_, _ *byte, _, _ int, _ *step, _, _ int, _ bool, _ *span) (after, read int, ended bool) {
	panic("no vectors")
}
