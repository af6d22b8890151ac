package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// Lookup implements store.Store.
func (s *Store) Lookup(ctx context.Context, tag consent.Tag) (*consent.Record, error) {
	l, err := s.single(ctx, tag)
	if err == nil && len(l.Identities) > 1 {
		l, err = s.loaded(ctx, []consent.Tag{tag})
	}
	if err != nil {
		return nil, fmt.Errorf("the record cannot be read: %w", err)
	}
	return l.Effective(tag), nil
}

// single reads whom a tag names in one statement, which sees one moment without a transaction around it. Of those who are linked with others
// it leaves out the links.
func (s *Store) single(ctx context.Context, tag consent.Tag) (journal.Loaded, error) {
	rows, err := s.cluster.QueryContext(ctx, tag[:])
	if err != nil {
		return journal.Loaded{}, err
	}
	return scanIdentities(rows)
}

func scanIdentities(rows *sql.Rows) (out journal.Loaded, err error) {
	defer rows.Close()
	for rows.Next() {
		id, err := scanIdentity(rows)
		if err != nil {
			return out, err
		}
		out.Identities = append(out.Identities, id)
	}
	return out, rows.Err()
}

// loaded reads whole clusters, as of one moment.
func (s *Store) loaded(ctx context.Context, tags []consent.Tag) (journal.Loaded, error) {
	var out journal.Loaded
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return out, err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	rows, err := tx.QueryContext(ctx, fmt.Sprintf(clustersOf, marks(len(tags))), blobs(tags)...)
	if err != nil {
		return out, err
	}
	if out, err = scanIdentities(rows); err != nil {
		return out, err
	}
	for _, id := range linkedOf(out.Identities) {
		if out.Links, err = linksOf(ctx, tx, out.Links, id); err != nil {
			return out, err
		}
	}
	return out, nil
}

func linksOf(ctx context.Context, tx *sql.Tx, to []consent.Link, id int64) ([]consent.Link, error) {
	rows, err := tx.QueryContext(ctx, `SELECT position FROM links WHERE identity = ?`, id)
	if err != nil {
		return to, err
	}
	defer rows.Close()
	for rows.Next() {
		k := consent.Link{ID: id}
		if err := rows.Scan(&k.Position); err != nil {
			return to, err
		}
		to = append(to, k)
	}
	return to, rows.Err()
}

// Snapshot implements store.Store.
func (s *Store) Snapshot(ctx context.Context, visit func(store.Person) error) (store.Head, error) {
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return store.Head{}, fmt.Errorf("the snapshot cannot be read: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	h, err := readHead(ctx, tx)
	if err != nil {
		return h.Head, err
	}
	if err := s.alone(ctx, tx, visit); err != nil {
		return h.Head, err
	}
	return h.Head, s.together(ctx, tx, visit)
}

// alone visits identities that are linked with no other, as they come.
func (s *Store) alone(ctx context.Context, tx *sql.Tx, visit func(store.Person) error) error {
	rows, err := tx.QueryContext(ctx, `SELECT `+identityColumns+` FROM identities i
		WHERE i.cluster = i.id AND NOT EXISTS (SELECT 1 FROM identities o WHERE o.cluster = i.id AND o.cluster <> o.id)`)
	if err != nil {
		return fmt.Errorf("the snapshot cannot be read: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		id, err := scanIdentity(rows)
		if err != nil {
			return fmt.Errorf("the snapshot cannot be read: %w", err)
		}
		if err := visit(store.Person{Group: id.ID, Tags: id.Tags, Type: id.Type, Record: id.Record}); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("the snapshot cannot be read: %w", err)
	}
	return nil
}

// together visits those that are linked, cluster by cluster.
func (s *Store) together(ctx context.Context, tx *sql.Tx, visit func(store.Person) error) error {
	rows, err := tx.QueryContext(ctx, `SELECT `+identityColumns+`, l.position FROM identities i JOIN links l ON l.identity = i.id ORDER BY i.cluster, i.id, l.position`)
	if err != nil {
		return fmt.Errorf("the snapshot cannot be read: %w", err)
	}
	defer rows.Close()
	var cluster journal.Loaded
	flush := func() error {
		defer func() { cluster = journal.Loaded{} }()
		for _, p := range cluster.People() {
			if err := visit(p); err != nil {
				return err
			}
		}
		return nil
	}
	for rows.Next() {
		id, position, err := scanLinked(rows)
		if err != nil {
			return fmt.Errorf("the snapshot cannot be read: %w", err)
		}
		if n := len(cluster.Identities); n > 0 && cluster.Identities[n-1].Cluster != id.Cluster {
			if err := flush(); err != nil {
				return err
			}
		}
		if n := len(cluster.Identities); n == 0 || cluster.Identities[n-1].ID != id.ID {
			cluster.Identities = append(cluster.Identities, id)
		}
		cluster.Links = append(cluster.Links, consent.Link{ID: id.ID, Position: position})
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("the snapshot cannot be read: %w", err)
	}
	return flush()
}

func scanLinked(rows *sql.Rows) (id journal.Identity, position consent.Position, err error) {
	var tags, record sql.RawBytes
	if err := rows.Scan(&id.ID, &id.Cluster, &id.Type, &tags, &record, &position); err != nil {
		return id, 0, err
	}
	id.Tags = journal.SplitTags(tags)
	id.Record, err = journal.DecodeRecord(record)
	return id, position, err
}

// Leaves implements journal.Log.
func (s *Store) Leaves(ctx context.Context, first consent.Position, n int) ([]proof.Hash, error) {
	return s.hashes(ctx, `SELECT leaf FROM events WHERE position >= ? ORDER BY position LIMIT ?`, int64(first), n)
}

// Nodes implements journal.Log.
func (s *Store) Nodes(ctx context.Context, level int, first uint64, n int) ([]proof.Hash, error) {
	return s.hashes(ctx, `SELECT hash FROM nodes WHERE level = ? AND place >= ? ORDER BY place LIMIT ?`, level, int64(first), n)
}

func (s *Store) hashes(ctx context.Context, query string, args ...any) ([]proof.Hash, error) {
	rows, err := s.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("the log cannot be read: %w", err)
	}
	defer rows.Close()
	var out []proof.Hash
	for rows.Next() {
		var raw sql.RawBytes
		if err := rows.Scan(&raw); err != nil {
			return nil, fmt.Errorf("the log cannot be read: %w", err)
		}
		var h proof.Hash
		copy(h[:], raw)
		out = append(out, h)
	}
	return out, rows.Err()
}

// Entries implements store.Proofs.
func (s *Store) Entries(ctx context.Context, from consent.Position, limit int) ([]store.Logged, error) {
	if from > math.MaxInt64 {
		return nil, nil // no log is so long, and no database knows the number
	}
	rows, err := s.reader.QueryContext(ctx, `SELECT position, leaf, salt, entry FROM events WHERE position >= ? ORDER BY position LIMIT ?`, from, limit)
	if err != nil {
		return nil, fmt.Errorf("the log cannot be read: %w", err)
	}
	return scanLogged(rows)
}

func scanLogged(rows *sql.Rows) ([]store.Logged, error) {
	defer rows.Close()
	var out []store.Logged
	for rows.Next() {
		var l store.Logged
		var leaf sql.RawBytes
		if err := rows.Scan(&l.Position, &leaf, &l.Salt, &l.Entry); err != nil {
			return nil, fmt.Errorf("the log cannot be read: %w", err)
		}
		copy(l.Leaf[:], leaf)
		out = append(out, l)
	}
	return out, rows.Err()
}
