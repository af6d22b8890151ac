package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

// Leaves implements journal.Log.
func (s *Store) Leaves(ctx context.Context, first consent.Position, n int) ([]proof.Hash, error) {
	return s.hashes(ctx, `SELECT leaf FROM events WHERE position >= $1 AND position < $2 ORDER BY position`, int64(first), int64(first)+int64(n))
}

// Nodes implements journal.Log.
func (s *Store) Nodes(ctx context.Context, level int, first uint64, n int) ([]proof.Hash, error) {
	return s.hashes(ctx, `SELECT hash FROM nodes WHERE level = $3 AND index >= $1 AND index < $2 ORDER BY index`, int64(first), int64(first)+int64(n), level)
}

func (s *Store) hashes(ctx context.Context, query string, args ...any) ([]proof.Hash, error) {
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("the log cannot be read: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h proof.Hash, err error) {
		var raw []byte
		err = row.Scan(&raw)
		copy(h[:], raw)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("the log cannot be read: %w", err)
	}
	return out, nil
}

// Entries implements store.Proofs.
func (s *Store) Entries(ctx context.Context, from consent.Position, limit int) ([]store.Logged, error) {
	if from > math.MaxInt64 {
		return nil, nil // no log is so long, and no database knows the number
	}
	rows, err := s.pool.Query(ctx, `SELECT position, leaf, salt, entry FROM events WHERE position >= $1 ORDER BY position LIMIT $2`, from, limit)
	if err != nil {
		return nil, fmt.Errorf("the log cannot be read: %w", err)
	}
	out, err := pgx.CollectRows(rows, rowToLogged)
	if err != nil {
		return nil, fmt.Errorf("the log cannot be read: %w", err)
	}
	return out, nil
}

func rowToLogged(row pgx.CollectableRow) (l store.Logged, err error) {
	var leaf []byte
	err = row.Scan(&l.Position, &leaf, &l.Salt, &l.Entry)
	copy(l.Leaf[:], leaf)
	return l, err
}
