package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

type statements struct {
	findKey, addKey, findTag, addTag, moveTags, tagsOf *sql.Stmt
	record, setRecord, addPerson, dropPerson           *sql.Stmt
	addEvent, eventsOf, moveEvents, setHead            *sql.Stmt
}

func (st *statements) each(f func(s **sql.Stmt, query string)) {
	f(&st.findKey, `SELECT digest, position, at FROM idempotency WHERE key = ?`)
	f(&st.addKey, `INSERT INTO idempotency (key, digest, position, at) VALUES (?, ?, ?, ?)`)
	f(&st.findTag, `SELECT person FROM tags WHERE tag = ?`)
	f(&st.addTag, `INSERT INTO tags (tag, person) VALUES (?, ?) ON CONFLICT DO NOTHING`)
	f(&st.moveTags, `UPDATE tags SET person = ? WHERE person = ?`)
	f(&st.tagsOf, `SELECT tag FROM tags WHERE person = ?`)
	f(&st.record, `SELECT record FROM people WHERE id = ?`)
	f(&st.setRecord, `UPDATE people SET record = ? WHERE id = ?`)
	f(&st.addPerson, `INSERT INTO people (record) VALUES (?)`)
	f(&st.dropPerson, `DELETE FROM people WHERE id = ?`)
	f(&st.addEvent, `INSERT INTO events (position, person, event) VALUES (?, ?, ?)`)
	f(&st.eventsOf, `SELECT event FROM events WHERE person = ? ORDER BY position`)
	f(&st.moveEvents, `UPDATE events SET person = ? WHERE person = ?`)
	f(&st.setHead, `UPDATE head SET position = ?, at = ?, hashed = ?`)
}

func prepare(ctx context.Context, db *sql.DB) (*statements, error) {
	st := &statements{}
	var errs []error
	st.each(func(s **sql.Stmt, query string) {
		var err error
		*s, err = db.PrepareContext(ctx, query) //nolint:sqlclosecheck // closed with the store
		errs = append(errs, err)
	})
	return st, errors.Join(errs...)
}

func (st *statements) in(ctx context.Context, tx *sql.Tx) *statements {
	bound := *st
	bound.each(func(s **sql.Stmt, _ string) { *s = tx.StmtContext(ctx, *s) })
	return &bound
}

// appender is the state of one transaction.
type appender struct {
	ctx     context.Context
	st      *statements
	head    store.Head
	at      time.Time
	changes []store.Change
}

// append appends one event. The first error refuses the event, which then has written nothing; the second ends the transaction.
func (a *appender) append(in *store.Append) (store.Result, error, error) {
	if in.Key != "" {
		if r, refused, err := a.replay(in); err != nil || refused != nil || r.Replayed {
			return r, refused, err
		}
	}
	people, err := a.people(in.Tags)
	if err != nil {
		return store.Result{}, nil, err
	}
	record, err := a.fold(people)
	if err != nil {
		return store.Result{}, nil, err
	}
	e := in.Event
	e.Position, e.At = a.head.Position+1, a.at
	if e.BasedOn >= e.Position {
		// Who claims to know the future would be deaf to every later "no".
		return store.Result{}, fmt.Errorf("%w: basedOn names a position that is not there yet", consent.ErrInvalid), nil
	}
	if err := consent.Admit(record, e); err != nil {
		return store.Result{}, err, nil
	}
	record.Apply(e)
	tags, err := a.write(people, record, in.Tags, e)
	if err != nil {
		return store.Result{}, nil, err
	}
	if in.Key != "" {
		if _, err := a.st.addKey.ExecContext(a.ctx, in.Key, in.Digest[:], e.Position, a.at.UnixNano()); err != nil {
			return store.Result{}, nil, err
		}
	}
	a.head.Position = e.Position
	a.head.Hashed = a.head.Hashed || !in.Plain
	a.changes = append(a.changes, store.Change{Person: store.Person{Tags: tags, Record: record}, Event: e, Hashed: !in.Plain})
	return store.Result{Position: e.Position, At: e.At}, nil, nil
}

func (a *appender) replay(in *store.Append) (store.Result, error, error) {
	var digest []byte
	var at int64
	r := store.Result{Replayed: true}
	err := a.st.findKey.QueryRowContext(a.ctx, in.Key).Scan(&digest, &r.Position, &at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.Result{}, nil, nil
	case err != nil:
		return store.Result{}, nil, err
	case !bytes.Equal(digest, in.Digest[:]):
		return store.Result{}, store.ErrIdempotency, nil
	}
	r.At = time.Unix(0, at).UTC()
	return r, nil, nil
}

// people are those whom the tags name, the oldest first. More than one means that they turn out to be the same.
func (a *appender) people(tags []consent.Tag) ([]int64, error) {
	var ids []int64
	for _, tag := range tags {
		var id int64
		err := a.st.findTag.QueryRowContext(a.ctx, tag[:]).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// fold gives a record of its own for the people, which nobody else holds.
func (a *appender) fold(people []int64) (*consent.Record, error) {
	switch len(people) {
	case 0:
		return &consent.Record{}, nil
	case 1:
		var raw []byte
		if err := a.st.record.QueryRowContext(a.ctx, people[0]).Scan(&raw); err != nil {
			return nil, err
		}
		return decode(raw)
	}
	var events []consent.Event
	for _, id := range people {
		more, err := a.events(id)
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
	}
	slices.SortFunc(events, func(x, y consent.Event) int { return int(int64(x.Position) - int64(y.Position)) })
	return consent.Fold(events), nil
}

func (a *appender) events(person int64) ([]consent.Event, error) {
	rows, err := a.st.eventsOf.QueryContext(a.ctx, person)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var events []consent.Event
	for rows.Next() {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			return nil, err
		}
		var e consent.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, rows.Err()
}

// write stores the event, the record and what is new about tags. It gives all tags of the person.
func (a *appender) write(people []int64, record *consent.Record, tags []consent.Tag, e consent.Event) ([]consent.Tag, error) {
	raw, err := json.Marshal(record)
	if err != nil {
		return nil, err
	}
	var id int64
	if len(people) == 0 {
		r, err := a.st.addPerson.ExecContext(a.ctx, raw)
		if err != nil {
			return nil, err
		}
		if id, err = r.LastInsertId(); err != nil {
			return nil, err
		}
	} else {
		id = people[0]
		for _, other := range people[1:] {
			if err := a.merge(id, other); err != nil {
				return nil, err
			}
		}
		if _, err := a.st.setRecord.ExecContext(a.ctx, raw, id); err != nil {
			return nil, err
		}
	}
	for _, tag := range tags {
		if _, err := a.st.addTag.ExecContext(a.ctx, tag[:], id); err != nil {
			return nil, err
		}
	}
	payload, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	if _, err := a.st.addEvent.ExecContext(a.ctx, e.Position, id, payload); err != nil {
		return nil, err
	}
	return a.tags(id)
}

func (a *appender) merge(into, other int64) error {
	for _, st := range []*sql.Stmt{a.st.moveTags, a.st.moveEvents} {
		if _, err := st.ExecContext(a.ctx, into, other); err != nil {
			return err
		}
	}
	_, err := a.st.dropPerson.ExecContext(a.ctx, other)
	return err
}

func (a *appender) tags(person int64) ([]consent.Tag, error) {
	rows, err := a.st.tagsOf.QueryContext(a.ctx, person)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tags []consent.Tag
	for rows.Next() {
		var raw sql.RawBytes
		if err := rows.Scan(&raw); err != nil {
			return nil, err
		}
		tags = append(tags, consent.Tag(raw))
	}
	return tags, rows.Err()
}
