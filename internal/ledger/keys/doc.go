// Package keys makes a ledger's keys from its root key: the stream key of the controller, with which identifiers become tags, and the
// key that signs checkpoints of its log.
//
// The root key never leaves the ledger. Losing it loses the link from every person to what they agreed to. It comes from a file; the stream
// key goes to internal/ledger/stream, tags to internal/ledger/store. Another root key may take over the tags while the ledger serves (see
// Lineage, and internal/ledger/rekey); the one before is kept in the database then, sealed with it.
package keys
