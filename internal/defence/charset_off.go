//go:build defect_charset

package defence

// Charset is off in this build.
const Charset = false
