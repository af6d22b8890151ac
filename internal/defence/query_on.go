//go:build !defect_query

package defence

// Query refuses a query that gives one name twice.
const Query = true
