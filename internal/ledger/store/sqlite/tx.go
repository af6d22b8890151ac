package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// statements are those of the appender, prepared once.
type statements struct {
	identities, links, keys                                    *many
	addIdentities, setIdentities, addTags, addLinks, addEvents *many
	addNamed, addNodes, addKeys                                *many
}

const identityColumns = `i.id, i.cluster, i.type, i.tags, i.record`

// clustersOf selects the clusters of tags, and then everybody in them.
const clustersOf = `WITH c AS (SELECT DISTINCT i.cluster FROM tags t JOIN identities i ON i.id = t.identity WHERE t.tag IN (%s))
	SELECT ` + identityColumns + ` FROM c JOIN identities i ON i.id = c.cluster
	UNION ALL SELECT ` + identityColumns + ` FROM c JOIN identities i ON i.cluster = c.cluster AND i.cluster <> i.id`

func prepareAll(ctx context.Context, db *sql.DB) (*statements, error) {
	st := &statements{}
	for _, one := range []struct {
		to         **many
		query, row string
	}{
		{&st.identities, clustersOf, `?`},
		{&st.links, `SELECT identity, position FROM links WHERE identity IN (%s)`, `?`},
		{&st.keys, `SELECT k.key, k.digest, k.position, k.at, e.leaf FROM idempotency k JOIN events e ON e.position = k.position WHERE k.key IN (%s)`, `?`},
		{&st.addIdentities, `INSERT INTO identities (id, cluster, type, tags, record) VALUES %s`, `(?,?,?,?,?)`},
		{&st.setIdentities, `INSERT INTO identities (id, cluster, type, tags, record) VALUES %s
			ON CONFLICT DO UPDATE SET cluster = excluded.cluster, type = excluded.type, tags = excluded.tags, record = excluded.record`, `(?,?,?,?,?)`},
		{&st.addTags, `INSERT INTO tags (tag, identity) VALUES %s`, `(?,?)`},
		{&st.addLinks, `INSERT INTO links (identity, position) VALUES %s`, `(?,?)`},
		{&st.addEvents, `INSERT INTO events (position, entry, salt, leaf) VALUES %s`, `(?,?,?,?)`},
		{&st.addNamed, `INSERT INTO event_identities (identity, position, named) VALUES %s`, `(?,?,?)`},
		{&st.addNodes, `INSERT INTO nodes (level, place, hash) VALUES %s`, `(?,?,?)`},
		{&st.addKeys, `INSERT INTO idempotency (key, digest, position, at) VALUES %s`, `(?,?,?,?)`},
	} {
		m, err := prepare(ctx, db, one.query, one.row)
		if err != nil {
			return nil, fmt.Errorf("a statement cannot be prepared: %w", err)
		}
		*one.to = m
	}
	return st, nil
}

// database implements journal.Database.
type database struct {
	db   *sql.DB
	st   *statements
	keys *keyfile
}

// Begin implements journal.Database. The transaction has the write lock from its beginning.
func (d *database) Begin(ctx context.Context) (journal.Tx, error) {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, told(err)
	}
	return &transaction{tx: tx, st: d.st, keys: d.keys}, nil
}

// transaction implements journal.Tx.
type transaction struct {
	tx   *sql.Tx
	st   *statements
	keys *keyfile
}

// Rollback implements journal.Tx.
func (t *transaction) Rollback() { _ = t.tx.Rollback() }

// Commit implements journal.Tx.
func (t *transaction) Commit(context.Context) error { return told(t.tx.Commit()) }

// Head implements journal.Tx.
func (t *transaction) Head(ctx context.Context) (journal.Head, error) { return readHead(ctx, t.tx) }

// Leaf implements journal.Tx.
func (t *transaction) Leaf(ctx context.Context, p consent.Position) (h proof.Hash, err error) {
	var raw []byte
	if err := t.tx.QueryRowContext(ctx, `SELECT leaf FROM events WHERE position = ?`, p).Scan(&raw); err != nil {
		return h, told(err)
	}
	copy(h[:], raw)
	return h, nil
}

// Load implements journal.Tx.
func (t *transaction) Load(ctx context.Context, tags []consent.Tag, keys []string) (journal.Loaded, error) {
	var out journal.Loaded
	seen := map[int64]bool{}
	err := t.st.identities.each(ctx, t.tx, len(tags), func(i int) any { return tags[i][:] }, func(rows *sql.Rows) error {
		id, err := scanIdentity(rows)
		if err == nil && !seen[id.ID] {
			seen[id.ID] = true
			out.Identities = append(out.Identities, id)
		}
		return err
	})
	if err != nil {
		return out, err
	}
	linked := linkedOf(out.Identities)
	err = t.st.links.each(ctx, t.tx, len(linked), func(i int) any { return linked[i] }, func(rows *sql.Rows) error {
		var k consent.Link
		err := rows.Scan(&k.ID, &k.Position)
		out.Links = append(out.Links, k)
		return err
	})
	if err != nil {
		return out, err
	}
	err = t.st.keys.each(ctx, t.tx, len(keys), func(i int) any { return keys[i] }, func(rows *sql.Rows) error {
		var k journal.Key
		var digest, leaf sql.RawBytes
		var at int64
		if err := rows.Scan(&k.Key, &digest, &k.Position, &at, &leaf); err != nil {
			return err
		}
		copy(k.Digest[:], digest)
		copy(k.Leaf[:], leaf)
		k.At = time.Unix(0, at).UTC()
		out.Keys = append(out.Keys, k)
		return nil
	})
	return out, err
}

// linkedOf are the identities that are linked with another one.
func linkedOf(all []journal.Identity) []int64 {
	several := map[int64]bool{}
	for _, id := range all {
		if id.Cluster != id.ID {
			several[id.Cluster] = true
		}
	}
	var out []int64
	for _, id := range all {
		if several[id.Cluster] {
			out = append(out, id.ID)
		}
	}
	return out
}

func scanIdentity(rows *sql.Rows) (journal.Identity, error) {
	var id journal.Identity
	var tags, record sql.RawBytes
	if err := rows.Scan(&id.ID, &id.Cluster, &id.Type, &tags, &record); err != nil {
		return id, err
	}
	id.Tags = journal.SplitTags(tags)
	var err error
	id.Record, err = journal.DecodeRecord(record)
	return id, err
}

// Write implements journal.Tx.
func (t *transaction) Write(ctx context.Context, d *journal.Delta) error {
	for _, write := range []func(context.Context, *journal.Delta) error{t.people, t.log, t.erase, t.attach, t.head} {
		if err := write(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

func (t *transaction) people(ctx context.Context, d *journal.Delta) error {
	if err := t.setIdentities(ctx, t.st.addIdentities, d.Added); err != nil {
		return err
	}
	if err := t.setIdentities(ctx, t.st.setIdentities, d.Changed); err != nil {
		return err
	}
	if err := t.st.addTags.exec(ctx, t.tx, len(d.Tags), func(args []any, i int) []any { return append(args, d.Tags[i].Tag[:], d.Tags[i].ID) }); err != nil {
		return err
	}
	for _, k := range d.Unlinked {
		if _, err := t.tx.ExecContext(ctx, `DELETE FROM links WHERE identity = ? AND position = ?`, k.ID, k.Position); err != nil {
			return told(err)
		}
	}
	return t.st.addLinks.exec(ctx, t.tx, len(d.Links), func(args []any, i int) []any { return append(args, d.Links[i].ID, d.Links[i].Position) })
}

func (t *transaction) setIdentities(ctx context.Context, st *many, all []journal.Identity) error {
	var failed error
	err := st.exec(ctx, t.tx, len(all), func(args []any, i int) []any {
		record, err := journal.EncodeRecord(all[i].Record)
		failed = errors.Join(failed, err)
		return append(args, all[i].ID, all[i].Cluster, string(all[i].Type), journal.JoinTags(all[i].Tags), record)
	})
	return errors.Join(failed, err)
}

// log writes what is never changed again.
func (t *transaction) log(ctx context.Context, d *journal.Delta) error {
	err := t.st.addEvents.exec(ctx, t.tx, len(d.Events), func(args []any, i int) []any {
		e := &d.Events[i]
		switch {
		case e.Entry == nil: // it was erased in the log that this one is a copy of
			return append(args, int64(e.Position), nil, nil, e.Leaf[:])
		case e.Leaf == (proof.Hash{}): // a journal without proofs
			return append(args, int64(e.Position), e.Entry, nil, []byte{})
		}
		return append(args, int64(e.Position), e.Entry, e.Salt[:], e.Leaf[:])
	})
	if err != nil {
		return err
	}
	type row struct {
		identity int64
		position consent.Position
		named    bool
	}
	var named []row
	for i := range d.Events {
		for _, id := range d.Events[i].Named {
			named = append(named, row{id, d.Events[i].Position, true})
		}
		for _, id := range d.Events[i].Touched {
			named = append(named, row{id, d.Events[i].Position, false})
		}
	}
	err = t.st.addNamed.exec(ctx, t.tx, len(named), func(args []any, i int) []any {
		return append(args, named[i].identity, int64(named[i].position), named[i].named)
	})
	if err != nil {
		return err
	}
	err = t.st.addNodes.exec(ctx, t.tx, len(d.Nodes), func(args []any, i int) []any {
		return append(args, d.Nodes[i].Level, int64(d.Nodes[i].Index), d.Nodes[i].Hash[:])
	})
	if err != nil {
		return err
	}
	return t.st.addKeys.exec(ctx, t.tx, len(d.Keys), func(args []any, i int) []any {
		k := &d.Keys[i]
		return append(args, k.Key, k.Digest[:], int64(k.Position), k.At.UnixNano())
	})
}

func (t *transaction) erase(ctx context.Context, d *journal.Delta) error {
	for _, e := range d.Erased {
		if _, err := t.tx.ExecContext(ctx, `UPDATE events SET entry = NULL, salt = NULL
			WHERE position IN (SELECT position FROM event_identities WHERE identity = ? AND position < ? AND named)`, e.Identity, e.Before); err != nil {
			return told(err)
		}
	}
	identities := make([]int64, len(d.Erased))
	for i, e := range d.Erased {
		identities[i] = e.Identity
	}
	return t.keys.erase(ctx, t.tx, identities)
}

func (t *transaction) attach(ctx context.Context, d *journal.Delta) error {
	return t.keys.attach(ctx, t.tx, d.Outlived())
}

func (t *transaction) head(ctx context.Context, d *journal.Delta) error {
	frontier, err := d.Head.Frontier.MarshalBinary()
	if err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx, `UPDATE head SET position = ?, at = ?, hashed = ?, frontier = ?, last_id = ?`,
		d.Head.Position, d.Head.At.UnixNano(), d.Head.Hashed, frontier, d.Head.LastID)
	return told(err)
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readHead(ctx context.Context, q querier) (journal.Head, error) {
	var h journal.Head
	var at, rekeyed int64
	var frontier []byte
	if err := q.QueryRowContext(ctx, `SELECT epoch, position, at, hashed, frontier, last_id, tag_key, tag_other, rekeyed FROM head`).
		Scan(&h.Epoch, &h.Position, &at, &h.Hashed, &frontier, &h.LastID, &h.Scheme.Current, &h.Scheme.Other, &rekeyed); err != nil {
		return h, fmt.Errorf("the head cannot be read: %w", told(err))
	}
	h.At, h.Rekeyed = moment(at), moment(rekeyed)
	var err error
	if h.Frontier, err = proof.ParseFrontier(frontier); err != nil {
		return h, err
	}
	h.Root = h.Frontier.Root()
	return h, nil
}

var _ journal.Log = (*Store)(nil)

// Head implements store.Store.
func (s *Store) Head(ctx context.Context) (store.Head, error) {
	h, err := readHead(ctx, s.reader)
	return h.Head, err
}

// Adopt implements store.Store.
func (s *Store) Adopt(ctx context.Context, epoch string) (store.Head, error) {
	r, err := s.writer.ExecContext(ctx, `UPDATE head SET epoch = ? WHERE epoch = ?`, rand.Text(), epoch)
	if err != nil {
		return store.Head{}, fmt.Errorf("the log cannot be adopted: %w", told(err))
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return store.Head{}, errors.Join(store.ErrEpoch, err)
	}
	return s.Head(ctx)
}
