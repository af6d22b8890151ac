// Package credential keeps values that nobody but the sidecar may see: keys of services, and whatever else bundles name and never hold.
//
// Values come by the config stream (internal/distribute), or from files where a sidecar runs alone, and stay in memory. A Secret says
// nothing of its value wherever it is printed, logged or encoded; Reveal alone gives it, and is called where a value goes out:
// internal/proxy/insert, and internal/distribute/server. The package knows no network.
package credential
