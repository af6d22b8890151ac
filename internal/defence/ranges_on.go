//go:build !defect_ranges

package defence

// Ranges takes ranges and conditions out of requests.
const Ranges = true
