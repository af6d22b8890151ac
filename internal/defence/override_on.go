//go:build !defect_override

package defence

// Override refuses header fields with which servers replace method, path or host.
const Override = true
