//go:build !defect_path

package defence

// Path refuses paths that have a second reading.
const Path = true
