// Package policy is the compiler's input: what the resources of a cluster, or the manifests of a folder, say, as plain values.
//
// It knows no Kubernetes types, so that the operator, the command line, the tests and the fuzzers compile the same way.
// internal/translate fills it from API objects; internal/compile turns it into bundles.
package policy
