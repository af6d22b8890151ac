// Package keys makes a ledger's keys from its root key: the stream key of the controller, with which identifiers become tags, and the
// key that signs checkpoints of its log.
//
// The root key never leaves the ledger. Losing it loses the link from every person to what they agreed to, so it is created once
// and never replaced. It comes from a file; the stream key goes to internal/ledger/stream, tags to internal/ledger/store.
package keys
