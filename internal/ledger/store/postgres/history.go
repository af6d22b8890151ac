package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// History implements store.Histories.
func (s *Store) History(ctx context.Context, tags []consent.Tag, before consent.Position, limit int) ([]store.Logged, error) {
	all, err := s.same(ctx, tags)
	if err != nil {
		return nil, fmt.Errorf("the history cannot be read: %w", err)
	}
	if before == 0 {
		before = math.MaxInt64
	}
	rows, err := s.pool.Query(ctx, `WITH who AS (SELECT identity FROM tags WHERE tag = ANY($1))
		SELECT position, leaf, salt, entry FROM events WHERE entry IS NOT NULL AND position < $2 AND position IN (
			SELECT e.position FROM events e JOIN who ON e.identity = who.identity UNION SELECT n.position FROM event_identities n JOIN who ON n.identity = who.identity)
		ORDER BY position DESC LIMIT $3`, all, int64(before), limit)
	if err != nil {
		return nil, fmt.Errorf("the history cannot be read: %w", err)
	}
	out, err := pgx.CollectRows(rows, scanLogged)
	if err != nil {
		return nil, fmt.Errorf("the history cannot be read: %w", err)
	}
	return out, nil
}

func scanLogged(row pgx.CollectableRow) (l store.Logged, err error) {
	var leaf []byte
	err = row.Scan(&l.Position, &leaf, &l.Salt, &l.Entry)
	copy(l.Leaf[:], leaf)
	return l, err
}
