// Package manager puts the operator together: which parts run, in the order in which data flows through them.
//
// Every part is a runnable of one controller-runtime manager. What each does is in its own package: controllers, internal/webhook,
// internal/distribute/server, internal/certificates.
package manager
