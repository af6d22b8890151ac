//go:build !defect_coding

package defence

// Coding withholds answers in a content coding that cannot be read, and asks for none.
const Coding = true
