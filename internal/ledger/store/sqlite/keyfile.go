package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/optup/optup/internal/ledger/store/seal"
)

// KeyFileName is the name of the file with the wrapped keys of people. Backups of the ledger leave it out: it is what erasure erases.
const KeyFileName = "keys.db"

// keyfile keeps wrapped keys in a database of its own. What is deleted is overwritten, and no journal outlives a commit.
type keyfile struct {
	db   *sql.DB
	ring *seal.Ring
}

func openKeys(ctx context.Context, dir string, ring *seal.Ring) (*keyfile, error) {
	path := filepath.Join(dir, KeyFileName)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the file of the keys cannot be written: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	db, err := open(path, url.Values{
		"_txlock": {"immediate"}, "_journal_mode": {"DELETE"}, "_synchronous": {"EXTRA"}, "_pragma": {"secure_delete(1)", temporary},
	})
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS keys (id BLOB PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID`); err != nil {
		return nil, errors.Join(fmt.Errorf("the file of the keys cannot be used: %w", err), db.Close())
	}
	return &keyfile{db: db, ring: ring}, nil
}

// create makes keys that are durable when it returns.
func (k *keyfile) create(ctx context.Context, n int) ([]*seal.Key, error) {
	tx, err := k.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	out := make([]*seal.Key, 0, n)
	for range n {
		key, wrapped, err := k.ring.New()
		if err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO keys (id, wrapped) VALUES (?, ?)`, key.ID[:], wrapped); err != nil {
			return nil, err
		}
		out = append(out, key)
	}
	return out, tx.Commit()
}

// find gives a key, or nil for one that was shredded.
func (k *keyfile) find(ctx context.Context, id seal.KeyID) (*seal.Key, error) {
	var wrapped []byte
	err := k.db.QueryRowContext(ctx, `SELECT wrapped FROM keys WHERE id = ?`, id[:]).Scan(&wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return k.ring.Unwrap(id, wrapped)
}

// shred erases keys; they are gone for good when it returns.
func (k *keyfile) shred(ctx context.Context, ids []seal.KeyID) error {
	tx, err := k.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	for _, id := range ids {
		if _, err := tx.ExecContext(ctx, `DELETE FROM keys WHERE id = ?`, id[:]); err != nil {
			return err
		}
	}
	return tx.Commit()
}
