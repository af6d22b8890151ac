//go:build !defect_telling

package defence

// Telling takes header fields out of answers that tell about what the service has sent.
const Telling = true
