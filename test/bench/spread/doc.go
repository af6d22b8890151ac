// Package spread measures how a withdrawal spreads from a ledger to many sidecars over TLS, and what a subscriber costs the ledger in
// memory.
//
// Each side is two processes: a ledger that appends withdrawals at a fixed rate and spreads them in its own way, and its subscribers,
// which read as a sidecar does. Ours is the consent stream; the peers are NATS embedded in the ledger, fanning out the same bytes, and
// one LISTEN on PostgreSQL for each subscriber. All have a ledger's database of the same people, and commit each event before it is spread.
package spread
