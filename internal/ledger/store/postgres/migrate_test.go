package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/storetest"
	"github.com/optup/optup/internal/testkit/postgres"
)

// beforeChains makes a database of version 7 with what a ledger has, in the way of that version: keys as texts, and no chains.
func beforeChains(t *testing.T, from *Store) (url string) {
	t.Helper()
	url = postgres.Shared(t).Database(t)
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ table, columns, values string }{
		{"head", "id, epoch, key_id, position, at, hashed, frontier, last_id, tag_key, tag_other, rekeyed", "id, epoch, key_id, position, at, hashed, frontier, newest_id, tag_key, tag_other, rekeyed"},
		{"identities", "id, cluster, type, tags, record", ""},
		{"tags", "tag, identity", ""},
		{"links", "identity, position", ""},
		{"events", "position, identity, entry, salt, leaf, key, digest, at", "position, identity, entry, salt, leaf, CASE WHEN keyed IS NOT NULL THEN 'key-' || position END, digest, at"},
		{"event_identities", "identity, position", ""},
		{"nodes", "level, index, hash", ""},
		{"changes", "last, first, at, body", ""},
	} {
		if c.values == "" {
			c.values = c.columns
		}
		var rows bytes.Buffer
		copied := func(p *pgxpool.Pool, f func(*pgconn.PgConn) error) {
			t.Helper()
			if err := p.AcquireFunc(t.Context(), func(conn *pgxpool.Conn) error { return f(conn.Conn().PgConn()) }); err != nil {
				t.Fatalf("%s: %v", c.table, err)
			}
		}
		copied(from.pool, func(conn *pgconn.PgConn) error {
			_, err := conn.CopyTo(t.Context(), &rows, `COPY (SELECT `+c.values+` FROM `+c.table+`) TO STDOUT BINARY`)
			return err
		})
		copied(pool, func(conn *pgconn.PgConn) error {
			_, err := conn.CopyFrom(t.Context(), &rows, `COPY `+c.table+` (`+c.columns+`) FROM STDIN BINARY`)
			return err
		})
	}
	return url
}

func keyed(n int, p consent.Position) store.Append {
	a := storetest.Given(n)
	a.Key, a.Digest = fmt.Sprint("key-", p), [32]byte{byte(p)}
	return a
}

func history(ctx context.Context, t *testing.T, s *Store, n int) (out []consent.Position) {
	t.Helper()
	all, err := s.History(ctx, []consent.Tag{storetest.Tag(n)}, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		out = append(out, l.Position)
	}
	return out
}

func TestADatabaseOfBeforeChainsIsTakenOver(t *testing.T) {
	const who = 5_000_000
	new := open(t, postgres.Shared(t).Database(t))
	storetest.Fill(t, new)
	next := consent.Position(storetest.FilledSize + 1)
	for range 2 {
		if r := append1(t, new, keyed(who, next)); r.Position != next {
			t.Fatalf("%+v", r)
		}
		next++
	}
	url := beforeChains(t, new)
	s := open(t, url)
	if r := verify(t, url); !r.Sound() {
		t.Fatalf("%+v", r)
	}
	// Keys that were texts are found, besides those that are digests.
	if r := append1(t, s, keyed(who, next-1)); !r.Replayed || r.Position != next-1 {
		t.Errorf("an old key gives %+v", r)
	}
	other := keyed(who, next-1)
	other.Digest = [32]byte{0xff}
	if _, errs, err := s.Append(t.Context(), other); err != nil || !errors.Is(errs[0], store.ErrIdempotency) {
		t.Errorf("an old key of something else gives %v, %v", errs, err)
	}
	for range 2 {
		if r := append1(t, s, keyed(who, next)); r.Position != next || r.Replayed {
			t.Fatalf("%+v", r)
		}
		next++
	}
	if r := append1(t, s, keyed(who, next-1)); !r.Replayed || r.Position != next-1 {
		t.Errorf("a new key gives %+v", r)
	}
	// What is new is found, and erased, together with what was kept in the old way.
	if got, want := history(t.Context(), t, s, who), []consent.Position{next - 1, next - 2, next - 3, next - 4}; !slices.Equal(got, want) {
		t.Errorf("the history is %v, not %v", got, want)
	}
	append1(t, s, storetest.About(who, consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer}))
	if got, want := history(t.Context(), t, s, who), []consent.Position{next}; !slices.Equal(got, want) {
		t.Errorf("after the erasure the history is %v, not %v", got, want)
	}
	if r := verify(t, url); !r.Sound() {
		t.Fatalf("%+v", r)
	}
}

// TestAnEarlierVersionCannotAppend while its replacement is on the way: it would look for keys where new ones are not.
func TestAnEarlierVersionCannotAppend(t *testing.T) {
	s := open(t, postgres.Shared(t).Database(t))
	const undefinedColumn = "42703"
	var refused *pgconn.PgError
	_, err := s.pool.Exec(t.Context(), `SELECT epoch, position, at, hashed, frontier, last_id, tag_key, tag_other FROM head WHERE id = 1 FOR UPDATE`)
	if !errors.As(err, &refused) || refused.Code != undefinedColumn {
		t.Errorf("err = %v", err)
	}
	// What it answers and streams by is there.
	for _, query := range []string{
		readHead, readGlance, `SELECT body FROM changes WHERE last > 0 AND last <= 9 ORDER BY last LIMIT 16`,
		`SELECT i.id, i.cluster, i.type, i.tags, i.record FROM tags t JOIN identities i ON i.id = t.identity`,
		`SELECT position, leaf, salt, entry FROM events WHERE identity = 1`, `SELECT level, index, hash FROM nodes`,
	} {
		rows, err := s.pool.Query(t.Context(), query)
		if err == nil {
			_, err = pgx.CollectRows(rows, pgx.RowToMap)
		}
		if err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// TestEarlierReplicasCanFollowForAnHour after an update, until all of them are replaced; those of a new ledger are of this version.
func TestEarlierReplicasCanFollowForAnHour(t *testing.T) {
	packed := func(s *Store) (yes bool) {
		t.Helper()
		append1(t, s, storetest.Given(1))
		if err := s.pool.QueryRow(t.Context(), `SELECT get_byte(body, 0) = $1 FROM changes ORDER BY last DESC LIMIT 1`, flagPacked).Scan(&yes); err != nil {
			t.Fatal(err)
		}
		return yes
	}
	first := open(t, postgres.Shared(t).Database(t))
	if !packed(first) {
		t.Error("a new ledger does not pack")
	}
	url := beforeChains(t, first)
	s, other := open(t, url), open(t, url)
	if packed(s) {
		t.Error("what replicas of before cannot read was written at once")
	}
	if _, err := s.pool.Exec(t.Context(), `UPDATE head SET packed = packed - 3600000000000`); err != nil {
		t.Fatal(err)
	}
	if !packed(s) {
		t.Error("an hour later nothing is packed")
	}
	h, err := s.Head(t.Context())
	for err == nil && other.Followed() != h.Position {
		select {
		case <-t.Context().Done():
			t.Fatal("the other replica does not follow")
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err != nil {
		t.Error(err)
	}
}
