//go:build !defect_types

package defence

// Types withholds answers of a type that cannot be read.
const Types = true
