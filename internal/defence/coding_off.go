//go:build defect_coding

package defence

// Coding is off in this build.
const Coding = false
