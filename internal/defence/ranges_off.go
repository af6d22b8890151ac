//go:build defect_ranges

package defence

// Ranges is off in this build.
const Ranges = false
