//go:build defect_each

package defence

// Each is off in this build.
const Each = false
