//go:build defect_endpoint

package defence

// Endpoint is off in this build.
const Endpoint = false
