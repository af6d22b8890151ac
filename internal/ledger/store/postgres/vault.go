package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/seal"
)

// A row whose key was shredded is none, but for requests for erasure: they are to be seen to whether or not there is a key, also in a
// backup that was restored without keys.
const attached = `SELECT a.id, a.identity, i.tags, a.position, a.kind, a.due, a.tries, a.body, k.id, k.wrapped
	FROM attachments a JOIN identities i ON i.id = a.identity LEFT JOIN optup_keys.keys k ON k.id = a.key
	WHERE (k.id IS NOT NULL OR a.kind = '` + store.KindErasure + `')`

// opened reads rows of attached.
func (s *Store) opened(ctx context.Context, q querier, query string, args ...any) ([]store.Attached, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Attached, error) {
		var a store.Attached
		var id, tags, sealed, keyID, wrapped []byte
		var identity, due int64
		if err := row.Scan(&id, &identity, &tags, &a.Position, &a.Kind, &due, &a.Tries, &sealed, &keyID, &wrapped); err != nil {
			return a, err
		}
		if len(id) != len(a.ID) || (keyID != nil && len(keyID) != len(seal.KeyID{})) || len(tags) < len(a.Tag) {
			return a, fmt.Errorf("%w: an attachment", errDamaged)
		}
		a.ID, a.Tag, a.Due = store.AttachmentID(id), consent.Tag(tags[:len(a.Tag)]), moment(due)
		if keyID == nil {
			return a, nil
		}
		key, err := s.ring.Unwrap(seal.KeyID(keyID), wrapped)
		if err == nil {
			a.Body, err = key.Open(seal.Place{Identity: identity, Kind: a.Kind, ID: a.ID}, sealed)
		}
		return a, err
	})
}

// Attachments implements store.Vault.
func (s *Store) Attachments(ctx context.Context, tag consent.Tag, kinds ...string) ([]store.Attached, error) {
	all, err := s.opened(ctx, s.pool, attached+` AND a.identity = (SELECT identity FROM tags WHERE tag = $1) AND ($2::text[] IS NULL OR a.kind = ANY($2))
		ORDER BY a.seq`, tag[:], kinds)
	if err != nil {
		return nil, fmt.Errorf("attachments cannot be read: %w", err)
	}
	return all, nil
}

// holdKeys keeps everybody else from making or shredding keys: whoever does holds the head.
const holdKeys = `SELECT 1 FROM head WHERE id = 1 FOR UPDATE`

// Attach implements store.Vault.
func (s *Store) Attach(ctx context.Context, tag consent.Tag, a store.Attachment) (bool, error) {
	known := false
	err := s.write(ctx, func(tx pgx.Tx) error {
		known = false
		var identity int64
		err := tx.QueryRow(ctx, `SELECT identity FROM tags WHERE tag = $1`, tag[:]).Scan(&identity)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		known = true
		if _, err := tx.Exec(ctx, holdKeys); err != nil {
			return err
		}
		b := &pgx.Batch{}
		if err := seals(ctx, tx, s.ring, b, []journal.Attachment{{Attachment: a, Identity: identity}}, nil); err != nil {
			return err
		}
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return false, fmt.Errorf("the attachment cannot be written: %w", err)
	}
	return known, nil
}

// Due implements store.Vault. Who finds that others are taking the same ones takes the next.
func (s *Store) Due(ctx context.Context, kind string, now time.Time, lease time.Duration, limit int) (out []store.Attached, err error) {
	err = s.write(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `UPDATE attachments SET due = $1, tries = tries + 1 WHERE seq IN (
			SELECT seq FROM attachments WHERE kind = $2 AND due <> 0 AND due <= $3 ORDER BY due, seq LIMIT $4 FOR UPDATE SKIP LOCKED) RETURNING seq`,
			now.Add(lease).UnixNano(), kind, now.UnixNano(), limit)
		if err != nil {
			return err
		}
		taken, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil || len(taken) == 0 {
			return err
		}
		out, err = s.opened(ctx, tx, attached+` AND a.seq = ANY($1) ORDER BY a.seq`, taken)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("what is due cannot be handed out: %w", err)
	}
	return out, nil
}

// Settle implements store.Vault.
func (s *Store) Settle(ctx context.Context, id store.AttachmentID, next time.Time) error {
	err := s.write(ctx, func(tx pgx.Tx) (err error) {
		if next.IsZero() {
			_, err = tx.Exec(ctx, `DELETE FROM attachments WHERE id = $1`, id[:])
		} else {
			_, err = tx.Exec(ctx, `UPDATE attachments SET due = $2 WHERE id = $1`, id[:], next.UnixNano())
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("what is due cannot be settled: %w", err)
	}
	return nil
}

// Backlog implements store.Vault.
func (s *Store) Backlog(ctx context.Context, kind string, now time.Time) (b store.Backlog, err error) {
	var oldest int64
	if err := s.pool.QueryRow(ctx, `SELECT count(*), coalesce(min(since), 0) FROM attachments WHERE kind = $1 AND due <> 0 AND since <= $2`,
		kind, now.UnixNano()).Scan(&b.Waiting, &oldest); err != nil {
		return b, fmt.Errorf("what is due cannot be counted: %w", err)
	}
	b.Oldest = moment(oldest)
	return b, nil
}

// shreds are the statements that erase the keys of identities, and what they sealed.
var shreds = []string{
	`DELETE FROM optup_keys.keys WHERE id IN (SELECT key FROM identity_keys WHERE identity = ANY($1) UNION SELECT key FROM attachments WHERE identity = ANY($1))`,
	`DELETE FROM attachments WHERE identity = ANY($1)`,
	`DELETE FROM identity_keys WHERE identity = ANY($1)`,
}

// Shred implements store.Vault.
func (s *Store) Shred(ctx context.Context, tags ...consent.Tag) error {
	err := s.write(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, holdKeys); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT identity FROM tags WHERE tag = ANY($1)`, blobs(tags))
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		for _, query := range shreds {
			if _, err := tx.Exec(ctx, query, ids); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keys cannot be shredded: %w", err)
	}
	return nil
}

// Spend implements store.Vault. What has expired is forgotten here, a little at a time.
func (s *Store) Spend(ctx context.Context, id, by [16]byte, now, expires time.Time) (bool, error) {
	var holder []byte
	err := s.write(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO spent (id, holder, expires) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, expires = excluded.expires WHERE spent.expires <= $4`,
			id[:], by[:], expires.UnixNano(), now.UnixNano()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM spent WHERE id IN (SELECT id FROM spent WHERE expires <= $1 ORDER BY expires LIMIT 100 FOR UPDATE SKIP LOCKED)`,
			now.UnixNano()); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT holder FROM spent WHERE id = $1`, id[:]).Scan(&holder)
	})
	if err != nil {
		return false, fmt.Errorf("the id cannot be spent: %w", err)
	}
	return string(holder) == string(by[:]), nil
}

// vault adds what a batch does to the vault. Keys are in the same transaction, so they are durable when what they sealed is.
func (t *transaction) vault(ctx context.Context, d *journal.Delta) error {
	b := &pgx.Batch{}
	erased := make([]int64, len(d.Erased))
	for i, e := range d.Erased {
		erased[i] = e.Identity
	}
	if len(erased) > 0 {
		for _, query := range shreds {
			b.Queue(query, erased)
		}
	}
	if err := seals(ctx, t.conn, t.ring, b, d.Outlived(), erased); err != nil {
		return told(err)
	}
	conn := t.conn.Conn()
	for _, q := range b.QueuedQueries {
		st, err := conn.Prepare(ctx, q.SQL, q.SQL) // once for each connection
		if err != nil {
			return told(err)
		}
		t.written.call(conn, st, q.Arguments...)
	}
	return t.written.err
}

// seals queues attachments, and the keys of those who have none or whose keys are being shredded. Whoever calls it holds the head.
func seals(ctx context.Context, q querier, ring *seal.Ring, b *pgx.Batch, all []journal.Attachment, erased []int64) error {
	if len(all) == 0 {
		return nil
	}
	var ids []int64
	for _, a := range all {
		if !slices.Contains(ids, a.Identity) {
			ids = append(ids, a.Identity)
		}
	}
	keys, err := peopleKeys(ctx, q, ring, ids, erased)
	if err != nil {
		return err
	}
	for _, identity := range ids {
		if keys[identity] != nil {
			continue
		}
		key, wrapped, err := ring.New()
		if err != nil {
			return err
		}
		keys[identity] = key
		b.Queue(`INSERT INTO optup_keys.keys (id, wrapped) VALUES ($1, $2)`, key.ID[:], wrapped)
		b.Queue(`INSERT INTO identity_keys (identity, key) VALUES ($1, $2) ON CONFLICT (identity) DO UPDATE SET key = excluded.key`, identity, key.ID[:])
	}
	for _, a := range all {
		var id store.AttachmentID
		_, _ = rand.Read(id[:]) // never fails; the program ends instead
		due := int64(0)
		if !a.Due.IsZero() {
			due = a.Due.UnixNano()
		}
		key := keys[a.Identity]
		// An identity is one identifier, so its address is kept once.
		b.Queue(`INSERT INTO attachments (id, identity, position, kind, since, due, key, body) SELECT $1::bytea, $2::bigint, $3::bigint, $4::text, $5::bigint, $5::bigint, $6::bytea, $7::bytea
			WHERE $4::text <> '`+store.KindAddress+`' OR NOT EXISTS (SELECT 1 FROM attachments o WHERE o.identity = $2 AND o.kind = $4 AND o.key = $6)`,
			id[:], a.Identity, int64(a.Position), a.Kind, due, key.ID[:], key.Seal(seal.Place{Identity: a.Identity, Kind: a.Kind, ID: id}, a.Body))
	}
	return nil
}

func peopleKeys(ctx context.Context, q querier, ring *seal.Ring, identities, erased []int64) (map[int64]*seal.Key, error) {
	rows, err := q.Query(ctx, `SELECT i.identity, k.id, k.wrapped FROM identity_keys i JOIN optup_keys.keys k ON k.id = i.key WHERE i.identity = ANY($1)`, identities)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	keys := map[int64]*seal.Key{}
	for rows.Next() {
		var identity int64
		var id, wrapped []byte
		if err := rows.Scan(&identity, &id, &wrapped); err != nil {
			return nil, err
		}
		if slices.Contains(erased, identity) {
			continue
		}
		if len(id) != len(seal.KeyID{}) {
			return nil, fmt.Errorf("%w: a key", errDamaged)
		}
		if keys[identity], err = ring.Unwrap(seal.KeyID(id), wrapped); err != nil {
			return nil, err
		}
	}
	return keys, rows.Err()
}
