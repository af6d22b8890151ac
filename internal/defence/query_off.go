//go:build defect_query

package defence

// Query is off in this build.
const Query = false
