//go:build !defect_fields

package defence

// Fields takes out of answers what nobody declared, or what the purpose does not need.
const Fields = true
