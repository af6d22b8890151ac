//go:build !defect_names

package defence

// Names refuses JSON in which a name stands twice in one object.
const Names = true
