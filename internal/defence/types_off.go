//go:build defect_types

package defence

// Types is off in this build.
const Types = false
