package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/optup/optup/internal/ledger/store"
)

func moment(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.Unix(0, at).UTC()
}

// RootKeys implements store.Rotations.
func (s *Store) RootKeys(ctx context.Context) ([]store.RootKey, error) {
	return rootKeys(ctx, s.reader)
}

// RootKeys gives what the database in a directory keeps about later root keys, before it is opened: none for one that is not there yet.
func RootKeys(ctx context.Context, dir string) ([]store.RootKey, error) {
	return RootKeysIn(ctx, filepath.Join(dir, FileName))
}

// RootKeysIn is RootKeys for a file, such as a backup.
func RootKeysIn(ctx context.Context, path string) ([]store.RootKey, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	db, err := open(path, nil)
	if err != nil {
		return nil, err
	}
	keys, err := rootKeys(ctx, db)
	return keys, errors.Join(err, db.Close())
}

func rootKeys(ctx context.Context, db *sql.DB) (out []store.RootKey, err error) {
	rows, err := db.QueryContext(ctx, `SELECT number, id, sealed FROM root_keys ORDER BY number`)
	if err != nil {
		if strings.Contains(err.Error(), "no such table") {
			return nil, nil // a database from before keys could change
		}
		return nil, fmt.Errorf("the root keys cannot be read: %w", told(err))
	}
	defer rows.Close()
	for rows.Next() {
		var k store.RootKey
		if err := rows.Scan(&k.Number, &k.ID, &k.Sealed); err != nil {
			return nil, fmt.Errorf("the root keys cannot be read: %w", told(err))
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// Rotate implements store.Rotations. The one writer of the file keeps appends away meanwhile.
func (s *Store) Rotate(ctx context.Context, from, to store.Scheme, key *store.RootKey) error {
	if to != from.Next() {
		return store.ErrScheme
	}
	return s.write(ctx, "the key cannot be changed", func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE head SET tag_key = ?, tag_other = ?, rekeyed = ? WHERE tag_key = ? AND tag_other = ?`,
			to.Current, to.Other, s.now().UnixNano(), from.Current, from.Other)
		if err != nil {
			return told(err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(store.ErrScheme, err)
		}
		if key == nil {
			return nil
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO root_keys (number, id, sealed) VALUES (?, ?, ?)`, key.Number, key.ID, key.Sealed)
		return told(err)
	})
}
