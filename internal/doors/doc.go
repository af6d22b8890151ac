// Package doors speaks the AuthZEN Authorization API 1.0: it reads questions, fills in what they share, asks whoever decides in their
// order, and writes the answers.
//
// It decides nothing and knows nobody. The ledger's API answers from its log, a sidecar's doors (internal/doors/local) from the bundle and the
// facts that the proxy beside them enforces. Package envoy below speaks the same to Envoy.
package doors
