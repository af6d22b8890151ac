// Package provider tests the whole way from an application, by its sidecar and that of a service that we run, to the service: bundles by
// the compiler, certificates by the config stream, facts by a real ledger.
package provider
