//go:build defect_telling

package defence

// Telling is off in this build.
const Telling = false
