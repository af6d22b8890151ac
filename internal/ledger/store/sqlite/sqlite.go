package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite" // "sqlite"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/seal"
	"github.com/optup/optup/internal/ledger/store/sqlite/engine"
)

//go:embed migrations/*.sql
var migrations embed.FS

// FileName is the name of the database within the data directory.
const FileName = "ledger.db"

// Store implements store.Store.
type Store struct {
	journal.Proofs
	path string
	// writer is of those who do not append; they and the appender take turns.
	writer  *sql.DB
	turn    turn
	reader  *sql.DB
	now     func() time.Time
	journal *journal.Journal
	// database is what the journal appends to.
	database *database
	keys     *keyfile
	finders  *finders
	glancer  *glancer

	mu     sync.RWMutex // held by writers other than the journal, against Close
	closed bool
}

var _ store.Store = (*Store)(nil)

// Open opens or creates the database in a directory. KeyID names the key that tags are made with; a database of another key is
// refused with store.ErrKey. Wrapping is the key that wraps the keys of people, now is the ledger's clock, and options are those of the
// journal.
func Open(ctx context.Context, dir, keyID string, wrapping []byte, now func() time.Time, options ...journal.Option) (_ *Store, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory cannot be created: %w", err)
	}
	// What tells when a file was written last need not be on disk before a commit is acknowledged; what and how much is in it is.
	if _, err := driver.Fdatasync(true); err != nil && !errors.Is(err, driver.ErrFdatasyncUnavailable) {
		return nil, fmt.Errorf("SQLite cannot be told how to write to disk: %w", err)
	}
	path := filepath.Join(dir, FileName)
	// SQLite gives its -wal and -shm files the mode of the database file.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the data directory cannot be written: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	s := &Store{path: path, now: now, turn: make(turn, 1)}
	s.Proofs = journal.Proofs{Log: s}
	defer func() {
		if err != nil {
			_ = s.closeDatabases() // what went wrong first is what is told
		}
	}()
	if s.writer, err = open(path, url.Values{"_txlock": {"immediate"}}); err != nil {
		return nil, err
	}
	s.writer.SetMaxOpenConns(1)
	if s.reader, err = open(path, url.Values{"_query_only": {"true"}}); err != nil {
		return nil, err
	}
	s.reader.SetMaxOpenConns(8)
	if err := s.migrate(ctx, keyID); err != nil {
		return nil, err
	}
	s.finders = newFinders(path)
	if s.glancer, err = newGlancer(path); err != nil {
		return nil, fmt.Errorf("the head cannot be watched: %w", err)
	}
	ring, err := seal.NewRing(wrapping, keyID)
	if err != nil {
		return nil, err
	}
	if s.keys, err = openKeys(ctx, dir, ring); err != nil {
		return nil, err
	}
	if s.database, err = openDatabase(path, s.keys, s.turn); err != nil {
		return nil, err
	}
	s.journal = journal.New(s.database, now, append([]journal.Option{journal.Streaming()}, options...)...)
	return s, nil
}

// temporary keeps what statements put aside in memory: a pod whose file system is read-only has no room for it elsewhere.
const (
	temporary       = "temp_store(memory)"
	temporaryPragma = "temp_store = memory"
)

// pageSize is that of new files. An event is appended with about a third of a page, so that larger ones are fewer to write.
const pageSize = "page_size(8192)"

func open(path string, more url.Values) (*sql.DB, error) {
	q := url.Values{"_busy_timeout": {"10000"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_foreign_keys": {"true"}}
	q.Add("_pragma", "secure_delete(on)") // what is erased is overwritten
	q.Add("_pragma", pageSize)
	q.Add("_pragma", temporary)
	for k, v := range more {
		q[k] = v
	}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: path, RawQuery: q.Encode()}).String())
}

// openReading opens a connection of the engine that writes nothing.
func openReading(path string, more ...string) (*engine.Conn, error) {
	return engine.Open(path, append([]string{`PRAGMA query_only = 1`, `PRAGMA ` + temporaryPragma}, more...)...)
}

func (s *Store) migrate(ctx context.Context, keyID string) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.writer, files,
		goose.WithGoMigrations(goose.NewGoMigration(5, &goose.GoFunc{RunTx: fillJournal}, nil)))
	if err != nil {
		return fmt.Errorf("the database cannot be migrated: %w", err)
	}
	is, known, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("the database cannot be migrated: %w", err)
	}
	if is > known {
		return fmt.Errorf("the database is of a later version of OptUp, with layout %d, and this one knows %d: run the later one, or restore a backup from before",
			is, known)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("the database cannot be migrated: %w", err)
	}
	if _, err := s.writer.ExecContext(ctx, `INSERT INTO head (id, epoch, position, at, key_id, hashed) VALUES (1, ?, 0, 0, ?, 0) ON CONFLICT DO NOTHING`,
		rand.Text(), keyID); err != nil {
		return fmt.Errorf("the head cannot be written: %w", err)
	}
	var have string
	if err := s.writer.QueryRowContext(ctx, `SELECT key_id FROM head`).Scan(&have); err != nil {
		return fmt.Errorf("the head cannot be read: %w", err)
	}
	if have != keyID {
		return store.ErrKey
	}
	return nil
}

// Watch implements store.Store.
func (s *Store) Watch(f func([]store.Change)) { s.journal.Watch(f) }

// Append implements store.Store.
func (s *Store) Append(ctx context.Context, events ...store.Append) ([]store.Result, []error, error) {
	return s.journal.Append(ctx, events...)
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.journal.Close()
	return s.closeDatabases()
}

func (s *Store) closeDatabases() error {
	var errs []error
	if s.database != nil {
		errs = append(errs, s.database.close())
	}
	if s.finders != nil {
		errs = append(errs, s.finders.close())
	}
	if s.glancer != nil {
		errs = append(errs, s.glancer.close())
	}
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.keys != nil {
		errs = append(errs, s.keys.db.Close())
	}
	return errors.Join(errs...)
}
