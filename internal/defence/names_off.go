//go:build defect_names

package defence

// Names is off in this build.
const Names = false
