// Package server hands every sidecar and ledger its bundle, and remembers who runs which generation.
//
// It serves what Directory says was published, to whom Directory says the caller is; the caller itself is never believed beyond
// its verified token. It knows no Kubernetes types: controllers implement Directory from informers. Sessions are read by the
// controller that writes the status of SidecarConfigs.
package server
