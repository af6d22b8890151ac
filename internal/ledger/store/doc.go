// Package store is the contract of a ledger's storage: an append-only log of events with gap-free positions in commit order,
// and the folded record of each person, kept in the same transaction.
//
// It knows tags, never identifiers in the clear, and no purposes or notices. Events come from internal/ledger; records go there
// and to internal/ledger/stream. Package storetest is the acceptance test of every implementation.
package store
