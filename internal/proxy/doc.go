// Package proxy is the data plane: it takes an application's outgoing connections, finds those that a bundle governs, and lets
// through what the decision function permits about exactly the bytes that are forwarded.
//
// Connections are classified by their original destination and by the name that they ask for. Ungoverned ones are spliced byte for
// byte. On governed ones only HTTP in one canonical form is spoken; whatever is not understood, fails, panics or takes too long is
// denied. Bundles come from internal/distribute/client, facts from internal/ledger/client, decisions from internal/decide. The
// package knows no Kubernetes, and no person appears in its logs, metrics or errors.
package proxy
