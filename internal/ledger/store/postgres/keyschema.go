package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// keySchema makes the place of people's keys again in a database that was restored from a backup: backups leave it out, and what is known
// of migrations is in them. What was sealed before stays unreadable until the keys are restored, too.
func keySchema(ctx context.Context, p *pgxpool.Pool) error {
	var there bool
	err := p.QueryRow(ctx, `SELECT to_regclass('optup_keys.keys') IS NOT NULL`).Scan(&there)
	if err == nil && !there {
		_, err = p.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS optup_keys; CREATE TABLE IF NOT EXISTS optup_keys.keys (id bytea PRIMARY KEY, wrapped bytea NOT NULL)`)
	}
	if err != nil {
		return fmt.Errorf("the schema optup_keys, where the keys of people are, cannot be used; restore it, or start once as the owner of the database: %w", err)
	}
	return nil
}
