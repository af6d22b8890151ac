//go:build !defect_identifiers

package defence

// Identifiers refuses people whose identifier cannot be read.
const Identifiers = true
