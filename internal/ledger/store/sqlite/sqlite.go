package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// FileName is the name of the database within the data directory.
const FileName = "ledger.db"

// Store implements store.Store.
type Store struct {
	writer *sql.DB
	reader *sql.DB
	now    func() time.Time
	watch  func([]store.Change)

	queue   chan *job
	mu      sync.RWMutex // guards closed against sends on queue
	closed  bool
	stopped chan struct{}
	broken  error // set by the appender only
}

var _ store.Store = (*Store)(nil)

// Open opens or creates the database in a directory. KeyID names the key that tags are made with; a database of another key is
// refused with store.ErrKey. Now is the ledger's clock.
func Open(ctx context.Context, dir, keyID string, now func() time.Time) (_ *Store, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory cannot be created: %w", err)
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
	s := &Store{now: now, watch: func([]store.Change) {}, queue: make(chan *job, queueLength), stopped: make(chan struct{})}
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
	st, err := prepare(ctx, s.writer)
	if err != nil {
		return nil, err
	}
	go s.run(st)
	return s, nil
}

func open(path string, more url.Values) (*sql.DB, error) {
	q := url.Values{"_busy_timeout": {"10000"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_foreign_keys": {"true"}}
	for k, v := range more {
		q[k] = v
	}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: path, RawQuery: q.Encode()}).String())
}

func (s *Store) migrate(ctx context.Context, keyID string) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.writer, files)
	if err != nil {
		return fmt.Errorf("the database cannot be migrated: %w", err)
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
func (s *Store) Watch(f func([]store.Change)) { s.watch = f }

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.queue)
	s.mu.Unlock()
	<-s.stopped
	return s.closeDatabases()
}

func (s *Store) closeDatabases() error {
	var errs []error
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func head(ctx context.Context, q querier) (store.Head, error) {
	var h store.Head
	var at int64
	if err := q.QueryRowContext(ctx, `SELECT epoch, position, at, hashed FROM head`).Scan(&h.Epoch, &h.Position, &at, &h.Hashed); err != nil {
		return h, fmt.Errorf("the head cannot be read: %w", err)
	}
	if at != 0 {
		h.At = time.Unix(0, at).UTC()
	}
	return h, nil
}

// Head implements store.Store.
func (s *Store) Head(ctx context.Context) (store.Head, error) { return head(ctx, s.reader) }

// Lookup implements store.Store.
func (s *Store) Lookup(ctx context.Context, tag consent.Tag) (*consent.Record, error) {
	var raw []byte
	err := s.reader.QueryRowContext(ctx, `SELECT p.record FROM tags t JOIN people p ON p.id = t.person WHERE t.tag = ?`, tag[:]).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return &consent.Record{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the record cannot be read: %w", err)
	}
	return decode(raw)
}

// Snapshot implements store.Store.
func (s *Store) Snapshot(ctx context.Context, visit func(store.Person) error) (store.Head, error) {
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return store.Head{}, fmt.Errorf("the snapshot cannot be read: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	h, err := head(ctx, tx)
	if err != nil {
		return h, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT t.person, t.tag, p.record FROM tags t INDEXED BY tags_person JOIN people p ON p.id = t.person ORDER BY t.person`)
	if err != nil {
		return h, fmt.Errorf("the snapshot cannot be read: %w", err)
	}
	defer rows.Close()
	var current int64
	var p store.Person
	for rows.Next() {
		var id int64
		var tag, raw sql.RawBytes
		if err := rows.Scan(&id, &tag, &raw); err != nil {
			return h, fmt.Errorf("the snapshot cannot be read: %w", err)
		}
		if id != current {
			if p.Record != nil {
				if err := visit(p); err != nil {
					return h, err
				}
			}
			current, p = id, store.Person{}
			if p.Record, err = decode(raw); err != nil {
				return h, err
			}
		}
		p.Tags = append(p.Tags, consent.Tag(tag))
	}
	if err := rows.Err(); err != nil {
		return h, fmt.Errorf("the snapshot cannot be read: %w", err)
	}
	if p.Record != nil {
		return h, visit(p)
	}
	return h, nil
}

func decode(raw []byte) (*consent.Record, error) {
	r := &consent.Record{}
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, errors.New("a record in the database cannot be read; restore a backup")
	}
	return r, nil
}
