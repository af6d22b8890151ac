//go:build !defect_endpoint

package defence

// Endpoint refuses requests that no declared endpoint matches.
const Endpoint = true
