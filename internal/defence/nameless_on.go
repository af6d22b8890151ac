//go:build !defect_nameless

package defence

// Nameless judges a record of an answer that flows in which nobody can be found.
const Nameless = true
