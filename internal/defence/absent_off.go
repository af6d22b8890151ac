//go:build defect_absent

package defence

// Absent is off in this build.
const Absent = false
