// Package ledgertest runs a whole ledger (SQLite in a temporary directory, HTTP on loopback) with signed tokens and grants, for
// tests of the ledger and of what talks to it. It is imported by tests only.
package ledgertest
