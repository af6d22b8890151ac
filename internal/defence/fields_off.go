//go:build defect_fields

package defence

// Fields is off in this build.
const Fields = false
