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
func (s *Store) History(ctx context.Context, tags []consent.Tag, before consent.Position, limit int) (out []store.Logged, err error) {
	if before == 0 || before > math.MaxInt64 {
		before = math.MaxInt64
	}
	err = s.read(ctx, func(tx pgx.Tx) error {
		found, err := load(ctx, tx, tags)
		if err != nil {
			return err
		}
		var ids []int64
		of := map[consent.Tag]int64{}
		for _, id := range found.Identities {
			for _, t := range id.Tags {
				of[t] = id.ID
			}
		}
		for _, t := range found.SamePerson(tags) {
			if id := of[t]; id != 0 {
				ids = append(ids, id)
			}
		}
		rows, err := tx.Query(ctx, `WITH RECURSIVE chain (position) AS (SELECT latest FROM identities WHERE id = ANY($1) AND latest > 0
				UNION ALL SELECT e.previous FROM chain c JOIN events e ON e.position = c.position WHERE e.previous > 0)
			SELECT position, leaf, salt, entry FROM events WHERE entry IS NOT NULL AND position IN (
				SELECT position FROM chain WHERE position < $2
				UNION ALL SELECT position FROM events WHERE identity = ANY($1) AND previous IS NULL AND position < $2
				UNION ALL SELECT position FROM event_identities WHERE identity = ANY($1) AND position < $2)
			ORDER BY position DESC LIMIT $3`, ids, before, limit)
		if err == nil {
			out, err = pgx.CollectRows(rows, rowToLogged)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the history cannot be read: %w", err)
	}
	return out, nil
}

var _ store.Histories = (*Store)(nil)
