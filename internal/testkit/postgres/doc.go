// Package postgres starts private PostgreSQL servers for tests, from the binaries that Debian's package installs.
//
// Shared is one server for all tests of a binary, with a database for each; Start gives a test a server of its own that it may
// kill. A server lives in a temporary folder, is reached by a Unix socket and by a port on loopback, and does not outlive the test
// binary, however that ends. It knows nothing of the ledger.
package postgres
