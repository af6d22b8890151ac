package peer

import "time"

// How callers prove who they are.
const (
	ProofCertificate = "Certificate"
	ProofToken       = "Token"
	ProofNone        = "None"
)

// Observed is who called a service that a workload provides: a workload that proved who it is, or an address. It says nothing of what was
// asked for.
type Observed struct {
	// Service is "namespace/name" of the DataService.
	Service string `json:"service"`
	// Namespace and Workload are those that were proven; Workload is empty for one without rules that showed a token.
	Namespace string `json:"namespace,omitempty"`
	Workload  string `json:"workload,omitempty"`
	Proof     string `json:"proof"`
	// Address is that of a caller that proved nothing.
	Address string    `json:"address,omitempty"`
	Seen    time.Time `json:"seen"`
}
