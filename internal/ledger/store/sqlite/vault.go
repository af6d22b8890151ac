package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/seal"
)

// within is a transaction in which people's keys are looked for and attachments are written: the appender's, or another one's.
type within interface {
	exec(ctx context.Context, query string, args ...any) error
	// values gives the first column of all rows.
	values(ctx context.Context, query string, args ...any) ([][]byte, error)
}

// other is a transaction of whoever does not append.
type other struct{ *sql.Tx }

func (o other) exec(ctx context.Context, query string, args ...any) error {
	_, err := o.ExecContext(ctx, query, args...)
	return told(err)
}

func (o other) values(ctx context.Context, query string, args ...any) (out [][]byte, err error) {
	rows, err := o.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, told(err)
	}
	defer rows.Close()
	for rows.Next() {
		var one []byte
		if err := rows.Scan(&one); err != nil {
			return nil, told(err)
		}
		out = append(out, one)
	}
	return out, told(rows.Err())
}

// attach writes attachments in the transaction of their events. New keys are durable before it returns, and so before the commit; a
// transaction that fails leaves a key behind that sealed nothing.
func (k *keyfile) attach(ctx context.Context, tx within, all []journal.Attachment) error {
	if len(all) == 0 {
		return nil
	}
	keys, err := k.of(ctx, tx, all)
	if err != nil {
		return err
	}
	for _, a := range all {
		key := keys[a.Identity]
		if a.Kind == store.KindAddress {
			// An identity is one identifier, so it is kept once.
			there, err := tx.values(ctx, `SELECT 1 FROM attachments WHERE identity = ? AND kind = ? AND key = ? LIMIT 1`, a.Identity, a.Kind, key.ID[:])
			if err != nil {
				return err
			}
			if len(there) > 0 {
				continue
			}
		}
		var id store.AttachmentID
		_, _ = rand.Read(id[:]) // never fails; the program ends instead
		due := int64(0)
		if !a.Due.IsZero() {
			due = a.Due.UnixNano()
		}
		body := key.Seal(seal.Place{Identity: a.Identity, Kind: a.Kind, ID: id}, a.Body)
		if err := tx.exec(ctx, `INSERT INTO attachments (id, identity, position, kind, since, due, key, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			id[:], a.Identity, int64(a.Position), a.Kind, due, due, key.ID[:], body); err != nil {
			return err
		}
	}
	return nil
}

// of gives the key of each identity. Who has none, or whose key was shredded, gets a new one.
func (k *keyfile) of(ctx context.Context, tx within, all []journal.Attachment) (map[int64]*seal.Key, error) {
	keys := map[int64]*seal.Key{}
	var without []int64
	for _, a := range all {
		if _, ok := keys[a.Identity]; ok || slices.Contains(without, a.Identity) {
			continue
		}
		named, err := tx.values(ctx, `SELECT key FROM identity_keys WHERE identity = ?`, a.Identity)
		if err != nil {
			return nil, err
		}
		var key *seal.Key
		if len(named) > 0 {
			if key, err = k.find(ctx, seal.KeyID(named[0])); err != nil {
				return nil, told(err)
			}
		}
		if key == nil {
			without = append(without, a.Identity)
			continue
		}
		keys[a.Identity] = key
	}
	if len(without) == 0 {
		return keys, nil
	}
	made, err := k.create(ctx, len(without))
	if err != nil {
		return nil, fmt.Errorf("keys of people cannot be written: %w", told(err))
	}
	for i, identity := range without {
		keys[identity] = made[i]
		if err := tx.exec(ctx, `INSERT INTO identity_keys (identity, key) VALUES (?, ?) ON CONFLICT (identity) DO UPDATE SET key = excluded.key`,
			identity, made[i].ID[:]); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// erase shreds the keys of identities, and deletes what they sealed. Keys go first, and for good: whoever reads in between finds nothing
// that can be opened, and so does whoever comes after a crash in between.
func (k *keyfile) erase(ctx context.Context, tx within, identities []int64) error {
	var keys []seal.KeyID
	for _, identity := range identities {
		found, err := tx.values(ctx, `SELECT key FROM identity_keys WHERE identity = ? UNION SELECT key FROM attachments WHERE identity = ?`, identity, identity)
		if err != nil {
			return err
		}
		for _, raw := range found {
			keys = append(keys, seal.KeyID(raw))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	if err := k.shred(ctx, keys); err != nil {
		return fmt.Errorf("keys of people cannot be shredded: %w", told(err))
	}
	for _, identity := range identities {
		for _, query := range []string{`DELETE FROM attachments WHERE identity = ?`, `DELETE FROM identity_keys WHERE identity = ?`} {
			if err := tx.exec(ctx, query, identity); err != nil {
				return err
			}
		}
	}
	return nil
}

// attachmentColumns are those of a row. Tags are those of its identity, the first one first.
const attachmentColumns = `id, identity, (SELECT tags FROM identities i WHERE i.id = identity), position, kind, due, tries, key, body`

// opened reads rows with attachmentColumns. What was shredded is left out, but for requests for erasure: they are to be seen to whether or
// not there is a key, after a restored backup as after a crash between the shredding and the erased event.
func (s *Store) opened(ctx context.Context, rows *sql.Rows, err error) ([]store.Attached, error) {
	if err != nil {
		return nil, fmt.Errorf("attachments cannot be read: %w", err)
	}
	defer rows.Close()
	type sealed struct {
		store.Attached
		identity int64
		key      seal.KeyID
	}
	var found []sealed
	for rows.Next() {
		var a sealed
		var id, tags, key []byte
		var due int64
		if err := rows.Scan(&id, &a.identity, &tags, &a.Position, &a.Kind, &due, &a.Tries, &key, &a.Body); err != nil {
			return nil, fmt.Errorf("attachments cannot be read: %w", err)
		}
		a.ID, a.Tag, a.key = store.AttachmentID(id), consent.Tag(tags[:len(consent.Tag{})]), seal.KeyID(key)
		if due != 0 {
			a.Due = time.Unix(0, due).UTC()
		}
		found = append(found, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("attachments cannot be read: %w", err)
	}
	var out []store.Attached
	for _, a := range found {
		key, err := s.keys.find(ctx, a.key)
		if err != nil {
			return nil, fmt.Errorf("the keys of people cannot be read: %w", err)
		}
		if key == nil {
			if a.Kind == store.KindErasure {
				a.Body = nil
				out = append(out, a.Attached)
			}
			continue
		}
		if a.Body, err = key.Open(seal.Place{Identity: a.identity, Kind: a.Kind, ID: a.ID}, a.Body); err != nil {
			return nil, fmt.Errorf("an attachment cannot be read: %w", err)
		}
		out = append(out, a.Attached)
	}
	return out, nil
}

// Attachments implements store.Vault.
func (s *Store) Attachments(ctx context.Context, tag consent.Tag, kinds ...string) ([]store.Attached, error) {
	query, args := `SELECT `+attachmentColumns+` FROM attachments WHERE identity = (SELECT identity FROM tags WHERE tag = ?)`, []any{tag[:]}
	if len(kinds) > 0 {
		query += ` AND kind IN (` + marks(len(kinds)) + `)`
		for _, k := range kinds {
			args = append(args, k)
		}
	}
	rows, err := s.reader.QueryContext(ctx, query+` ORDER BY seq`, args...)
	return s.opened(ctx, rows, err)
}

// write runs f in a transaction of the one writer.
func (s *Store) write(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return store.ErrClosed
	}
	if err := s.turn.take(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer s.turn.pass()
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	if err := f(tx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Attach implements store.Vault.
func (s *Store) Attach(ctx context.Context, tag consent.Tag, a store.Attachment) (bool, error) {
	known := false
	err := s.write(ctx, "the attachment cannot be written", func(tx *sql.Tx) error {
		var identity int64
		err := tx.QueryRowContext(ctx, `SELECT identity FROM tags WHERE tag = ?`, tag[:]).Scan(&identity)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		known = true
		return s.keys.attach(ctx, other{tx}, []journal.Attachment{{Attachment: a, Identity: identity}})
	})
	return known && err == nil, err
}

// Due implements store.Vault.
func (s *Store) Due(ctx context.Context, kind string, now time.Time, lease time.Duration, limit int) ([]store.Attached, error) {
	var out []store.Attached
	err := s.write(ctx, "what is due cannot be handed out", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `UPDATE attachments SET due = ?, tries = tries + 1 WHERE seq IN (
			SELECT seq FROM attachments WHERE kind = ? AND due <> 0 AND due <= ? ORDER BY due, seq LIMIT ?) RETURNING `+attachmentColumns,
			now.Add(lease).UnixNano(), kind, now.UnixNano(), limit)
		out, err = s.opened(ctx, rows, err)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Settle implements store.Vault.
func (s *Store) Settle(ctx context.Context, id store.AttachmentID, next time.Time) error {
	return s.write(ctx, "what is due cannot be settled", func(tx *sql.Tx) error {
		if next.IsZero() {
			_, err := tx.ExecContext(ctx, `DELETE FROM attachments WHERE id = ?`, id[:])
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE attachments SET due = ? WHERE id = ?`, next.UnixNano(), id[:])
		return err
	})
}

// Backlog implements store.Vault.
func (s *Store) Backlog(ctx context.Context, kind string, now time.Time) (store.Backlog, error) {
	var b store.Backlog
	var oldest int64
	if err := s.reader.QueryRowContext(ctx, `SELECT count(*), coalesce(min(since), 0) FROM attachments WHERE kind = ? AND due <> 0 AND since <= ?`,
		kind, now.UnixNano()).Scan(&b.Waiting, &oldest); err != nil {
		return b, fmt.Errorf("what is due cannot be counted: %w", err)
	}
	if oldest != 0 {
		b.Oldest = time.Unix(0, oldest).UTC()
	}
	return b, nil
}

// Shred implements store.Vault.
func (s *Store) Shred(ctx context.Context, tags ...consent.Tag) error {
	return s.write(ctx, "keys cannot be shredded", func(tx *sql.Tx) error {
		var identities []int64
		for _, tag := range tags {
			var id int64
			err := tx.QueryRowContext(ctx, `SELECT identity FROM tags WHERE tag = ?`, tag[:]).Scan(&id)
			switch {
			case errors.Is(err, sql.ErrNoRows):
			case err != nil:
				return err
			default:
				identities = append(identities, id)
			}
		}
		return s.keys.erase(ctx, other{tx}, identities)
	})
}

// Spend implements store.Vault. What has expired is forgotten here, a little at a time.
func (s *Store) Spend(ctx context.Context, id, by [16]byte, now, expires time.Time) (bool, error) {
	var holder []byte
	err := s.write(ctx, "the id cannot be spent", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM spent WHERE id IN (SELECT id FROM spent WHERE expires <= ? LIMIT 100) OR (id = ? AND expires <= ?)`,
			now.UnixNano(), id[:], now.UnixNano()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO spent (id, by, expires) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, id[:], by[:], expires.UnixNano()); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT by FROM spent WHERE id = ?`, id[:]).Scan(&holder)
	})
	return err == nil && string(holder) == string(by[:]), err
}
