package proof

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/optup/optup/internal/consent"
)

// tileBits is the height of a tile: nodes of every tileBits-th level are kept.
const (
	tileBits = 8
	tileSize = 1 << tileBits
)

// ErrFrontier reports bytes that are no frontier.
var ErrFrontier = errors.New("the frontier of the log is malformed; restore the database from a backup")

// Frontier is what a log needs to grow: its size, and the hashes of the complete subtrees that it consists of, from the largest to the
// smallest. The zero Frontier is that of an empty log. It is a value: no method changes it, so a transaction that is rolled back keeps
// the one it began with.
type Frontier struct {
	size   uint64
	hashes []Hash
}

// Node is the hash of a complete subtree, which has to be kept. The subtree has 1<<Level leaves and is the one with that Index, from 0,
// among those of its level.
type Node struct {
	Level int
	Index uint64
	Hash  Hash
}

// Size is the position of the newest leaf; 0 for none.
func (f Frontier) Size() consent.Position { return consent.Position(f.size) }

// Append gives the frontier with leaves added, and the nodes that came into being and have to be kept, in the order in which they did.
func (f Frontier) Append(leaves ...Hash) (Frontier, []Node) {
	next := Frontier{size: f.size, hashes: make([]Hash, len(f.hashes), len(f.hashes)+bits.Len(uint(len(leaves)))+1)}
	copy(next.hashes, f.hashes)
	var kept []Node
	for _, h := range leaves {
		// Every bit that is set at the end of the size is a subtree that the new leaf completes.
		level := 0
		for ; next.size>>level&1 == 1; level++ {
			last := len(next.hashes) - 1
			h = parent(next.hashes[last], h)
			next.hashes = next.hashes[:last]
			if up := level + 1; up%tileBits == 0 {
				kept = append(kept, Node{Level: up, Index: next.size >> up, Hash: h})
			}
		}
		next.hashes = append(next.hashes, h)
		next.size++
	}
	return next, kept
}

// Root is the root of the log.
func (f Frontier) Root() Hash {
	if len(f.hashes) == 0 {
		return Empty()
	}
	return fold(f.hashes)
}

// Equal tells whether both are the frontier of the same log.
func (f Frontier) Equal(other Frontier) bool {
	return f.size == other.size && slices.Equal(f.hashes, other.hashes)
}

// fold hashes subtrees, from the largest to the smallest, up to the root over all of them.
func fold(hashes []Hash) Hash {
	root := hashes[len(hashes)-1]
	for i := len(hashes) - 2; i >= 0; i-- {
		root = parent(hashes[i], root)
	}
	return root
}

// AppendBinary appends the one encoding of a frontier: its size in eight bytes, big endian, and its hashes.
func (f Frontier) AppendBinary(dst []byte) ([]byte, error) {
	dst = binary.BigEndian.AppendUint64(dst, f.size)
	for i := range f.hashes {
		dst = append(dst, f.hashes[i][:]...)
	}
	return dst, nil
}

// MarshalBinary encodes a frontier.
func (f Frontier) MarshalBinary() ([]byte, error) {
	return f.AppendBinary(make([]byte, 0, 8+len(f.hashes)*sha256.Size))
}

// ParseFrontier reads an encoded frontier. No bytes at all stand for an empty log. It fails with ErrFrontier.
func ParseFrontier(b []byte) (Frontier, error) {
	if len(b) == 0 {
		return Frontier{}, nil
	}
	if len(b) < 8 {
		return Frontier{}, fmt.Errorf("%w: it has %d bytes", ErrFrontier, len(b))
	}
	size, rest := binary.BigEndian.Uint64(b), b[8:]
	n := bits.OnesCount64(size)
	if len(rest) != n*sha256.Size {
		return Frontier{}, fmt.Errorf("%w: %d bytes of hashes for a log of %d entries", ErrFrontier, len(rest), size)
	}
	f := Frontier{size: size, hashes: make([]Hash, n)}
	for i := range f.hashes {
		copy(f.hashes[i][:], rest[i*sha256.Size:])
	}
	return f, nil
}
