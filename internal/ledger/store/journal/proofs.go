package journal

import (
	"context"
	"fmt"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

// Log reads what is kept of the Merkle log. Leaves and nodes are never changed, so every read may see another moment.
type Log interface {
	Head(ctx context.Context) (store.Head, error)
	// Leaves gives the leaves at n positions from first on; Nodes n nodes of a level from an index on. What is missing is left out.
	Leaves(ctx context.Context, first consent.Position, n int) ([]proof.Hash, error)
	Nodes(ctx context.Context, level int, first uint64, n int) ([]proof.Hash, error)
}

// Proofs implements the proofs of store.Proofs over a Log.
type Proofs struct{ Log }

// reader is a Log for one call.
type reader struct {
	ctx context.Context
	log Log
}

func (r reader) Leaves(first consent.Position, n int) ([]proof.Hash, error) {
	return r.log.Leaves(r.ctx, first, n)
}

func (r reader) Nodes(level int, first uint64, n int) ([]proof.Hash, error) {
	return r.log.Nodes(r.ctx, level, first, n)
}

func (p Proofs) within(ctx context.Context, size consent.Position) (reader, error) {
	h, err := p.Head(ctx)
	if err != nil {
		return reader{}, err
	}
	if size > h.Position {
		return reader{}, fmt.Errorf("%w: %d, in a log of %d entries", proof.ErrRange, size, h.Position)
	}
	return reader{ctx, p.Log}, nil
}

// Inclusion implements store.Proofs.
func (p Proofs) Inclusion(ctx context.Context, position, size consent.Position) ([]proof.Hash, error) {
	r, err := p.within(ctx, size)
	if err != nil {
		return nil, err
	}
	return proof.Inclusion(r, position, size)
}

// Consistency implements store.Proofs.
func (p Proofs) Consistency(ctx context.Context, from, to consent.Position) ([]proof.Hash, error) {
	r, err := p.within(ctx, to)
	if err != nil {
		return nil, err
	}
	return proof.Consistency(r, from, to)
}

// RootAt implements store.Proofs.
func (p Proofs) RootAt(ctx context.Context, size consent.Position) (proof.Hash, error) {
	r, err := p.within(ctx, size)
	if err != nil {
		return proof.Hash{}, err
	}
	return proof.RootAt(r, size)
}
