package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

var _ store.Replicas = (*Store)(nil)

// serverTime is the server's, in nanoseconds since 1970: clocks of replicas may differ.
const serverTime = `(extract(epoch FROM clock_timestamp()) * 1000000000)::bigint`

// Await implements store.Replicas. What nobody waits for any more is forgotten here.
func (s *Store) Await(ctx context.Context, at consent.Position, until time.Duration) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO awaited (position, until) VALUES ($1, `+serverTime+` + $2)
		ON CONFLICT (position) DO UPDATE SET until = greatest(awaited.until, excluded.until)`, int64(at), int64(until))
	if err == nil {
		_, err = s.pool.Exec(ctx, `DELETE FROM awaited WHERE until < `+serverTime)
	}
	if err != nil {
		return fmt.Errorf("other replicas cannot be asked: %w", err)
	}
	return nil
}

// Awaited implements store.Replicas.
func (s *Store) Awaited(ctx context.Context) (at consent.Position, err error) {
	if err := s.pool.QueryRow(ctx, `SELECT coalesce(max(position), 0) FROM awaited WHERE until >= `+serverTime).Scan(&at); err != nil {
		return 0, fmt.Errorf("what is waited for cannot be read: %w", err)
	}
	return at, nil
}

// Report implements store.Replicas. Replicas that are long gone are forgotten here.
func (s *Store) Report(ctx context.Context, r store.Replica) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO replicas (id, position, lapses) VALUES ($1, $2, `+serverTime+` + $3)
		ON CONFLICT (id) DO UPDATE SET position = excluded.position, lapses = excluded.lapses`, r.ID, int64(r.Position), int64(r.Rely))
	if err == nil {
		_, err = s.pool.Exec(ctx, `DELETE FROM replicas WHERE lapses < `+serverTime+` - $1`, int64(time.Hour))
	}
	if err != nil {
		return fmt.Errorf("other replicas cannot be told: %w", err)
	}
	return nil
}

// Reports implements store.Replicas.
func (s *Store) Reports(ctx context.Context, but string) ([]store.Replica, error) {
	rows, err := s.pool.Query(ctx, `SELECT id, position, lapses - `+serverTime+` FROM replicas WHERE id <> $1 AND lapses > `+serverTime, but)
	var out []store.Replica
	if err == nil {
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r store.Replica, err error) {
			return r, row.Scan(&r.ID, &r.Position, (*int64)(&r.Rely))
		})
	}
	if err != nil {
		return nil, fmt.Errorf("what other replicas tell cannot be read: %w", err)
	}
	return out, nil
}
