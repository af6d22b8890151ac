package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// statements are those of a commit that are no new rows, prepared on the appender's connection.
type statements struct {
	setIdentities, dropLinks, erase, setHead *pgconn.StatementDescription
}

func prepare(ctx context.Context, c *pgx.Conn) (*statements, error) {
	st := &statements{}
	for _, one := range []struct {
		to        **pgconn.StatementDescription
		name, sql string
	}{
		{&st.setIdentities, "optup_set_identities", `UPDATE identities i SET cluster = n.cluster, type = n.type, tags = n.tags, record = n.record, latest = n.latest
			FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[], $5::bytea[], $6::bigint[]) AS n (id, cluster, type, tags, record, latest) WHERE i.id = n.id`},
		{&st.dropLinks, "optup_drop_links", `DELETE FROM links l USING unnest($1::bigint[], $2::bigint[]) AS o (identity, position)
			WHERE l.identity = o.identity AND l.position = o.position`},
		{&st.erase, "optup_erase", `WITH RECURSIVE d AS (SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS d (identity, before)),
			chain (position, before) AS (SELECT i.latest, d.before FROM d JOIN identities i ON i.id = d.identity WHERE i.latest > 0
				UNION ALL SELECT e.previous, c.before FROM chain c JOIN events e ON e.position = c.position WHERE e.previous > 0)
			UPDATE events SET entry = NULL, salt = NULL WHERE entry IS NOT NULL AND position IN (
			SELECT position FROM chain WHERE position < before
			UNION ALL
			SELECT e.position FROM d JOIN events e ON e.identity = d.identity AND e.previous IS NULL AND e.position < d.before
			UNION ALL
			SELECT n.position FROM d JOIN event_identities n ON n.identity = d.identity AND n.position < d.before)`},
		{&st.setHead, "optup_set_head", `UPDATE head SET position = $1, at = $2, hashed = $3, frontier = $4, newest_id = $5 WHERE id = 1`},
	} {
		var err error
		if *one.to, err = c.Prepare(ctx, one.name, one.sql); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// write adds what a batch came to, but for so many events that are there already: one statement for each table, however many events there are.
func (st *statements) write(s *script, conn *pgx.Conn, d *journal.Delta, there int, t *teller) error {
	records := &t.records
	records.reset()
	for _, all := range [][]journal.Identity{d.Added, d.Changed} {
		for i := range all {
			if _, err := records.record(all[i].Record); err != nil {
				return err
			}
		}
	}
	s.rows(`identities (id, cluster, type, tags, record, latest)`, 6, len(d.Added), func(i int, row *script) {
		id := &d.Added[i]
		row.int64(id.ID)
		row.int64(id.Cluster)
		row.text(string(id.Type))
		row.bytes(journal.JoinTags(id.Tags))
		row.bytes(records.done[id.Record])
		row.int64(int64(id.Latest))
	})
	st.change(s, conn, d.Changed, records)
	s.rows(`tags (tag, identity)`, 2, len(d.Tags), func(i int, row *script) {
		row.bytes(d.Tags[i].Tag[:])
		row.int64(d.Tags[i].ID)
	})
	st.relink(s, conn, d)
	writeEvents(s, d, there)
	s.rows(`nodes (level, index, hash)`, 3, len(d.Nodes), func(i int, row *script) {
		row.int16(int16(d.Nodes[i].Level))
		row.int64(int64(d.Nodes[i].Index))
		row.bytes(d.Nodes[i].Hash[:])
	})
	if n := len(d.Erased); n > 0 {
		ids, before := make([]int64, n), make([]int64, n)
		for i, e := range d.Erased {
			ids[i], before[i] = e.Identity, int64(e.Before)
		}
		s.call(conn, st.erase, ids, before)
	}
	frontier, err := d.Head.Frontier.MarshalBinary()
	if err != nil {
		return err
	}
	s.call(conn, st.setHead, int64(d.Head.Position), d.Head.At.UnixNano(), d.Head.Hashed, frontier, d.Head.LastID)
	n := len(d.Changes)
	if n == 0 {
		return s.err // a log that is read in has no followers
	}
	body, err := t.body(d, records)
	if err != nil {
		return err
	}
	s.rows(`changes (last, first, at, body)`, 4, 1, func(_ int, row *script) {
		row.int64(int64(d.Changes[n-1].Event.Position))
		row.int64(int64(d.Changes[0].Event.Position))
		row.int64(d.Head.At.UnixNano())
		row.bytes(body)
	})
	return s.err
}

func (st *statements) change(s *script, conn *pgx.Conn, all []journal.Identity, records *encoder) {
	n := len(all)
	if n == 0 {
		return
	}
	ids, clusters, types, latest := make([]int64, n), make([]int64, n), make([]string, n), make([]int64, n)
	tags, raw := make(pgtype.FlatArray[[]byte], n), make(pgtype.FlatArray[[]byte], n)
	for i := range all {
		id := &all[i]
		ids[i], clusters[i], types[i], tags[i], raw[i] = id.ID, id.Cluster, string(id.Type), journal.JoinTags(id.Tags), records.done[id.Record]
		latest[i] = int64(id.Latest)
	}
	s.call(conn, st.setIdentities, ids, clusters, types, tags, raw, latest)
}

func (st *statements) relink(s *script, conn *pgx.Conn, d *journal.Delta) {
	if n := len(d.Unlinked); n > 0 {
		ids, positions := make([]int64, n), make([]int64, n)
		for i, l := range d.Unlinked {
			ids[i], positions[i] = l.ID, int64(l.Position)
		}
		s.call(conn, st.dropLinks, ids, positions)
	}
	s.rows(`links (identity, position)`, 2, len(d.Links), func(i int, row *script) {
		row.int64(d.Links[i].ID)
		row.int64(int64(d.Links[i].Position))
	})
}

// writeEvents adds the events of a batch, but for the first few.
func writeEvents(s *script, d *journal.Delta, from int) {
	events := d.Events[from:]
	if len(events) == 0 {
		return
	}
	keys := make([]*journal.Key, len(events))
	for i := len(d.Keys) - 1; i >= 0 && d.Keys[i].Position >= events[0].Position; i-- {
		keys[d.Keys[i].Position-events[0].Position] = &d.Keys[i]
	}
	type named struct{ identity, position int64 }
	var others []named
	s.rows(`events (position, identity, previous, entry, salt, leaf, keyed, digest, at)`, 9, len(events), func(i int, row *script) {
		e := &events[i]
		row.int64(int64(e.Position))
		if len(e.Named) == 0 {
			row.null()
			row.null()
		} else {
			row.int64(e.Named[0])
			row.int64(int64(e.Previous))
			for _, id := range e.Named[1:] {
				others = append(others, named{id, int64(e.Position)})
			}
		}
		if e.Entry == nil { // erased before it came here
			row.null()
			row.null()
		} else {
			row.bytes(e.Entry)
			row.bytes(e.Salt[:])
		}
		row.bytes(e.Leaf[:])
		if k := keys[i]; k != nil {
			id := journal.KeyIDOf(k.Key)
			row.bytes(id[:])
			row.bytes(k.Digest[:])
			row.int64(k.At.UnixNano())
		} else {
			row.null()
			row.null()
			row.null()
		}
	})
	s.rows(`event_identities (identity, position)`, 2, len(others), func(i int, row *script) {
		row.int64(others[i].identity)
		row.int64(others[i].position)
	})
}

// encoder encodes each record once, however often a batch shows it, in memory that one batch after the other uses.
type encoder struct {
	done   map[*consent.Record][]byte
	memory []byte
}

func (e *encoder) reset() {
	clear(e.done)
	e.memory = e.memory[:0]
}

func (e *encoder) record(r *consent.Record) ([]byte, error) {
	if raw, ok := e.done[r]; ok {
		return raw, nil
	}
	at := len(e.memory)
	var err error
	if e.memory, err = journal.AppendRecord(e.memory, r); err != nil {
		return nil, err
	}
	if e.done == nil {
		e.done = map[*consent.Record][]byte{}
	}
	e.done[r] = e.memory[at:]
	return e.done[r], nil
}
