package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store/audit"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// Audited is a database that is read, and never written, as of one moment. It implements audit.Database. A standby will do.
type Audited struct {
	pool *pgxpool.Pool
	tx   pgx.Tx
}

var _ audit.Database = (*Audited)(nil)

// OpenAudit begins to read the database that a URL or DSN leads to. Ledgers may be running on it.
func OpenAudit(ctx context.Context, url func() (string, error)) (*Audited, error) {
	c, err := configure(url)
	if err != nil {
		return nil, err
	}
	c.MaxConns = 1
	c.ConnConfig.ValidateConnect = nil // nothing of it is passed off as new
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, errURL
	}
	a := &Audited{pool: pool}
	if a.tx, err = pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}); err != nil {
		pool.Close()
		return nil, fmt.Errorf("the database does not answer: %w", err)
	}
	if _, err := a.Head(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("it is no database of a ledger of this version; a ledger that starts on it brings it up to date: %w", err), a.Close())
	}
	return a, nil
}

// Close ends reading.
func (a *Audited) Close() error {
	err := a.tx.Rollback(context.Background())
	a.pool.Close()
	return err
}

// Head implements audit.Log.
func (a *Audited) Head(ctx context.Context) (h audit.Head, err error) {
	var at int64
	err = a.tx.QueryRow(ctx, `SELECT epoch, position, at, hashed, key_id, frontier FROM head WHERE id = 1`).
		Scan(&h.Epoch, &h.Position, &at, &h.Hashed, &h.KeyID, &h.Frontier)
	if err != nil {
		return h, fmt.Errorf("the head cannot be read: %w", err)
	}
	h.At = moment(at)
	if f, err := proof.ParseFrontier(h.Frontier); err == nil {
		h.Root = f.Root()
	}
	return h, nil
}

// The first identity stands with the event, the others apart; 0 stands for nobody.
const auditEntries = `SELECT e.position, e.leaf, e.salt, e.entry, coalesce(e.identity, 0), e.previous, n.others FROM events e
	LEFT JOIN (SELECT position, array_agg(identity) AS others FROM event_identities GROUP BY position) n ON n.position = e.position ORDER BY e.position`

// Entries implements audit.Log.
func (a *Audited) Entries(ctx context.Context, visit func(audit.Row) error) error {
	return a.each(ctx, auditEntries, func(rows pgx.Rows) error {
		var row audit.Row
		var leaf []byte
		var first int64
		var others []int64
		var previous *int64
		if err := rows.Scan(&row.Position, &leaf, &row.Salt, &row.Entry, &first, &previous, &others); err != nil {
			return err
		}
		copy(row.Leaf[:], leaf)
		if first != 0 {
			row.Named = append([]int64{first}, others...)
			if previous != nil {
				row.Chained, row.Previous = true, consent.Position(*previous)
			}
		}
		return visit(row)
	})
}

// Nodes implements audit.Database.
func (a *Audited) Nodes(ctx context.Context, visit func(proof.Node) error) error {
	return a.each(ctx, `SELECT level, index, hash FROM nodes ORDER BY level, index`, func(rows pgx.Rows) error {
		var n proof.Node
		var hash []byte
		if err := rows.Scan(&n.Level, &n.Index, &hash); err != nil {
			return err
		}
		copy(n.Hash[:], hash)
		return visit(n)
	})
}

// Tags implements audit.Database.
func (a *Audited) Tags(ctx context.Context, visit func(consent.Tag, int64) error) error {
	return a.each(ctx, `SELECT tag, identity FROM tags`, func(rows pgx.Rows) error {
		var tag consent.Tag
		var raw []byte
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
	return a.each(ctx, `SELECT id, cluster, type, tags, record, latest FROM identities ORDER BY id`, func(rows pgx.Rows) error {
		var id audit.Identity
		var tags []byte
		if err := rows.Scan(&id.ID, &id.Cluster, &id.Type, &tags, &id.Record, &id.Latest); err != nil {
			return err
		}
		id.Tags = journal.SplitTags(tags)
		return visit(id)
	})
}

// Links implements audit.Database.
func (a *Audited) Links(ctx context.Context, visit func(consent.Link) error) error {
	return a.each(ctx, `SELECT identity, position FROM links`, func(rows pgx.Rows) error {
		var l consent.Link
		if err := rows.Scan(&l.ID, &l.Position); err != nil {
			return err
		}
		return visit(l)
	})
}

// Import fills an empty database with an export that was verified, whole or not at all. Nothing is appended meanwhile.
func (s *Store) Import(ctx context.Context, f *audit.File, progress func(step string, done, of consent.Position)) error {
	return audit.Import(ctx, s.database, f, progress)
}

func (a *Audited) each(ctx context.Context, query string, visit func(pgx.Rows) error) error {
	rows, err := a.tx.Query(ctx, query)
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
