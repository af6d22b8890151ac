package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/audit"
)

// Backup writes a copy of a database file, as of one moment, to a file that must not exist. A ledger may be running on it and goes on. The
// keys that readable content is sealed with are in a file of their own, and not in the copy.
func Backup(ctx context.Context, path, to string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("the database cannot be read: %w", err)
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: path, RawQuery: url.Values{"_busy_timeout": {"10000"}, "_pragma": {temporary}}.Encode()}).String())
	if err != nil {
		return err
	}
	return errors.Join(vacuum(ctx, db, to), db.Close())
}

// vacuum copies into a new file, and gives it its name once it is whole and on disk.
func vacuum(ctx context.Context, db *sql.DB, to string) error {
	if _, err := os.Lstat(to); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s exists; a backup is never written over another", to)
	}
	part := to + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("the backup cannot be written: %w", err)
	}
	// An empty file is taken as a new database, and keeps its mode.
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, part)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(part, to)
	}
	if err != nil {
		_ = os.Remove(part)
		return fmt.Errorf("the backup cannot be written: %w", err)
	}
	return syncDir(filepath.Dir(to))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Import fills the database, which has to be empty, with an export.
func (s *Store) Import(ctx context.Context, f *audit.File, progress func(step string, done, of consent.Position)) error {
	return audit.Import(ctx, s.database, f, progress)
}

// Restore makes a backup the database of a directory that has none, for a ledger with a key. It gives the log a new epoch: what was
// appended after the backup is not in it, so that whoever followed the log must not take it for the same. Nothing is verified here.
func Restore(ctx context.Context, from, dir, keyID string) error {
	to := filepath.Join(dir, FileName)
	for _, name := range []string{to, to + "-wal", to + "-journal"} {
		if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s exists; a backup goes into a directory without a database: move the old one away, and keep it", name)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the data directory cannot be created: %w", err)
	}
	whole := to + ".restored"
	if err := Backup(ctx, from, whole); err != nil {
		return err
	}
	err := renew(ctx, whole, keyID)
	if err == nil {
		err = os.Rename(whole, to)
	}
	if err != nil {
		_ = os.Remove(whole)
		return err
	}
	return syncDir(dir)
}

func renew(ctx context.Context, path, keyID string) error {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: path, RawQuery: url.Values{"_synchronous": {"FULL"}, "_pragma": {temporary}}.Encode()}).String())
	if err != nil {
		return err
	}
	var have string
	err = db.QueryRowContext(ctx, `SELECT key_id FROM head`).Scan(&have)
	switch {
	case err != nil:
		err = fmt.Errorf("the backup is no database of a ledger: %w", err)
	case have != keyID:
		err = store.ErrKey
	default:
		_, err = db.ExecContext(ctx, `UPDATE head SET epoch = ?`, rand.Text())
	}
	return errors.Join(err, db.Close())
}
