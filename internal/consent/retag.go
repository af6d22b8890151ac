package consent

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
)

// MaxKeys bounds how often the key of a ledger's tags may change.
const MaxKeys = 255

// generationByte is where a tag tells which key it is of. Tables of facts do not look at it.
const generationByte = 14

// Generation tells which key a tag is of, from the second on. A tag of the first key may seem to be of any.
func (t Tag) Generation() int { return int(t[generationByte]) }

// Retagger makes the tags of a key out of those of the key before. A tag says nothing about the identifier, and most identifiers are nowhere
// in a ledger, so this is the only way to give everybody a new tag. It is not safe for concurrent use.
type Retagger struct {
	mac        hash.Hash
	generation byte
	sum        []byte
}

// NewRetagger takes the number of the key as well, which is 2 or more.
func NewRetagger(key []byte, generation int) (*Retagger, error) {
	if len(key) < 32 || generation < 2 || generation > MaxKeys {
		return nil, fmt.Errorf("tag key %d has %d bytes, need at least 32, and at most %d keys", generation, len(key), MaxKeys)
	}
	return &Retagger{mac: hmac.New(sha256.New, key), generation: byte(generation), sum: make([]byte, 0, sha256.Size)}, nil
}

// Retag gives the tag that takes the place of one of the key before.
func (r *Retagger) Retag(old Tag) (t Tag) {
	r.mac.Reset()
	r.mac.Write(old[:])
	r.sum = r.mac.Sum(r.sum[:0])
	copy(t[:], r.sum)
	t[generationByte] = r.generation
	return t
}
