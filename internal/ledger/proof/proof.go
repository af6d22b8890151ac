package proof

import (
	"errors"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/optup/optup/internal/consent"
)

// ErrRange reports a position or a size that the log does not have.
var ErrRange = errors.New("the log has no such position")

// ErrProof reports a proof that does not prove what it should.
var ErrProof = errors.New("the proof does not hold")

// FrontierAt gives the frontier that a log had at a size.
func FrontierAt(r Reader, size consent.Position) (Frontier, error) {
	hashes, err := newTiles(r, size).nodes(compact.RangeNodes(0, uint64(size), nil))
	if err != nil {
		return Frontier{}, err
	}
	return Frontier{size: uint64(size), hashes: hashes}, nil
}

// RootAt gives the root that a log had at a size.
func RootAt(r Reader, size consent.Position) (Hash, error) {
	f, err := FrontierAt(r, size)
	return f.Root(), err
}

// Inclusion proves that the leaf at a position is in the log of a size. It fails with ErrRange.
func Inclusion(r Reader, position, size consent.Position) ([]Hash, error) {
	if position < 1 || position > size {
		return nil, fmt.Errorf("%w: %d, in a log of %d entries", ErrRange, position, size)
	}
	plan, err := proof.Inclusion(uint64(position-1), uint64(size))
	if err != nil {
		return nil, err
	}
	return build(r, plan, size)
}

// Consistency proves that the log of size to begins with the log of size from. It fails with ErrRange.
func Consistency(r Reader, from, to consent.Position) ([]Hash, error) {
	if from > to {
		return nil, fmt.Errorf("%w: %d is after %d", ErrRange, from, to)
	}
	plan, err := proof.Consistency(uint64(from), uint64(to))
	if err != nil {
		return nil, err
	}
	return build(r, plan, to)
}

func build(r Reader, plan proof.Nodes, size consent.Position) ([]Hash, error) {
	hashes, err := newTiles(r, size).nodes(plan.IDs)
	if err != nil {
		return nil, err
	}
	path, err := plan.Rehash(slicesOf(hashes), rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		return nil, err
	}
	out := make([]Hash, len(path))
	for i, h := range path {
		out[i] = Hash(h)
	}
	return out, nil
}

// VerifyInclusion checks that the leaf at a position is in the log that has a root at a size. It fails with ErrProof.
func VerifyInclusion(position, size consent.Position, leaf Hash, path []Hash, root Hash) error {
	if position < 1 || position > size {
		return fmt.Errorf("%w: there is no position %d in a log of %d entries", ErrProof, position, size)
	}
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(position-1), uint64(size), leaf[:], slicesOf(path), root[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	return nil
}

// VerifyConsistency checks that the log with root newer at size to begins with the log that has root older at size from. It fails with
// ErrProof.
func VerifyConsistency(from, to consent.Position, path []Hash, older, newer Hash) error {
	if from == 0 && older != Empty() {
		return fmt.Errorf("%w: the root of an empty log is another", ErrProof)
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(from), uint64(to), slicesOf(path), older[:], newer[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	return nil
}

func slicesOf(hashes []Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}
