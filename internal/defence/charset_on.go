//go:build !defect_charset

package defence

// Charset refuses bodies in another charset than UTF-8.
const Charset = true
