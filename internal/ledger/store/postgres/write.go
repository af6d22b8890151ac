package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store/journal"
)

const (
	addIdentities = `INSERT INTO identities (id, cluster, type, tags, record)
		SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[], $5::bytea[])`
	setIdentities = `UPDATE identities i SET cluster = n.cluster, type = n.type, tags = n.tags, record = n.record
		FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[], $5::bytea[]) AS n (id, cluster, type, tags, record) WHERE i.id = n.id`
	addTags   = `INSERT INTO tags (tag, identity) SELECT * FROM unnest($1::bytea[], $2::bigint[])`
	dropLinks = `DELETE FROM links l USING unnest($1::bigint[], $2::bigint[]) AS o (identity, position) WHERE l.identity = o.identity AND l.position = o.position`
	addLinks  = `INSERT INTO links (identity, position) SELECT * FROM unnest($1::bigint[], $2::bigint[])`
	addEvents = `INSERT INTO events (position, identity, at, entry, salt, leaf, key, digest)
		SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[], $7::text[], $8::bytea[])`
	addNamed    = `INSERT INTO event_identities (identity, position) SELECT * FROM unnest($1::bigint[], $2::bigint[])`
	addNodes    = `INSERT INTO nodes (level, index, hash) SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])`
	addChanges  = `INSERT INTO changes (last, first, at, body) VALUES ($1, $2, $3, $4)`
	setHead     = `UPDATE head SET position = $1, at = $2, hashed = $3, frontier = $4, last_id = $5 WHERE id = 1`
	eraseEvents = `UPDATE events SET entry = NULL, salt = NULL WHERE entry IS NOT NULL AND position IN (
		SELECT e.position FROM unnest($1::bigint[], $2::bigint[]) AS d (identity, before) JOIN events e ON e.identity = d.identity AND e.position < d.before
		UNION ALL
		SELECT n.position FROM unnest($1::bigint[], $2::bigint[]) AS d (identity, before) JOIN event_identities n ON n.identity = d.identity AND n.position < d.before)`
)

// statements are those that write what a batch came to: one for each table, however many events there are.
func statements(d *journal.Delta) (*pgx.Batch, error) {
	b := &pgx.Batch{}
	records := &encoder{}
	if err := errors.Join(queueIdentities(b, addIdentities, d.Added, records), queueIdentities(b, setIdentities, d.Changed, records)); err != nil {
		return nil, err
	}
	queueTags(b, d.Tags)
	queueLinks(b, dropLinks, d.Unlinked)
	queueLinks(b, addLinks, d.Links)
	queueEvents(b, d)
	if n := len(d.Nodes); n > 0 {
		levels, indexes, hashes := make([]int16, n), make([]int64, n), make([][]byte, n)
		for i := range d.Nodes {
			levels[i], indexes[i], hashes[i] = int16(d.Nodes[i].Level), int64(d.Nodes[i].Index), d.Nodes[i].Hash[:]
		}
		b.Queue(addNodes, levels, indexes, hashes)
	}
	if n := len(d.Erased); n > 0 {
		ids, before := make([]int64, n), make([]int64, n)
		for i, e := range d.Erased {
			ids[i], before[i] = e.Identity, int64(e.Before)
		}
		b.Queue(eraseEvents, ids, before)
	}
	frontier, err := d.Head.Frontier.MarshalBinary()
	if err != nil {
		return nil, err
	}
	b.Queue(setHead, d.Head.Position, d.Head.At.UnixNano(), d.Head.Hashed, frontier, d.Head.LastID)
	if n := len(d.Changes); n > 0 {
		body, err := encodeChanges(d.Changes, records)
		if err != nil {
			return nil, err
		}
		b.Queue(addChanges, d.Changes[n-1].Event.Position, d.Changes[0].Event.Position, d.Head.At.UnixNano(), body)
	}
	return b, nil
}

// encoder encodes each record once, however often a batch shows it.
type encoder struct {
	done map[*consent.Record][]byte
}

func (e *encoder) record(r *consent.Record) ([]byte, error) {
	if raw, ok := e.done[r]; ok {
		return raw, nil
	}
	raw, err := journal.EncodeRecord(r)
	if err != nil {
		return nil, err
	}
	if e.done == nil {
		e.done = map[*consent.Record][]byte{}
	}
	e.done[r] = raw
	return raw, nil
}

func queueIdentities(b *pgx.Batch, statement string, all []journal.Identity, records *encoder) (err error) {
	n := len(all)
	if n == 0 {
		return nil
	}
	ids, clusters, types := make([]int64, n), make([]int64, n), make([]string, n)
	tags, raw := make([][]byte, n), make([][]byte, n)
	for i := range all {
		id := &all[i]
		ids[i], clusters[i], types[i], tags[i] = id.ID, id.Cluster, string(id.Type), journal.JoinTags(id.Tags)
		if raw[i], err = records.record(id.Record); err != nil {
			return err
		}
	}
	b.Queue(statement, ids, clusters, types, tags, raw)
	return nil
}

func queueTags(b *pgx.Batch, all []journal.TaggedID) {
	n := len(all)
	if n == 0 {
		return
	}
	tags, ids := make([][]byte, n), make([]int64, n)
	for i := range all {
		tags[i], ids[i] = all[i].Tag[:], all[i].ID
	}
	b.Queue(addTags, tags, ids)
}

func queueLinks(b *pgx.Batch, statement string, all []consent.Link) {
	n := len(all)
	if n == 0 {
		return
	}
	ids, positions := make([]int64, n), make([]int64, n)
	for i, l := range all {
		ids[i], positions[i] = l.ID, int64(l.Position)
	}
	b.Queue(statement, ids, positions)
}

func queueEvents(b *pgx.Batch, d *journal.Delta) {
	n := len(d.Events)
	positions, identities, ats := make([]int64, n), make([]int64, n), make([]int64, n)
	entries, salts, leaves := make([][]byte, n), make([][]byte, n), make([][]byte, n)
	keys, digests := make([]*string, n), make([][]byte, n)
	var others, of []int64
	for i := range d.Events {
		e := &d.Events[i]
		positions[i], identities[i], ats[i] = int64(e.Position), e.Named[0], d.Head.At.UnixNano()
		entries[i], salts[i], leaves[i] = e.Entry, e.Salt[:], e.Leaf[:]
		for _, id := range e.Named[1:] {
			others, of = append(others, id), append(of, int64(e.Position))
		}
	}
	for i := range d.Keys {
		at := d.Keys[i].Position - d.Events[0].Position
		keys[at], digests[at] = &d.Keys[i].Key, d.Keys[i].Digest[:]
	}
	b.Queue(addEvents, positions, identities, ats, entries, salts, leaves, keys, digests)
	if len(others) > 0 {
		b.Queue(addNamed, others, of)
	}
}
