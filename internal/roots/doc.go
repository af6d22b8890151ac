// Package roots has the authorities of Mozilla for images that have no root store.
//
// Whoever is about to verify a certificate by the system's authorities calls Ready first. Reading the authorities takes memory and time, and
// a sidecar whose services are all in the cluster never needs them. The package knows nothing of who connects where.
package roots
