package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// forgetAtOnce bounds the decisions that one transaction deletes, so that nobody waits long for it.
const forgetAtOnce = 500

// RecordUses implements store.Uses. It never waits for the appender.
func (s *Store) RecordUses(ctx context.Context, b store.UseBatch) (store.Recorded, error) {
	var out store.Recorded
	err := s.write(ctx, func(tx pgx.Tx) (err error) {
		out, err = s.recordUses(ctx, tx, &b)
		return err
	})
	if err != nil {
		return store.Recorded{}, fmt.Errorf("uses cannot be recorded: %w", err)
	}
	return out, nil
}

func (s *Store) recordUses(ctx context.Context, tx pgx.Tx, b *store.UseBatch) (out store.Recorded, err error) {
	now := s.now().UTC().UnixNano()
	tag, err := tx.Exec(ctx, `INSERT INTO use_batches (key, recorded, lost) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, b.Key, now, int64(b.Lost))
	if err != nil {
		return out, err
	}
	if tag.RowsAffected() == 0 {
		out.Replayed = true
		return out, nil
	}
	own, err := recordDecisions(ctx, tx, b, now)
	if err != nil {
		return out, err
	}
	var u useRows
	for i := range b.Decisions {
		d := &b.Decisions[i]
		if !own[d.ID] {
			out.Refused++
			continue
		}
		u.add(d)
	}
	_, err = tx.Exec(ctx, `INSERT INTO uses (decision, number, tag, reason, grant_at)
		SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::text[], $5::bigint[]) ON CONFLICT DO NOTHING`,
		u.decisions, u.numbers, u.tags, u.reasons, u.grants)
	return out, err
}

type useRows struct {
	decisions, tags pgtype.FlatArray[[]byte]
	numbers, grants []int64
	reasons         []string
}

func (u *useRows) add(d *wire.Decided) {
	for i := range d.Uses {
		use := &d.Uses[i]
		var tag []byte
		if use.Tag != nil {
			tag = use.Tag[:]
		}
		u.decisions, u.numbers, u.tags = append(u.decisions, d.ID[:]), append(u.numbers, int64(d.First+i)), append(u.tags, tag)
		u.reasons, u.grants = append(u.reasons, use.Reason), append(u.grants, int64(use.Grant))
	}
}

// recordDecisions stores what there is of decisions without their people, and tells which of them are this workload's.
func recordDecisions(ctx context.Context, tx pgx.Tx, b *store.UseBatch, now int64) (own map[wire.DecisionID]bool, err error) {
	// Parts of one decision may come in one batch, and a statement changes a row once: the last part with an effect counts. Rows are locked
	// in one order by everybody, so that batches never wait for each other in a circle.
	parts := map[wire.DecisionID]*wire.Decided{}
	for i := range b.Decisions {
		d := &b.Decisions[i]
		if known := parts[d.ID]; known == nil || known.Effect == "" {
			parts[d.ID] = d
		}
	}
	ids := make(pgtype.FlatArray[[]byte], 0, len(parts))
	for id := range parts {
		ids = append(ids, id[:])
	}
	slices.SortFunc(ids, bytes.Compare)
	effects, decided := make([]string, len(ids)), make(pgtype.FlatArray[[]byte], len(ids))
	for i, id := range ids {
		head := *parts[wire.DecisionID(id)]
		head.Uses, head.First = nil, 0
		effects[i] = head.Effect
		if decided[i], err = json.Marshal(head); err != nil {
			return nil, err
		}
	}
	// A decision that has an effect is complete, and stays as it is.
	rows, err := tx.Query(ctx, `INSERT INTO decisions AS d (id, namespace, workload, recorded, effect, decided)
		SELECT id, $2, $3, $4, effect, decided FROM unnest($1::bytea[], $5::text[], $6::bytea[]) AS new (id, effect, decided)
		ON CONFLICT (id) DO UPDATE SET
			decided = CASE WHEN d.effect = '' THEN excluded.decided ELSE d.decided END,
			effect = CASE WHEN d.effect = '' THEN excluded.effect ELSE d.effect END
		WHERE d.namespace = excluded.namespace AND d.workload = excluded.workload
		RETURNING id`, ids, b.Namespace, b.Workload, now, effects, decided)
	if err != nil {
		return nil, err
	}
	own = map[wire.DecisionID]bool{}
	var id []byte
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		own[wire.DecisionID(id)] = true
		return nil
	})
	return own, err
}

// same gives the tags of everybody whom some tags name, those included.
func (s *Store) same(ctx context.Context, tags []consent.Tag) (pgtype.FlatArray[[]byte], error) {
	found, err := load(ctx, s.pool, tags)
	if err != nil {
		return nil, err
	}
	return blobs(found.SamePerson(tags)), nil
}

func blobs(tags []consent.Tag) pgtype.FlatArray[[]byte] {
	out := make(pgtype.FlatArray[[]byte], len(tags))
	for i := range tags {
		out[i] = tags[i][:]
	}
	return out
}

// UsesOf implements store.Uses.
func (s *Store) UsesOf(ctx context.Context, tags []consent.Tag, before wire.DecisionID, limit int) ([]store.Use, error) {
	all, err := s.same(ctx, tags)
	if err != nil {
		return nil, fmt.Errorf("uses cannot be read: %w", err)
	}
	end := before
	if end == (wire.DecisionID{}) {
		for i := range end {
			end[i] = 0xff
		}
	}
	rows, err := s.pool.Query(ctx, `SELECT u.number, u.reason, u.grant_at, d.namespace, d.workload, d.recorded, d.decided
		FROM uses u JOIN decisions d ON d.id = u.decision WHERE u.tag = ANY($1) AND u.decision < $2
		ORDER BY u.decision DESC, u.number LIMIT $3`, all, end[:], limit)
	if err != nil {
		return nil, fmt.Errorf("uses cannot be read: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (u store.Use, err error) {
		var raw []byte
		var recorded int64
		if err := row.Scan(&u.Number, &u.Reason, &u.Grant, &u.Decision.Namespace, &u.Decision.Workload, &recorded, &raw); err != nil {
			return u, err
		}
		return u, fill(&u.Decision, recorded, raw)
	})
	if err != nil {
		return nil, fmt.Errorf("uses cannot be read: %w", err)
	}
	return out, nil
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
	err := s.pool.QueryRow(ctx, `SELECT namespace, workload, recorded, decided FROM decisions WHERE id = $1`, id[:]).
		Scan(&d.Namespace, &d.Workload, &recorded, &raw)
	if errors.Is(err, pgx.ErrNoRows) {
		return d, store.ErrNoDecision
	}
	if err == nil {
		err = fill(&d, recorded, raw)
	}
	if err != nil {
		return d, fmt.Errorf("the decision cannot be read: %w", err)
	}
	rows, err := s.pool.Query(ctx, `SELECT number, tag, reason, grant_at FROM uses WHERE decision = $1 AND number >= $2 ORDER BY number LIMIT $3`, id[:], from, limit)
	if err != nil {
		return d, fmt.Errorf("the decision cannot be read: %w", err)
	}
	d.Uses, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (u wire.Use, err error) {
		var tag []byte
		var number int
		if err := row.Scan(&number, &tag, &u.Reason, &u.Grant); err != nil {
			return u, err
		}
		if len(tag) == len(wire.Tag{}) {
			t := wire.Tag(tag)
			u.Tag = &t
		}
		if d.First == 0 {
			d.First = number
		}
		return u, nil
	})
	if err != nil {
		return d, fmt.Errorf("the decision cannot be read: %w", err)
	}
	return d, nil
}

// Permitted implements store.Uses.
func (s *Store) Permitted(ctx context.Context, id wire.DecisionID, reasons ...string) ([]consent.Tag, error) {
	rows, err := s.pool.Query(ctx, `SELECT DISTINCT u.tag FROM uses u JOIN decisions d ON d.id = u.decision
		WHERE u.decision = $1 AND u.tag IS NOT NULL AND d.effect IN ('permit', 'permit-filtered') AND u.reason = ANY($2)`, id[:], reasons)
	if err != nil {
		return nil, fmt.Errorf("uses cannot be read: %w", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (consent.Tag, error) {
		var raw []byte
		err := row.Scan(&raw)
		if err == nil && len(raw) != len(consent.Tag{}) {
			err = errDamaged
		}
		if err != nil {
			return consent.Tag{}, err
		}
		return consent.Tag(raw), nil
	})
	if err != nil {
		return nil, fmt.Errorf("uses cannot be read: %w", err)
	}
	return out, nil
}

// LostUses implements store.Uses.
func (s *Store) LostUses(ctx context.Context) (uint64, error) {
	var n int64
	if err := s.pool.QueryRow(ctx, `SELECT coalesce(sum(lost), 0)::bigint FROM use_batches`).Scan(&n); err != nil {
		return 0, fmt.Errorf("lost uses cannot be counted: %w", err)
	}
	return uint64(n), nil
}

// ForgetUses implements store.Uses. Replicas that forget at the same time share the work.
func (s *Store) ForgetUses(ctx context.Context, before time.Time) (int64, error) {
	var all int64
	for {
		var n int64
		err := s.write(ctx, func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, `DELETE FROM decisions WHERE id IN (SELECT id FROM decisions WHERE recorded < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)`,
				before.UnixNano(), forgetAtOnce)
			n = tag.RowsAffected()
			if err != nil {
				return err
			}
			// A batch is never sent again after so long.
			_, err = tx.Exec(ctx, `DELETE FROM use_batches WHERE recorded < $1`, before.UnixNano())
			return err
		})
		if err != nil {
			return all, fmt.Errorf("old uses cannot be deleted: %w", err)
		}
		if all += n; n < forgetAtOnce {
			return all, nil
		}
	}
}
