// Package peer is how sidecars know each other: names in the shape of SPIFFE, short-lived certificates that hold them, and TLS between
// two sidecars.
//
// Certificates come over the config stream and keys never leave the memory of the process that made them. Whom a peer may be, and what
// follows from it, is for package proxy to say. The package knows no Kubernetes and no person.
package peer
