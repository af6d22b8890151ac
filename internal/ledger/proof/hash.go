package proof

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/transparency-dev/merkle/rfc6962"
)

// Hash is a hash of a leaf or of a node.
type Hash = [sha256.Size]byte

// SaltSize is the size of a salt in bytes.
const SaltSize = 16

// Salt is random and kept with its entry. Once it is shredded, the leaf tells nothing of the entry any more, even to somebody who
// guesses it.
type Salt [SaltSize]byte

// Leaf gives the hash of the leaf of an entry: the RFC 6962 leaf hash of the salt and the entry after it.
func Leaf(salt Salt, entry []byte) Hash {
	b := make([]byte, 0, 1024) // enough for most, and not on the heap
	b = append(b, rfc6962.RFC6962LeafHashPrefix)
	b = append(append(b, salt[:]...), entry...)
	return sha256.Sum256(b)
}

// Empty is the root of an empty log.
func Empty() Hash { return sha256.Sum256(nil) }

// Format writes a hash for people and in JSON.
func Format(h Hash) string { return hex.EncodeToString(h[:]) }

func parent(left, right Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = rfc6962.RFC6962NodeHashPrefix
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}
