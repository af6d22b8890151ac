//go:build defect_override

package defence

// Override is off in this build.
const Override = false
