//go:build defect_identifiers

package defence

// Identifiers is off in this build.
const Identifiers = false
