//go:build defect_path

package defence

// Path is off in this build.
const Path = false
