// Package scenario reads folders of decisions and runs them: objects of the API, what a ledger has seen, requests, and what has to
// become of them, each in a sentence of its own. Such folders test OptUp itself (test/corpus) and the policies of its users.
//
// It decides nothing: objects take the same road as in a cluster, from internal/manifest and internal/translate through
// internal/compile to internal/decide and internal/jsonfilter. It knows no cluster and no network. What a decision should be is
// written by hand in decisions.yaml and never generated. Readers are the command line and the tests of compiler and sidecar.
package scenario
