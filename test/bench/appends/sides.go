package appends

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/postgres"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/test/bench/database"
	"github.com/optup/optup/test/bench/people"
)

// opened is a store that can be closed.
type opened interface {
	store.Store
	Close() error
}

// kind opens empty stores.
type kind func(ctx context.Context, name string, options ...journal.Option) (opened, error)

func sqliteIn(dir string) kind {
	return func(ctx context.Context, name string, options ...journal.Option) (opened, error) {
		return sqlite.Open(ctx, filepath.Join(dir, name), "key", make([]byte, 32), time.Now, options...)
	}
}

func postgresOn(server *database.Server) kind {
	return func(ctx context.Context, _ string, options ...journal.Option) (opened, error) {
		dsn, err := server.New()
		if err != nil {
			return nil, err
		}
		return postgres.Open(ctx, postgres.Options{
			URL: func() (string, error) { return dsn, nil }, KeyID: "key", Wrapping: make([]byte, 32), Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		}, options...)
	}
}

// event is what everybody writes down, about somebody new each time, with an idempotency key of its own.
func event(n uint64) (consent.Tag, consent.Event, string) {
	var tag consent.Tag
	binary.BigEndian.PutUint64(tag[:], n)
	purpose := int(n % people.Purposes)
	return tag, consent.Event{
		Type: consent.EventGiven, Purpose: people.Purpose(purpose), Notice: people.Notice(purpose), Proof: consent.ProofMailboxConfirmed,
		Actor: consent.ActorTouchpoint, Touchpoint: "shop/form",
	}, rand.Text()
}

// ledger appends to one of our stores.
func ledger(ctx context.Context, s store.Store, n uint64) (store.Result, error) {
	tag, e, key := event(n)
	r, errs, err := s.Append(ctx, store.Append{
		Identities: []store.Identity{{Tags: []consent.Tag{tag}, Type: consent.IdentifierEmail, Plain: true}}, Event: e, Key: key,
	})
	if err := errors.Join(append(errs, err)...); err != nil {
		return store.Result{}, err
	}
	return r[0], nil
}

// rows are those of an application without a ledger: one INSERT for each event, in a transaction of its own, with a connection for each
// writer and statements prepared by the driver.
type rows struct{ conns []*pgx.Conn }

func openRows(ctx context.Context, server *database.Server, writers int) (*rows, error) {
	dsn, err := server.New()
	if err != nil {
		return nil, err
	}
	r := &rows{}
	for range writers {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return nil, errors.Join(err, r.close(ctx))
		}
		r.conns = append(r.conns, conn)
	}
	var on string
	if err := r.conns[0].QueryRow(ctx, `SELECT current_setting('fsync') || current_setting('synchronous_commit')`).Scan(&on); err != nil || on != "onon" {
		return nil, errors.Join(fmt.Errorf("the rows are not durable: %q, %w", on, err), r.close(ctx))
	}
	_, err = r.conns[0].Exec(ctx, `CREATE TABLE consents (id bigserial PRIMARY KEY, key text UNIQUE NOT NULL, person bytea NOT NULL, event bytea NOT NULL);
		CREATE INDEX ON consents (person);
		CREATE TABLE ordered (LIKE consents INCLUDING INDEXES); CREATE TABLE places (last bigint NOT NULL) WITH (fillfactor = 20); INSERT INTO places VALUES (0)`)
	return r, err
}

func (r *rows) insert(ctx context.Context, writer int, n uint64) error {
	return r.write(ctx, writer, n, `INSERT INTO consents (key, person, event) VALUES ($1, $2, $3)`)
}

// inOrder inserts a row whose number is one more than that of the one committed before, as a position of a log is: whoever reads on by such
// numbers misses nothing.
func (r *rows) inOrder(ctx context.Context, writer int, n uint64) error {
	return r.write(ctx, writer, n, `WITH next AS (UPDATE places SET last = last + 1 RETURNING last)
		INSERT INTO ordered (id, key, person, event) SELECT last, $1, $2, $3 FROM next`)
}

func (r *rows) write(ctx context.Context, writer int, n uint64, insert string) error {
	tag, e, key := event(n)
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = r.conns[writer].Exec(ctx, insert, key, tag[:], text)
	return err
}

func (r *rows) close(ctx context.Context) (err error) {
	for _, conn := range r.conns {
		err = errors.Join(err, conn.Close(ctx))
	}
	return err
}
