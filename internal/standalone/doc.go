// Package standalone runs OptUp on one machine, without a cluster: the policies of a folder, a consent ledger, a sidecar for each
// workload, and the services of the demo shop, all in one process and on loopback addresses only.
//
// Nothing is decided here and nothing is simulated: files take the road of the operator (internal/manifest, internal/translate,
// internal/compile), bundles go to sidecars through internal/proxy/follow, the ledger is that of internal/ledger/server and learns
// what people agreed to by its import. What is missing is what a cluster brings: workloads are not started, traffic is not captured
// (each declared host has an address of its own instead), and one development token has every role.
//
// Changes to the folder are taken into force while it runs; what cannot be used leaves what was in force before.
package standalone
