//go:build defect_nameless

package defence

// Nameless is off in this build.
const Nameless = false
