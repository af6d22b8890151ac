package postgres

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/seal"
)

// database implements journal.Database. Its pool has one connection, whose plans use indexes (see steady).
type database struct {
	pool *pgxpool.Pool
	ring *seal.Ring
	// pid is the server's number for the connection that is in use.
	pid atomic.Uint32
	// script is memory that one transaction after the other uses.
	script []byte
	teller teller
	keys   usedBefore
}

// transaction implements journal.Tx. It begins with the head, and what is written goes out together with the commit, so that a commit
// takes three round trips.
type transaction struct {
	*database
	conn    *pgxpool.Conn
	written script
	// events is how many of the batch are written.
	events int
	// found are whom the expected tags lead to, once there is a head.
	expected []consent.Tag
	found    []journal.Identity
	// packed is from when on changes are.
	packed time.Time
	// hopeful tells that the batch has keys of which nobody knows whether they were used before.
	hopeful bool
	// hoping tells that whoever appends may be told so later.
	hoping bool
}

// Begin implements journal.Database.
func (d *database) Begin(ctx context.Context) (journal.Tx, error) {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return nil, told(err)
	}
	d.pid.Store(conn.Conn().PgConn().PID())
	return &transaction{database: d, conn: conn, written: script{out: d.script[:0]}}, nil
}

// Whoever holds the head keeps all replicas from appending, so a holder that vanished must not hold it for long. The weaker settings of
// synchronous_commit acknowledge what a crash would lose; remote_apply is stronger still, and stays.
const (
	begin   = `BEGIN ISOLATION LEVEL READ COMMITTED`
	protect = `SELECT set_config('idle_in_transaction_session_timeout', '10s', true), set_config('synchronous_commit',
		CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)`
	lockHead = `SELECT epoch, position, at, hashed, frontier, newest_id, tag_key, tag_other, packed FROM head WHERE id = 1 FOR UPDATE`
)

// Head implements journal.Tx.
func (t *transaction) Head(ctx context.Context) (journal.Head, error) {
	var b pgx.Batch
	b.Queue(begin)
	b.Queue(protect)
	b.Queue(lockHead)
	if t.expected != nil {
		b.Queue(loadIdentities, blobs(t.expected))
	}
	answers := t.conn.SendBatch(ctx, &b)
	defer answers.Close()
	var h journal.Head
	for range 2 {
		if _, err := answers.Exec(); err != nil {
			return h, told(err)
		}
	}
	var at, packed int64
	var frontier []byte
	if err := answers.QueryRow().Scan(&h.Epoch, &h.Position, &at, &h.Hashed, &frontier, &h.LastID, &h.Scheme.Current, &h.Scheme.Other, &packed); err != nil {
		return h, told(err)
	}
	h.At, t.packed = moment(at), moment(packed)
	var err error
	if h.Frontier, err = parseFrontier(frontier); err != nil {
		return h, err
	}
	h.Root = h.Frontier.Root()
	if t.expected != nil {
		if t.found, err = rowsToAppend(answers.Query()); err != nil {
			return h, told(err)
		}
	}
	return h, told(answers.Close())
}

// Expect implements journal.Expecting.
func (t *transaction) Expect(tags []consent.Tag) { t.expected = tags }

// Load implements journal.Tx.
func (t *transaction) Load(ctx context.Context, tags []consent.Tag, keys []string) (out journal.Loaded, err error) {
	if t.expected != nil && slices.Equal(tags, t.expected) {
		out.Identities = t.found
		out.Links, err = linksOf(ctx, t.conn, out.Identities)
	} else {
		out, err = load(ctx, t.conn, tags)
	}
	if err != nil {
		return out, told(err)
	}
	out.Keys, err = t.loadKeys(ctx, keys)
	return out, told(err)
}

// Leaf implements journal.Tx.
func (t *transaction) Leaf(ctx context.Context, p consent.Position) (leaf proof.Hash, err error) {
	var raw []byte
	err = t.conn.QueryRow(ctx, `SELECT leaf FROM events WHERE position = $1`, p).Scan(&raw)
	copy(leaf[:], raw)
	return leaf, told(err)
}

// prepare gives the statements of the connection.
func (t *transaction) prepare(ctx context.Context) (*statements, error) {
	conn := t.conn.Conn()
	if st, ok := conn.PgConn().CustomData()[prepared].(*statements); ok {
		return st, nil
	}
	st, err := prepare(ctx, conn)
	if err == nil {
		conn.PgConn().CustomData()[prepared] = st
	}
	return st, told(err)
}

// WriteEvents implements journal.Early. Each time it is a whole statement, between which the server lets nobody hold the head for long.
func (t *transaction) WriteEvents(ctx context.Context, d *journal.Delta) error {
	if _, err := t.prepare(ctx); err != nil { // now: there is no asking while answers are under way
		return err
	}
	writeEvents(&t.written, d, t.events)
	t.events = len(d.Events)
	return told(t.written.send(ctx, t.conn.Conn()))
}

// Write implements journal.Tx. It goes out with the commit: what the server says of it is the answer to Commit.
func (t *transaction) Write(ctx context.Context, d *journal.Delta) error {
	conn := t.conn.Conn()
	st, err := t.prepare(ctx)
	if err != nil {
		return err
	}
	t.teller.packs = !d.Head.At.Before(t.packed)
	if err := st.write(&t.written, conn, d, t.events, &t.teller); err != nil {
		return err
	}
	if t.written.under && len(d.Attachments)+len(d.Erased) > 0 { // the vault asks the server
		if err := t.run(ctx); err != nil {
			return err
		}
	}
	if err := t.vault(ctx, d); err != nil || len(t.written.out) < maxScript {
		return err
	}
	return t.run(ctx)
}

// run runs what there is so far.
func (t *transaction) run(ctx context.Context) error {
	_, err := t.written.run(ctx, t.conn.Conn())
	t.written = script{out: t.written.out[:0]}
	return t.told(err)
}

// maxScript bounds what is held back for the commit, in bytes. A batch of the appender stays below it; a log that is read in does not.
const maxScript = 16 << 20

// prepared is where a connection keeps its statements.
const prepared = "optup-ledger"

// hint is a transaction of its own, with nothing that could be lost: it does not wait for the disk, as the commit before it did.
const hint = `SELECT set_config('synchronous_commit', 'off', true); NOTIFY ` + channel

// Commit implements journal.Tx. The hint goes out behind the commit, so that it cannot fail it.
func (t *transaction) Commit(ctx context.Context) error {
	t.written.say(`COMMIT`)
	t.written.say(hint)
	committed, err := t.written.run(ctx, t.conn.Conn())
	switch {
	case committed:
		return nil
	case err == nil:
		return errors.New("the server rolled the commit back")
	}
	return t.told(err)
}

// rollbackTimeout bounds the wait for the server when a transaction is given up; then its connection is closed, which ends it, too.
const rollbackTimeout = 2 * time.Second

// Rollback implements journal.Tx.
func (t *transaction) Rollback() {
	if t.conn == nil {
		return
	}
	c := t.conn.Conn()
	if t.written.under { // nobody knows where in the answers the connection stands; its end is the transaction's
		_ = c.PgConn().Conn().Close()
	}
	if !t.written.under && !c.IsClosed() && c.PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
		_, _ = c.Exec(ctx, `ROLLBACK`) // a connection that is still in the transaction is closed by its pool
		cancel()
	}
	t.conn.Release()
	t.conn = nil
	t.script = t.written.out
	if cap(t.script)+cap(t.teller.raw)+cap(t.teller.packed)+cap(t.teller.records.memory) > 2*maxScript {
		t.script, t.teller = nil, teller{}
	}
}

var (
	_ journal.Database  = (*database)(nil)
	_ journal.Tx        = (*transaction)(nil)
	_ journal.Expecting = (*transaction)(nil)
	_ journal.Hopeful   = (*transaction)(nil)
	_ store.Store       = (*Store)(nil)
)
