package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// forgetAtOnce bounds the decisions that one transaction deletes, so that appends never wait long for it.
const forgetAtOnce = 50

// RecordUses implements store.Uses. It takes turns with the appender: one transaction after the other.
func (s *Store) RecordUses(ctx context.Context, b store.UseBatch) (store.Recorded, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out store.Recorded
	if s.closed {
		return out, store.ErrClosed
	}
	if err := s.turn.take(ctx); err != nil {
		return out, fmt.Errorf("uses cannot be recorded: %w", err)
	}
	defer s.turn.pass()
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return out, fmt.Errorf("uses cannot be recorded: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	now := s.now().UTC().UnixNano()
	r, err := tx.ExecContext(ctx, `INSERT INTO use_batches (key, recorded, lost) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, b.Key, now, int64(b.Lost))
	if err != nil {
		return out, fmt.Errorf("uses cannot be recorded: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		out.Replayed = true
		return out, err
	}
	add, err := tx.PrepareContext(ctx, `INSERT INTO uses (decision, number, tag, reason, grant_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
	if err != nil {
		return out, err
	}
	defer add.Close()
	for i := range b.Decisions {
		err := recordDecision(ctx, tx, add, &b, &b.Decisions[i], now)
		if errors.Is(err, errForeign) {
			out.Refused++
			continue
		}
		if err != nil {
			return out, fmt.Errorf("uses cannot be recorded: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return out, fmt.Errorf("uses cannot be recorded: %w", err)
	}
	return out, nil
}

var errForeign = errors.New("the id is another workload's")

func recordDecision(ctx context.Context, tx *sql.Tx, add *sql.Stmt, b *store.UseBatch, d *wire.Decided, now int64) error {
	head := *d
	head.Uses, head.First = nil, 0
	raw, err := json.Marshal(head)
	if err != nil {
		return err
	}
	// A decision that has an effect is complete, and stays as it is.
	r, err := tx.ExecContext(ctx, `INSERT INTO decisions (id, namespace, workload, recorded, decided) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT DO UPDATE SET decided = CASE WHEN decided ->> 'effect' IS NULL THEN excluded.decided ELSE decided END
		WHERE namespace = excluded.namespace AND workload = excluded.workload`, d.ID[:], b.Namespace, b.Workload, now, string(raw))
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errForeign)
	}
	for i, u := range d.Uses {
		var tag []byte
		if u.Tag != nil {
			tag = u.Tag[:]
		}
		if _, err := add.ExecContext(ctx, d.ID[:], d.First+i, tag, u.Reason, u.Grant); err != nil {
			return err
		}
	}
	return nil
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

func blobs(tags []consent.Tag) []any {
	out := make([]any, len(tags))
	for i := range tags {
		out[i] = tags[i][:]
	}
	return out
}

// UsesOf implements store.Uses.
func (s *Store) UsesOf(ctx context.Context, tags []consent.Tag, before wire.DecisionID, limit int) ([]store.Use, error) {
	people, err := s.loaded(ctx, tags)
	if err != nil {
		return nil, fmt.Errorf("uses cannot be read: %w", err)
	}
	tags = people.SamePerson(tags)
	end := before
	if end == (wire.DecisionID{}) {
		for i := range end {
			end[i] = 0xff
		}
	}
	args := append(blobs(tags), end[:], limit)
	rows, err := s.reader.QueryContext(ctx, `SELECT u.number, u.reason, u.grant_at, d.namespace, d.workload, d.recorded, d.decided
		FROM uses u JOIN decisions d ON d.id = u.decision WHERE u.tag IN (`+marks(len(tags))+`) AND u.decision < ?
		ORDER BY u.decision DESC, u.number LIMIT ?`, args...)
	if err != nil {
		return nil, fmt.Errorf("uses cannot be read: %w", err)
	}
	defer rows.Close()
	var out []store.Use
	for rows.Next() {
		var u store.Use
		var raw []byte
		var recorded int64
		if err := rows.Scan(&u.Number, &u.Reason, &u.Grant, &u.Decision.Namespace, &u.Decision.Workload, &recorded, &raw); err != nil {
			return nil, fmt.Errorf("uses cannot be read: %w", err)
		}
		if err := fill(&u.Decision, recorded, raw); err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, rows.Err()
}

func fill(d *store.Decision, recorded int64, raw []byte) error {
	d.Recorded = time.Unix(0, recorded).UTC()
	if err := json.Unmarshal(raw, &d.Decided); err != nil {
		return errors.New("a decision in the database cannot be read; restore a backup")
	}
	return nil
}

// Decision implements store.Uses.
func (s *Store) Decision(ctx context.Context, id wire.DecisionID, from, limit int) (store.Decision, error) {
	var d store.Decision
	var raw []byte
	var recorded int64
	err := s.reader.QueryRowContext(ctx, `SELECT namespace, workload, recorded, decided FROM decisions WHERE id = ?`, id[:]).
		Scan(&d.Namespace, &d.Workload, &recorded, &raw)
	if errors.Is(err, sql.ErrNoRows) {
		return d, store.ErrNoDecision
	}
	if err == nil {
		err = fill(&d, recorded, raw)
	}
	if err != nil {
		return d, fmt.Errorf("the decision cannot be read: %w", err)
	}
	rows, err := s.reader.QueryContext(ctx, `SELECT number, tag, reason, grant_at FROM uses WHERE decision = ? AND number >= ? ORDER BY number LIMIT ?`, id[:], from, limit)
	if err != nil {
		return d, fmt.Errorf("the decision cannot be read: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var u wire.Use
		var tag []byte
		var number int
		if err := rows.Scan(&number, &tag, &u.Reason, &u.Grant); err != nil {
			return d, fmt.Errorf("the decision cannot be read: %w", err)
		}
		if len(tag) == len(wire.Tag{}) {
			t := wire.Tag(tag)
			u.Tag = &t
		}
		if d.First == 0 {
			d.First = number
		}
		d.Uses = append(d.Uses, u)
	}
	return d, rows.Err()
}

// Permitted implements store.Uses.
func (s *Store) Permitted(ctx context.Context, id wire.DecisionID, reasons ...string) ([]consent.Tag, error) {
	args := []any{id[:]}
	for _, r := range reasons {
		args = append(args, r)
	}
	rows, err := s.reader.QueryContext(ctx, `SELECT DISTINCT u.tag FROM uses u JOIN decisions d ON d.id = u.decision
		WHERE u.decision = ? AND u.tag IS NOT NULL AND d.decided ->> 'effect' IN ('permit', 'permit-filtered') AND u.reason IN (`+marks(len(reasons))+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("uses cannot be read: %w", err)
	}
	defer rows.Close()
	var out []consent.Tag
	for rows.Next() {
		var raw sql.RawBytes
		if err := rows.Scan(&raw); err != nil {
			return nil, fmt.Errorf("uses cannot be read: %w", err)
		}
		out = append(out, consent.Tag(raw))
	}
	return out, rows.Err()
}

// LostUses implements store.Uses.
func (s *Store) LostUses(ctx context.Context) (uint64, error) {
	var n int64
	if err := s.reader.QueryRowContext(ctx, `SELECT coalesce(sum(lost), 0) FROM use_batches`).Scan(&n); err != nil {
		return 0, fmt.Errorf("lost uses cannot be counted: %w", err)
	}
	return uint64(n), nil
}

// ForgetUses implements store.Uses.
func (s *Store) ForgetUses(ctx context.Context, before time.Time) (int64, error) {
	var all int64
	for {
		n, err := s.forget(ctx, before.UnixNano())
		if all += n; err != nil || n < forgetAtOnce {
			return all, err
		}
	}
}

func (s *Store) forget(ctx context.Context, before int64) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return 0, store.ErrClosed
	}
	if err := s.turn.take(ctx); err != nil {
		return 0, fmt.Errorf("old uses cannot be deleted: %w", err)
	}
	defer s.turn.pass()
	r, err := s.writer.ExecContext(ctx, `DELETE FROM decisions WHERE id IN (SELECT id FROM decisions WHERE recorded < ? LIMIT ?)`, before, forgetAtOnce)
	if err != nil {
		return 0, fmt.Errorf("old uses cannot be deleted: %w", err)
	}
	// A batch is never sent again after so long.
	if _, err := s.writer.ExecContext(ctx, `DELETE FROM use_batches WHERE recorded < ?`, before); err != nil {
		return 0, fmt.Errorf("old uses cannot be deleted: %w", err)
	}
	return r.RowsAffected()
}
