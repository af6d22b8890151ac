//go:build !defect_each

package defence

// Each gives each record of an answer that flows a verdict of its own, not that of the record before.
const Each = true
