// Package identity verifies who calls, offline: projected Kubernetes service account tokens, and the grants that say which
// purposes a workload may read from a ledger.
//
// Keys come in as JWKS, from bytes or from a file that is re-read when it changes (a mounted ConfigMap). The package knows no
// Kubernetes API, no network and no wall clock; identities go to the config stream, the ledger and the sidecar. Errors never
// contain a token or a claim.
package identity
