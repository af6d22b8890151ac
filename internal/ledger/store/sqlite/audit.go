package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store/audit"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// Audited is a database file that is read, and never written, as of one moment. It implements audit.Database.
type Audited struct {
	db *sql.DB
	tx *sql.Tx
}

var _ audit.Database = (*Audited)(nil)

// OpenAudit opens a database file for reading. A ledger may be running on it.
func OpenAudit(ctx context.Context, path string) (_ *Audited, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("the database cannot be read: %w", err)
	}
	q := url.Values{"mode": {"ro"}, "_busy_timeout": {"10000"}, "_query_only": {"true"}, "_pragma": {temporary}}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, os.ErrNotExist) {
		q.Set("immutable", "1") // nobody has it open, and a folder that cannot be written has to do
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the database cannot be read: %w", err), db.Close())
	}
	a := &Audited{db: db, tx: tx}
	// The first read is what the transaction sees from then on.
	if _, err := a.Head(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is no database of a ledger of this version; a ledger that starts on it brings it up to date: %w", path, err), a.Close())
	}
	return a, nil
}

// Close ends reading.
func (a *Audited) Close() error { return errors.Join(a.tx.Rollback(), a.db.Close()) }

// Head implements audit.Log.
func (a *Audited) Head(ctx context.Context) (h audit.Head, err error) {
	var at int64
	// A database of before events led to each other has no keyed.
	err = a.tx.QueryRowContext(ctx, `SELECT epoch, position, at, hashed, key_id, frontier FROM head WHERE keyed >= 0`).
		Scan(&h.Epoch, &h.Position, &at, &h.Hashed, &h.KeyID, &h.Frontier)
	if err != nil {
		return h, err
	}
	if f, err := proof.ParseFrontier(h.Frontier); err == nil {
		h.Root = f.Root()
	}
	return h, nil
}

// Entries implements audit.Log. Whom events are about besides the first is read beside them, because it is sorted by people.
func (a *Audited) Entries(ctx context.Context, visit func(audit.Row) error) error {
	named, err := a.tx.QueryContext(ctx, `SELECT position, identity FROM named_identities WHERE named ORDER BY position, identity`) //nolint:sqlclosecheck // it is, at the end
	if err != nil {
		return fmt.Errorf("the database cannot be read: %w", err)
	}
	defer named.Close()
	var next consent.Position
	var who int64
	advance := func() error {
		next = 0
		if !named.Next() {
			return named.Err()
		}
		return named.Scan(&next, &who)
	}
	if err := advance(); err != nil {
		return err
	}
	err = a.each(ctx, `SELECT position, leaf, salt, entry, identity, previous FROM events ORDER BY position`, func(rows *sql.Rows) error {
		var row audit.Row
		var leaf sql.RawBytes
		var first, previous sql.NullInt64
		if err := rows.Scan(&row.Position, &leaf, &row.Salt, &row.Entry, &first, &previous); err != nil {
			return err
		}
		copy(row.Leaf[:], leaf)
		if first.Valid {
			row.Named, row.Chained, row.Previous = []int64{first.Int64}, true, consent.Position(previous.Int64)
		}
		for next != 0 && next <= row.Position {
			if next == row.Position {
				row.Named = append(row.Named, who)
			}
			if err := advance(); err != nil {
				return err
			}
		}
		return visit(row)
	})
	return errors.Join(err, named.Err())
}

// Nodes implements audit.Database.
func (a *Audited) Nodes(ctx context.Context, visit func(proof.Node) error) error {
	return a.each(ctx, `SELECT level, place, hash FROM nodes ORDER BY level, place`, func(rows *sql.Rows) error {
		var n proof.Node
		var hash sql.RawBytes
		if err := rows.Scan(&n.Level, &n.Index, &hash); err != nil {
			return err
		}
		copy(n.Hash[:], hash)
		return visit(n)
	})
}

// Tags implements audit.Database.
func (a *Audited) Tags(ctx context.Context, visit func(consent.Tag, int64) error) error {
	return a.each(ctx, `SELECT tag, identity FROM tags`, func(rows *sql.Rows) error {
		var tag consent.Tag
		var raw sql.RawBytes
		var id int64
		if err := rows.Scan(&raw, &id); err != nil {
			return err
		}
		copy(tag[:], raw)
		return visit(tag, id)
	})
}

// Identities implements audit.Database.
func (a *Audited) Identities(ctx context.Context, visit func(audit.Identity) error) error {
	return a.each(ctx, `SELECT `+identityColumns+`, i.latest FROM identities i ORDER BY i.id`, func(rows *sql.Rows) error {
		var id audit.Identity
		var tags sql.RawBytes
		if err := rows.Scan(&id.ID, &id.Cluster, &id.Type, &tags, &id.Record, &id.Latest); err != nil {
			return err
		}
		id.Tags = journal.SplitTags(tags)
		return visit(id)
	})
}

// Links implements audit.Database.
func (a *Audited) Links(ctx context.Context, visit func(consent.Link) error) error {
	return a.each(ctx, `SELECT identity, position FROM links`, func(rows *sql.Rows) error {
		var l consent.Link
		if err := rows.Scan(&l.ID, &l.Position); err != nil {
			return err
		}
		return visit(l)
	})
}

func (a *Audited) each(ctx context.Context, query string, visit func(*sql.Rows) error) error {
	rows, err := a.tx.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("the database cannot be read: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
