package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/sqlite/engine"
)

// statements are those of the appender, prepared once.
type statements struct {
	begin, commit, rollback                                   *engine.Stmt
	head, keyed, leaf, identity, cluster, links               *engine.Stmt
	key, keyOf, textKey, texts, lateKeys                      *engine.Stmt
	addIdentity, setIdentity, addTag, addLink, addEvent       *engine.Stmt
	addNamed, addNode, addKey, dropLink, eraseEvents, setHead *engine.Stmt
}

const identityColumns = `i.id, i.cluster, i.type, i.tags, i.record`

// clustersOf selects the clusters of tags, and then everybody in them.
const clustersOf = `WITH c AS (SELECT DISTINCT i.cluster FROM tags t JOIN identities i ON i.id = t.identity WHERE t.tag IN (%s))
	SELECT ` + identityColumns + ` FROM c JOIN identities i ON i.id = c.cluster
	UNION ALL SELECT ` + identityColumns + ` FROM c JOIN identities i ON i.cluster = c.cluster AND i.cluster <> i.id`

// chains are the positions of events that name certain identities first.
const chains = `chain (position) AS (SELECT latest FROM identities WHERE latest > 0 AND %s
	UNION ALL SELECT e.previous FROM chain c JOIN events e ON e.position = c.position WHERE e.previous > 0)`

func prepareAll(c *engine.Conn) (*statements, error) {
	st := &statements{}
	for _, one := range []struct {
		to  **engine.Stmt
		sql string
	}{
		{&st.begin, `BEGIN IMMEDIATE`},
		{&st.commit, `COMMIT`},
		{&st.rollback, `ROLLBACK`},
		{&st.head, readHeadRow},
		{&st.leaf, `SELECT leaf FROM events WHERE position = ?`},
		{&st.keyed, `SELECT keyed FROM head`},
		{&st.identity, `SELECT ` + identityColumns + `, i.latest FROM tags t JOIN identities i ON i.id = t.identity WHERE t.tag = ?`},
		{&st.cluster, `SELECT ` + identityColumns + `, i.latest FROM identities i WHERE i.id = ?1
			UNION ALL SELECT ` + identityColumns + `, i.latest FROM identities i WHERE i.cluster = ?1 AND i.cluster <> i.id`},
		{&st.links, `SELECT position FROM links WHERE identity = ?`},
		{&st.key, `SELECT e.digest, e.position, e.at, e.leaf FROM hashed_keys k JOIN events e ON e.position = k.position WHERE k.key = ?`},
		{&st.keyOf, `SELECT digest, position, at, leaf FROM events WHERE position = ?`},
		{&st.textKey, `SELECT k.digest, k.position, k.at, e.leaf FROM text_keys k JOIN events e ON e.position = k.position WHERE k.key = ?`},
		{&st.texts, `SELECT 1 FROM text_keys LIMIT 1`},
		{&st.lateKeys, `SELECT key, position FROM events WHERE position > ? AND key IS NOT NULL`},
		{&st.addIdentity, `INSERT INTO identities (id, cluster, type, tags, record, latest) VALUES (?, ?, ?, ?, ?, ?)`},
		{&st.setIdentity, `UPDATE identities SET cluster = ?2, type = ?3, tags = ?4, record = ?5, latest = ?6 WHERE id = ?1`},
		{&st.addTag, `INSERT INTO tags (tag, identity) VALUES (?, ?)`},
		{&st.addLink, `INSERT INTO links (identity, position) VALUES (?, ?)`},
		{&st.dropLink, `DELETE FROM links WHERE identity = ? AND position = ?`},
		{&st.addEvent, `INSERT INTO events (position, entry, salt, leaf, identity, previous, key, digest, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&st.addNamed, `INSERT INTO named_identities (identity, position, named) VALUES (?, ?, ?)`},
		{&st.addNode, `INSERT INTO nodes (level, place, hash) VALUES (?, ?, ?)`},
		{&st.addKey, `INSERT INTO hashed_keys (key, position) VALUES (?, ?)
			ON CONFLICT (key) DO UPDATE SET position = NULL WHERE position <> excluded.position`},
		{&st.eraseEvents, `WITH RECURSIVE ` + fmt.Sprintf(chains, `id = ?1`) + ` UPDATE events SET entry = NULL, salt = NULL WHERE position IN (
			SELECT position FROM named_identities WHERE identity = ?1 AND position < ?2 AND named UNION ALL SELECT position FROM chain WHERE position < ?2)`},
		{&st.setHead, `UPDATE head SET position = ?, at = ?, hashed = ?, frontier = ?, last_id = ?, keyed = ?`},
	} {
		s, err := c.Prepare(one.sql)
		if err != nil {
			return nil, fmt.Errorf("a statement cannot be prepared: %w", err)
		}
		*one.to = s
	}
	return st, nil
}

// turn is whose it is to write: one transaction after the other, in the order in which they came.
type turn chan struct{}

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) pass() { <-t }

// database implements journal.Database.
type database struct {
	conn *engine.Conn
	st   *statements
	keys *keyfile
	turn turn
	// work is what the connection is used for while somebody else decides, loads what is done before, because somebody waits for it, and idle
	// what is done when there is nothing else, if it is not nil; it tells whether there is more.
	work, loads chan func()
	idle        func() bool
	// waiting are idempotency keys. Texts tells that there are some of before they were hashed.
	waiting waiting
	texts   bool
	// filter is of those that do not wait.
	filter keyFilter
}

// openDatabase gives the appender a connection of its own. It checks no foreign keys, because a journal refers to nothing that it has not read
// or written in the same transaction. Its memory holds the pages of some commits, and what was written so often is copied into the database
// once for several of them.
func openDatabase(path string, keys *keyfile, t turn) (*database, error) {
	conn, err := engine.Open(path, `PRAGMA synchronous = FULL`, `PRAGMA foreign_keys = 0`, `PRAGMA secure_delete = 1`, `PRAGMA `+temporaryPragma,
		`PRAGMA cache_size = -16384`, `PRAGMA wal_autocheckpoint = 2000`)
	if err != nil {
		return nil, err
	}
	st, err := prepareAll(conn)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	d := &database{conn: conn, st: st, keys: keys, turn: t, work: make(chan func(), 8), loads: make(chan func(), 8), filter: keyFilter{scan: indexedKeys(path)}}
	if err := each(st.texts, func() error {
		d.texts = true
		return nil
	}); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go d.worker()
	return d, nil
}

// close ends the connection. No transaction is open.
func (d *database) close() error {
	close(d.work)
	d.filter.close()
	return d.conn.Close()
}

// Begin implements journal.Database. The transaction has the write lock from its beginning.
func (d *database) Begin(ctx context.Context) (journal.Tx, error) {
	if err := d.turn.take(ctx); err != nil {
		return nil, err
	}
	if err := d.st.begin.Run(); err != nil {
		d.turn.pass()
		return nil, told(err)
	}
	return &transaction{database: d, ids: map[string]journal.KeyID{}, added: map[journal.KeyID]consent.Position{}}, nil
}
