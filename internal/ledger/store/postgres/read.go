package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// headTimeout bounds a read of the head: a database that takes longer is as good as away, and whoever pings shall learn it.
const headTimeout = 3 * time.Second

// errStandby reports a server that may lag behind: a head of it would pass off an old state as a fresh one.
var errStandby = errors.New("the database is a standby, whose head may be old; let the database URL lead to the primary")

const readHead = `SELECT epoch, position, at, hashed, frontier, tag_key, tag_other, rekeyed, pg_is_in_recovery() FROM head WHERE id = 1`

// Head implements store.Store. It asks the primary each time.
func (s *Store) Head(ctx context.Context) (store.Head, error) {
	ctx, cancel := context.WithTimeout(ctx, headTimeout)
	defer cancel()
	return head(ctx, s.side)
}

func head(ctx context.Context, q querier) (store.Head, error) {
	var h store.Head
	var at, rekeyed int64
	var frontier []byte
	var standby bool
	if err := q.QueryRow(ctx, readHead).Scan(&h.Epoch, &h.Position, &at, &h.Hashed, &frontier, &h.Scheme.Current, &h.Scheme.Other, &rekeyed, &standby); err != nil {
		return store.Head{}, fmt.Errorf("the head cannot be read: %w", err)
	}
	if standby {
		return store.Head{}, errStandby
	}
	f, err := parseFrontier(frontier)
	if err != nil {
		return store.Head{}, err
	}
	h.At, h.Rekeyed, h.Root = moment(at), moment(rekeyed), f.Root()
	return h, nil
}

// Adopt implements store.Store.
func (s *Store) Adopt(ctx context.Context, epoch string) (store.Head, error) {
	err := s.write(ctx, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `UPDATE head SET epoch = $1 WHERE epoch = $2`, rand.Text(), epoch)
		if err == nil && done.RowsAffected() == 0 {
			return store.ErrEpoch
		}
		return err
	})
	if err != nil {
		return store.Head{}, fmt.Errorf("the log cannot be adopted: %w", err)
	}
	return s.Head(ctx)
}

func parseFrontier(raw []byte) (proof.Frontier, error) {
	f, err := proof.ParseFrontier(raw)
	if err != nil {
		return f, fmt.Errorf("%w: the head: %w", errDamaged, err)
	}
	return f, nil
}

func moment(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.Unix(0, at).UTC()
}

// querier is a pool, a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

const (
	// identityColumns are those of a row. The first of a cluster is found by its own number, all others by an index that the first is not in.
	identityColumns = `i.id, i.cluster, i.type, i.tags, i.record`
	loadIdentities  = `WITH c AS (SELECT DISTINCT n.cluster FROM unnest($1::bytea[]) AS w (tag) JOIN tags t ON t.tag = w.tag JOIN identities n ON n.id = t.identity)
		SELECT ` + identityColumns + `, i.latest FROM c JOIN identities i ON i.id = c.cluster
		UNION ALL SELECT ` + identityColumns + `, i.latest FROM c JOIN identities i ON i.cluster = c.cluster AND i.cluster <> i.id`
	// loadCluster is the same for one tag, for those who look up and do not append.
	loadCluster = `WITH c AS (SELECT n.cluster FROM tags t JOIN identities n ON n.id = t.identity WHERE t.tag = $1)
		SELECT ` + identityColumns + ` FROM c JOIN identities i ON i.id = c.cluster
		UNION ALL SELECT ` + identityColumns + ` FROM c JOIN identities i ON i.cluster = c.cluster AND i.cluster <> i.id`
	loadLinks = `SELECT l.identity, l.position FROM unnest($1::bigint[]) AS w (id) JOIN links l ON l.identity = w.id`
)

// load reads the whole clusters of those whom tags name.
func load(ctx context.Context, q querier, tags []consent.Tag) (out journal.Loaded, err error) {
	if out.Identities, err = rowsToAppend(q.Query(ctx, loadIdentities, blobs(tags))); err != nil {
		return out, err
	}
	out.Links, err = linksOf(ctx, q, out.Identities)
	return out, err
}

// linksOf asks about those who are not alone in their cluster, if there are any.
func linksOf(ctx context.Context, q querier, identities []journal.Identity) ([]consent.Link, error) {
	size := map[int64]int{}
	for i := range identities {
		size[identities[i].Cluster]++
	}
	var linked []int64
	for i := range identities {
		if size[identities[i].Cluster] > 1 {
			linked = append(linked, identities[i].ID)
		}
	}
	if len(linked) == 0 {
		return nil, nil
	}
	rows, err := q.Query(ctx, loadLinks, linked)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l consent.Link, err error) {
		return l, row.Scan(&l.ID, &l.Position)
	})
}

func rowToIdentity(row pgx.CollectableRow) (id journal.Identity, err error) {
	var tags, record []byte
	if err := row.Scan(&id.ID, &id.Cluster, &id.Type, &tags, &record); err != nil {
		return id, err
	}
	return id, fillIdentity(&id, tags, record)
}

func rowsToAppend(rows pgx.Rows, err error) ([]journal.Identity, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, rowToAppend)
}

// rowToAppend is the same with what the next event about the identity follows.
func rowToAppend(row pgx.CollectableRow) (id journal.Identity, err error) {
	var tags, record []byte
	if err := row.Scan(&id.ID, &id.Cluster, &id.Type, &tags, &record, &id.Latest); err != nil {
		return id, err
	}
	return id, fillIdentity(&id, tags, record)
}

func fillIdentity(id *journal.Identity, tags, record []byte) (err error) {
	id.Tags = journal.SplitTags(tags)
	if id.Record, err = journal.DecodeRecord(record); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return nil
}

// Lookup implements store.Store.
func (s *Store) Lookup(ctx context.Context, tag consent.Tag) (*consent.Record, error) {
	found, err := s.alone(ctx, tag)
	if err == nil && len(found.Identities) > 1 {
		err = s.read(ctx, func(tx pgx.Tx) (err error) {
			found, err = load(ctx, tx, []consent.Tag{tag})
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("the record cannot be read: %w", err)
	}
	return found.Effective(tag), nil
}

// alone reads whom a tag names in one statement, which sees one moment without a transaction around it. Of those who are linked with others it
// leaves out the links.
func (s *Store) alone(ctx context.Context, tag consent.Tag) (out journal.Loaded, err error) {
	rows, err := s.pool.Query(ctx, loadCluster, tag[:])
	if err == nil {
		out.Identities, err = pgx.CollectRows(rows, rowToIdentity)
	}
	return out, err
}

// read runs f in a transaction that sees one moment.
func (s *Store) read(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, f)
}

const (
	// readAlone gives those who are in a cluster of their own, in whatever order they stand. Their links, if there are any, lead to nobody.
	readAlone = `SELECT ` + identityColumns + `, NULL::bigint[] FROM identities i
		WHERE i.cluster = i.id AND NOT EXISTS (SELECT 1 FROM identities o WHERE o.cluster = i.id AND o.cluster <> o.id)`
	// readTogether gives all others, cluster by cluster. Links stand beside each identity, so that nothing is held in memory.
	readTogether = `SELECT ` + identityColumns + `, ARRAY(SELECT l.position FROM links l WHERE l.identity = i.id)
		FROM (SELECT DISTINCT cluster FROM identities WHERE cluster <> id) c CROSS JOIN LATERAL (
			SELECT * FROM identities n WHERE n.id = c.cluster
			UNION ALL SELECT * FROM identities n WHERE n.cluster = c.cluster AND n.cluster <> n.id) i`
)

// Snapshot implements store.Store.
func (s *Store) Snapshot(ctx context.Context, visit func(store.Person) error) (h store.Head, err error) {
	var visited error
	err = s.read(ctx, func(tx pgx.Tx) error {
		if h, err = head(ctx, tx); err != nil {
			return err
		}
		visited = journal.Everybody(func(add func(journal.Row) error) error {
			for _, query := range []string{readAlone, readTogether} {
				rows, err := tx.Query(ctx, query)
				if err != nil {
					return err
				}
				var r journal.Row
				_, err = pgx.ForEachRow(rows, []any{&r.ID, &r.Cluster, (*pgtype.DriverBytes)(&r.Type), (*pgtype.DriverBytes)(&r.Tags), (*pgtype.DriverBytes)(&r.Record), &r.Links},
					func() error { return add(r) })
				if err != nil {
					return err
				}
			}
			return nil
		}, visit)
		return visited
	})
	if err != nil && !errors.Is(err, visited) {
		err = fmt.Errorf("the snapshot cannot be read: %w", err)
	}
	return h, err
}
