package proof

import (
	"fmt"

	"github.com/transparency-dev/merkle/compact"

	"github.com/optup/optup/internal/consent"
)

// Reader reads what is kept of a log. Both methods give exactly as many hashes as they are asked for, at most 256, and fail if one is
// missing.
type Reader interface {
	// Leaves gives the hashes of n leaves in the order of their positions, from first on.
	Leaves(first consent.Position, n int) ([]Hash, error)
	// Nodes gives the hashes of n nodes of a level (8, 16, ...) in the order of their indices, from first on.
	Nodes(level int, first uint64, n int) ([]Hash, error)
}

// tiles reads a log of one size by whole tiles, each at most once.
type tiles struct {
	from Reader
	size uint64
	read map[compact.NodeID][]Hash
}

func newTiles(r Reader, size consent.Position) *tiles {
	return &tiles{from: r, size: uint64(size), read: map[compact.NodeID][]Hash{}}
}

// tile gives the nodes of one tile of a level that is kept, as far as they are complete in a log of this size.
func (t *tiles) tile(level uint, index uint64) ([]Hash, error) {
	id := compact.NewNodeID(level, index)
	if hashes, ok := t.read[id]; ok {
		return hashes, nil
	}
	first := index << tileBits
	n := int(min(tileSize, t.size>>level-first))
	var hashes []Hash
	var err error
	if level == 0 {
		hashes, err = t.from.Leaves(consent.Position(first+1), n)
	} else {
		hashes, err = t.from.Nodes(int(level), first, n)
	}
	if err != nil {
		return nil, fmt.Errorf("the log cannot be read at level %d from %d: %w", level, first, err)
	}
	if len(hashes) != n {
		return nil, fmt.Errorf("the log has %d of %d hashes at level %d from %d; verify it", len(hashes), n, level, first)
	}
	t.read[id] = hashes
	return hashes, nil
}

// node gives the hash of a complete subtree.
func (t *tiles) node(id compact.NodeID) (Hash, error) {
	if _, end := id.Coverage(); end > t.size {
		return Hash{}, fmt.Errorf("subtree %d of level %d is not complete in a log of %d entries", id.Index, id.Level, t.size)
	}
	above := id.Level % tileBits
	first, n := id.Index<<above, uint64(1)<<above
	hashes, err := t.tile(id.Level-above, first>>tileBits)
	if err != nil {
		return Hash{}, err
	}
	first %= tileSize
	f, _ := Frontier{}.Append(hashes[first : first+n]...)
	return f.Root(), nil
}

func (t *tiles) nodes(ids []compact.NodeID) ([]Hash, error) {
	hashes := make([]Hash, len(ids))
	for i, id := range ids {
		var err error
		if hashes[i], err = t.node(id); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}
