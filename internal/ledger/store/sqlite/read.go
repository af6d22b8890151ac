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
	l, err := s.finders.single(ctx, tag)
	if err == nil && len(l.Identities) > 1 {
		l, err = s.loaded(ctx, []consent.Tag{tag})
	}
	if err != nil {
		return nil, fmt.Errorf("the record cannot be read: %w", err)
	}
	return l.Effective(tag), nil
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
	err = journal.Everybody(func(add func(journal.Row) error) error {
		if err := alone(ctx, tx, add); err != nil {
			return err
		}
		return eachRow(ctx, tx, together, add)
	}, visit)
	return h.Head, err
}

const (
	everybody = `SELECT ` + identityColumns + `, 0 FROM identities i ORDER BY i.id`
	linked    = `SELECT DISTINCT identity FROM links ORDER BY identity`
	// together are those that are linked, cluster by cluster, a row for each link.
	together = `SELECT ` + identityColumns + `, l.position FROM identities i JOIN links l ON l.identity = i.id ORDER BY i.cluster, i.id, l.position`
)

// alone hands on identities that are linked with no other. Two lists are read side by side, in the order of an index each.
func alone(ctx context.Context, tx *sql.Tx, add func(journal.Row) error) error {
	rows, err := tx.QueryContext(ctx, linked) //nolint:sqlclosecheck // it is closed when this returns
	if err != nil {
		return fmt.Errorf("the snapshot cannot be read: %w", err)
	}
	defer rows.Close()
	next, more := int64(0), true
	err = eachRow(ctx, tx, everybody, func(r journal.Row) error {
		for more && next < r.ID {
			if more = rows.Next(); !more {
				break
			}
			if err := rows.Scan(&next); err != nil {
				return fmt.Errorf("the snapshot cannot be read: %w", err)
			}
		}
		if more && next == r.ID {
			return nil
		}
		return add(r)
	})
	if err == nil && rows.Err() != nil {
		err = fmt.Errorf("the snapshot cannot be read: %w", rows.Err())
	}
	return err
}

// eachRow hands on the rows of a query.
func eachRow(ctx context.Context, tx *sql.Tx, query string, add func(journal.Row) error) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("the snapshot cannot be read: %w", err)
	}
	defer rows.Close()
	var r journal.Row
	var kind, tags, record sql.RawBytes
	var link [1]int64
	for rows.Next() {
		if err := rows.Scan(&r.ID, &r.Cluster, &kind, &tags, &record, &link[0]); err != nil {
			return fmt.Errorf("the snapshot cannot be read: %w", err)
		}
		r.Type, r.Tags, r.Record, r.Links = kind, tags, record, nil
		if link[0] > 0 {
			r.Links = link[:]
		}
		if err := add(r); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("the snapshot cannot be read: %w", err)
	}
	return nil
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
