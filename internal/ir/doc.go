// Package ir is the contract between the compiler and everything that enforces: the bundle of one workload, its canonical
// encoding, its validation and its hash.
//
// It knows no Kubernetes, no network and no clock. Bundles are made by internal/compile, published in SidecarConfig objects,
// handed out by internal/distribute, and read by internal/decide, internal/proxy and internal/ledger.
//
// The schema grows by addition. A reader ignores members that it does not know, unless the bundle lists them in Critical: an
// unknown critical element means that the reader would enforce less than was declared, so Decode refuses the bundle.
package ir
