//go:build !defect_lists

package defence

// Lists judges the addressees of every declared list, not of the first alone.
const Lists = true
