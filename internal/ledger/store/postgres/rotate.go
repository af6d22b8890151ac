package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/optup/optup/internal/ledger/store"
)

// RootKeys implements store.Rotations.
func (s *Store) RootKeys(ctx context.Context) ([]store.RootKey, error) { return rootKeys(ctx, s.pool) }

// RootKeys gives what a database keeps about later root keys, before it is opened: none for one that has no tables yet.
func RootKeys(ctx context.Context, url func() (string, error)) ([]store.RootKey, error) {
	config, err := configure(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 1
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("the database cannot be reached: %w", err)
	}
	defer pool.Close()
	if err := durable(ctx, pool); err != nil {
		return nil, err
	}
	return rootKeys(ctx, pool)
}

const undefinedTable = "42P01"

func rootKeys(ctx context.Context, q querier) ([]store.RootKey, error) {
	rows, err := q.Query(ctx, `SELECT number, id, sealed FROM root_keys ORDER BY number`)
	var out []store.RootKey
	if err == nil {
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (k store.RootKey, err error) {
			return k, row.Scan(&k.Number, &k.ID, &k.Sealed)
		})
	}
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == undefinedTable:
		return nil, nil // a database from before keys could change
	case err != nil:
		return nil, fmt.Errorf("the root keys cannot be read: %w", err)
	}
	return out, nil
}

// Rotate implements store.Rotations. The head is locked, so that no replica appends meanwhile.
func (s *Store) Rotate(ctx context.Context, from, to store.Scheme, key *store.RootKey) error {
	if to != from.Next() {
		return store.ErrScheme
	}
	err := s.write(ctx, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `UPDATE head SET tag_key = $1, tag_other = $2, rekeyed = $3 WHERE tag_key = $4 AND tag_other = $5`,
			to.Current, to.Other, s.now().UnixNano(), from.Current, from.Other)
		switch {
		case err != nil:
			return err
		case done.RowsAffected() == 0:
			return store.ErrScheme
		case key == nil:
			return nil
		}
		_, err = tx.Exec(ctx, `INSERT INTO root_keys (number, id, sealed) VALUES ($1, $2, $3)`, key.Number, key.ID, key.Sealed)
		return err
	})
	if err != nil {
		return fmt.Errorf("the key cannot be changed: %w", err)
	}
	return nil
}
