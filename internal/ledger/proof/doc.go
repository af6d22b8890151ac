// Package proof is the Merkle log of a ledger (RFC 6962): hashes of entries, the frontier to which they are appended, and the proofs
// that an entry is in the log and that a log goes on from an earlier one.
//
// It is pure and knows no database. Leaves stand at positions, which start at 1, so a log's size is the position of its newest entry.
// What has to be kept is the frontier, the leaf hashes, and the nodes that Append names: those of complete subtrees of 256 leaves, of
// 256 of these, and so on. Everything between is hashed again, within one tile of 256.
package proof
