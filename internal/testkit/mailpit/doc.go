// Package mailpit starts private mail servers for tests: Mailpit, built from its Go module into bin/ (make mailpit). They keep what
// they are sent, and tests read it through Mailpit's API.
//
// A server listens on loopback and does not outlive the test binary, however that ends. It knows nothing of the ledger.
package mailpit
