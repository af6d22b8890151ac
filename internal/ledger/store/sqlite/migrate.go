package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// fillJournal makes an identity of each person that there was, with all tags, and gives each event its salt and its leaf.
func fillJournal(ctx context.Context, tx *sql.Tx) error {
	for _, q := range []string{
		`INSERT INTO identities (id, cluster, type, tags, record) SELECT id, id, '', x'', record FROM old_people`,
		`INSERT INTO tags (tag, identity) SELECT tag, person FROM old_tags`,
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("the people cannot be taken over: %w", err)
		}
	}
	tags, err := oldTags(ctx, tx)
	if err != nil {
		return fmt.Errorf("the people cannot be taken over: %w", err)
	}
	for id, all := range tags {
		if _, err := tx.ExecContext(ctx, `UPDATE identities SET tags = ? WHERE id = ?`, journal.JoinTags(all), id); err != nil {
			return fmt.Errorf("the people cannot be taken over: %w", err)
		}
	}
	frontier, err := oldEvents(ctx, tx, tags)
	if err != nil {
		return fmt.Errorf("the log cannot be taken over: %w", err)
	}
	raw, err := frontier.MarshalBinary()
	if err != nil {
		return err
	}
	for _, q := range []struct {
		text string
		args []any
	}{
		{`UPDATE head SET frontier = ?, last_id = coalesce((SELECT max(id) FROM identities), 0)`, []any{raw}},
		{`DROP TABLE old_events`, nil},
		{`DROP TABLE old_tags`, nil},
		{`DROP TABLE old_people`, nil},
	} {
		if _, err := tx.ExecContext(ctx, q.text, q.args...); err != nil {
			return fmt.Errorf("the log cannot be taken over: %w", err)
		}
	}
	return nil
}

func oldTags(ctx context.Context, tx *sql.Tx) (map[int64][]consent.Tag, error) {
	rows, err := tx.QueryContext(ctx, `SELECT person, tag FROM old_tags`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[int64][]consent.Tag{}
	for rows.Next() {
		var id int64
		var tag sql.RawBytes
		if err := rows.Scan(&id, &tag); err != nil {
			return nil, err
		}
		out[id] = append(out[id], consent.Tag(tag))
	}
	return out, rows.Err()
}

// oldEvents takes over all events, some at a time.
func oldEvents(ctx context.Context, tx *sql.Tx, tags map[int64][]consent.Tag) (f proof.Frontier, err error) {
	for {
		events, err := somePastEvents(ctx, tx, f.Size())
		if err != nil || len(events) == 0 {
			return f, err
		}
		leaves := make([]proof.Hash, len(events))
		for i, e := range events {
			if e.event.Position != f.Size()+consent.Position(i)+1 {
				return f, fmt.Errorf("the event at position %d is missing; restore a backup", f.Size()+consent.Position(i)+1)
			}
			if leaves[i], err = takeEvent(ctx, tx, e, tags[e.person]); err != nil {
				return f, err
			}
		}
		var nodes []proof.Node
		f, nodes = f.Append(leaves...)
		for _, n := range nodes {
			if _, err := tx.ExecContext(ctx, `INSERT INTO nodes (level, place, hash) VALUES (?, ?, ?)`, n.Level, int64(n.Index), n.Hash[:]); err != nil {
				return f, err
			}
		}
	}
}

type pastEvent struct {
	event  consent.Event
	person int64
}

func somePastEvents(ctx context.Context, tx *sql.Tx, after consent.Position) ([]pastEvent, error) {
	rows, err := tx.QueryContext(ctx, `SELECT person, event FROM old_events WHERE position > ? ORDER BY position LIMIT 1000`, after)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []pastEvent
	for rows.Next() {
		var e pastEvent
		var raw sql.RawBytes
		if err := rows.Scan(&e.person, &raw); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &e.event); err != nil {
			return nil, errors.New("an event in the database cannot be read; restore a backup")
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func takeEvent(ctx context.Context, tx *sql.Tx, e pastEvent, tags []consent.Tag) (proof.Hash, error) {
	entry, err := store.EncodeEntry(e.event, []store.Identity{{Tags: tags}})
	if err != nil {
		return proof.Hash{}, err
	}
	var salt proof.Salt
	_, _ = rand.Read(salt[:]) // it never fails
	leaf := proof.Leaf(salt, entry)
	if _, err := tx.ExecContext(ctx, `INSERT INTO events (position, entry, salt, leaf) VALUES (?, ?, ?, ?)`, e.event.Position, entry, salt[:], leaf[:]); err != nil {
		return leaf, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO event_identities (identity, position, named) VALUES (?, ?, 1)`, e.person, e.event.Position)
	return leaf, err
}
