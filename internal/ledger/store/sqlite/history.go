package sqlite

import (
	"context"
	"fmt"
	"math"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// History implements store.Histories.
func (s *Store) History(ctx context.Context, tags []consent.Tag, before consent.Position, limit int) ([]store.Logged, error) {
	people, err := s.loaded(ctx, tags)
	if err != nil {
		return nil, fmt.Errorf("the history cannot be read: %w", err)
	}
	if before == 0 || before > math.MaxInt64 {
		before = math.MaxInt64
	}
	tags = people.SamePerson(tags)
	rows, err := s.reader.QueryContext(ctx, `WITH RECURSIVE who (id) AS MATERIALIZED (SELECT DISTINCT identity FROM tags WHERE tag IN (`+marks(len(tags))+`)),
			`+fmt.Sprintf(chains, `id IN (SELECT id FROM who)`)+`
		SELECT position, leaf, salt, entry FROM events WHERE entry IS NOT NULL AND position < ? AND position IN (
			SELECT position FROM named_identities WHERE named AND identity IN (SELECT id FROM who) UNION ALL SELECT position FROM chain)
		ORDER BY position DESC LIMIT ?`, append(blobs(tags), int64(before), limit)...)
	if err != nil {
		return nil, fmt.Errorf("the history cannot be read: %w", err)
	}
	return scanLogged(rows)
}
