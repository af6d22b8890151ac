//go:build defect_lists

package defence

// Lists is off in this build.
const Lists = false
