package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/sqlite/engine"
)

// transaction implements journal.Tx.
type transaction struct {
	*database
	ahead ahead
	ended bool
	// head is the head as far as it is known, and keyed up to where keys are in their index. Of those that are going there, went were put
	// there, and owed are to be.
	head       journal.Head
	keyed      int64
	went, owed int
	// ids are those of the keys that were looked for, and added those that wait besides the ones that waited before.
	ids   map[string]journal.KeyID
	added map[journal.KeyID]consent.Position
}

// Rollback implements journal.Tx.
func (t *transaction) Rollback() {
	if !t.ended {
		_ = t.settle()          // what came of it does not matter any more
		_ = t.st.rollback.Run() // a failed commit may have ended the transaction already
		t.end()
	}
}

func (t *transaction) end() {
	t.ended = true
	t.turn.pass()
}

// Commit implements journal.Tx.
func (t *transaction) Commit(context.Context) error {
	err := t.st.commit.Run()
	if err == nil {
		t.committed()
		t.end()
	}
	return told(err)
}

// Head implements journal.Tx.
func (t *transaction) Head(context.Context) (h journal.Head, err error) {
	if t.head, err = headOf(t.st.head); err != nil {
		return h, err
	}
	s := t.st.keyed
	if err := each(s, func() error {
		t.keyed = s.Number(0)
		return nil
	}); err != nil {
		return h, err
	}
	if err := t.remember(); err != nil {
		return h, err
	}
	t.filter.prepare(t.keyed)
	return t.head, nil
}

const readHeadRow = `SELECT epoch, position, at, hashed, frontier, last_id, tag_key, tag_other, rekeyed FROM head`

// headOf runs readHeadRow.
func headOf(s *engine.Stmt) (h journal.Head, err error) {
	defer s.Reset()
	there, err := s.Step()
	if err == nil && !there {
		err = sql.ErrNoRows
	}
	if err != nil {
		return h, fmt.Errorf("the head cannot be read: %w", told(err))
	}
	h.Epoch, h.Position, h.Hashed, h.LastID = string(s.Blob(0)), consent.Position(s.Number(1)), s.Number(3) != 0, s.Number(5)
	h.At, h.Rekeyed = moment(s.Number(2)), moment(s.Number(8))
	h.Scheme = store.Scheme{Current: int(s.Number(6)), Other: int(s.Number(7))}
	if h.Frontier, err = proof.ParseFrontier(slices.Clone(s.Blob(4))); err != nil {
		return h, err
	}
	h.Root = h.Frontier.Root()
	return h, nil
}

// Leaf implements journal.Tx.
func (t *transaction) Leaf(_ context.Context, p consent.Position) (h proof.Hash, err error) {
	s := t.st.leaf
	defer s.Reset()
	s.Int(1, int64(p))
	there, err := s.Step()
	if err == nil && !there {
		err = sql.ErrNoRows
	}
	if err != nil {
		return h, told(err)
	}
	copy(h[:], s.Blob(0))
	return h, nil
}

// each runs a statement whose values are set, and shows its rows.
func each(s *engine.Stmt, row func() error) error {
	defer s.Reset()
	for {
		there, err := s.Step()
		if err != nil || !there {
			return told(err)
		}
		if err := row(); err != nil {
			return err
		}
	}
}

// Load implements journal.Tx.
func (t *transaction) Load(ctx context.Context, tags []consent.Tag, keys []string) (journal.Loaded, error) {
	if err := t.settle(); err != nil {
		return journal.Loaded{}, told(err)
	}
	return t.load(ctx, tags, keys)
}

func (t *transaction) load(_ context.Context, tags []consent.Tag, keys []string) (out journal.Loaded, err error) {
	seen, clusters := map[int64]bool{}, map[int64]bool{}
	add := func(s *engine.Stmt) func() error {
		return func() error {
			id, err := identityOf(rowOf(s))
			id.Latest = consent.Position(s.Number(5))
			if err == nil && !seen[id.ID] {
				seen[id.ID] = true
				out.Identities = append(out.Identities, id)
			}
			return err
		}
	}
	found := add(t.st.identity)
	for i := range tags {
		t.st.identity.Bytes(1, tags[i][:])
		if err := each(t.st.identity, found); err != nil {
			return out, err
		}
	}
	for _, id := range slices.Clone(out.Identities) {
		if clusters[id.Cluster] {
			continue
		}
		clusters[id.Cluster] = true
		t.st.cluster.Int(1, id.Cluster)
		if err := each(t.st.cluster, add(t.st.cluster)); err != nil {
			return out, err
		}
	}
	for _, id := range linkedOf(out.Identities) {
		t.st.links.Int(1, id)
		if err := each(t.st.links, func() error {
			out.Links = append(out.Links, consent.Link{ID: id, Position: consent.Position(t.st.links.Number(0))})
			return nil
		}); err != nil {
			return out, err
		}
	}
	for _, key := range keys {
		if err := t.key(key, func(k journal.Key) { out.Keys = append(out.Keys, k) }); err != nil {
			return out, err
		}
	}
	return out, nil
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
	var row journal.Row
	var kind, tags, record sql.RawBytes
	if err := rows.Scan(&row.ID, &row.Cluster, &kind, &tags, &record); err != nil {
		return journal.Identity{}, err
	}
	row.Type, row.Tags, row.Record = kind, tags, record
	return identityOf(row)
}

func identityOf(row journal.Row) (journal.Identity, error) {
	record, err := journal.DecodeRecord(row.Record)
	return journal.Identity{
		ID: row.ID, Cluster: row.Cluster, Type: consent.IdentifierType(row.Type), Tags: journal.SplitTags(row.Tags), Record: record,
	}, err
}

func readHead(ctx context.Context, q *sql.Tx) (journal.Head, error) {
	var h journal.Head
	var at, rekeyed int64
	var frontier []byte
	if err := q.QueryRowContext(ctx, readHeadRow).
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

// Adopt implements store.Store.
func (s *Store) Adopt(ctx context.Context, epoch string) (store.Head, error) {
	if err := s.turn.take(ctx); err != nil {
		return store.Head{}, err
	}
	r, err := s.writer.ExecContext(ctx, `UPDATE head SET epoch = ? WHERE epoch = ?`, rand.Text(), epoch)
	s.turn.pass()
	if err != nil {
		return store.Head{}, fmt.Errorf("the log cannot be adopted: %w", told(err))
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return store.Head{}, errors.Join(store.ErrEpoch, err)
	}
	return s.Head(ctx)
}
