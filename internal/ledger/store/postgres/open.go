package postgres

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// connectTimeout bounds one attempt to connect, unless the URL says otherwise.
	connectTimeout = 5 * time.Second
	// connections bound those that answer questions, unless the URL says otherwise.
	connections = 8
	// migrationTimeout is how long a start waits for the migrations of another replica, and lockEvery how often it looks.
	migrationTimeout = 2 * time.Minute
	lockEvery        = 200 * time.Millisecond
	// firstAnswer is how long a start waits for a database that starts, too. Whoever runs the ledger tries again after that.
	firstAnswer = 20 * time.Second
)

// configure reads a URL or DSN. What is wrong with one is never quoted: it holds a password.
func configure(url func() (string, error)) (*pgxpool.Config, error) {
	text, err := url()
	if err != nil {
		return nil, fmt.Errorf("the database URL cannot be read: %w", err)
	}
	c, err := pgxpool.ParseConfig(text)
	if err != nil {
		return nil, errURL
	}
	cc := c.ConnConfig
	// What the pool takes from the URL is not among the parameters any more.
	if asked, err := pgx.ParseConfig(text); err == nil && asked.RuntimeParams["pool_max_conns"] == "" {
		c.MaxConns = connections
	}
	if cc.RuntimeParams["application_name"] == "" {
		cc.RuntimeParams["application_name"] = "optup-ledger"
	}
	if cc.ConnectTimeout == 0 {
		cc.ConnectTimeout = connectTimeout
	}
	// A peer that vanished without a word is noticed soon.
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}}
	cc.DialFunc = dialer.DialContext
	// A standby knows an older head, whatever the URL says about it. Of several hosts in the URL the primary is taken.
	cc.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	c.BeforeConnect = func(_ context.Context, cc *pgx.ConnConfig) error {
		text, err := url()
		if err != nil {
			return fmt.Errorf("the database URL cannot be read: %w", err)
		}
		now, err := pgx.ParseConfig(text)
		if err != nil {
			return errURL
		}
		cc.User, cc.Password = now.User, now.Password
		return nil
	}
	return c, nil
}

var errURL = errors.New("the database URL cannot be read; write postgres://user:password@host:5432/database?sslmode=verify-full, " +
	"with special characters of the password percent-encoded")

// steadyPlans keeps plans from following what is guessed about tables that grow from nothing: by their keys, always. A compatible database
// may not know the settings.
func steadyPlans(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET plan_cache_mode = force_generic_plan; SET jit = off`)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return nil
	}
	return err
}

// durable refuses a server that acknowledges what it would lose.
func durable(ctx context.Context, p *pgxpool.Pool) error {
	// A compatible database may not know the setting.
	var fsync *string
	for began := time.Now(); ; {
		err := p.QueryRow(ctx, `SELECT current_setting('fsync', true)`).Scan(&fsync)
		if err == nil {
			break
		}
		if !errors.Is(told(err), journal.ErrAgain) || time.Since(began) > firstAnswer {
			return fmt.Errorf("the database does not answer: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the database does not answer: %w", err)
		case <-time.After(time.Second):
		}
	}
	if fsync != nil && *fsync == "off" {
		return errors.New("the database runs with fsync=off and would lose consent that it has acknowledged; set fsync=on")
	}
	return nil
}

// migrate brings the schema up to date. Replicas that start together take turns.
func migrate(ctx context.Context, p *pgxpool.Pool, log *slog.Logger) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	// Advisory locks, goose's other choice, are what compatible databases lack.
	locker, err := lock.NewPostgresTableLocker(lock.WithTableLogger(log), lock.WithTableLockTimeout(lockEvery, uint64(migrationTimeout/lockEvery)))
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(p)
	defer db.Close()
	g, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithLocker(locker))
	if err != nil {
		return err
	}
	// With nothing to do a start needs no right to write.
	if pending, err := g.HasPending(ctx); err == nil && !pending {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, migrationTimeout)
	defer cancel()
	_, err = g.Up(ctx)
	return err
}

// found makes the head of an empty database, and refuses one that was written with another key.
func found(ctx context.Context, p *pgxpool.Pool, keyID string) error {
	var have string
	err := p.QueryRow(ctx, `SELECT key_id FROM head`).Scan(&have)
	if errors.Is(err, pgx.ErrNoRows) {
		if _, err := p.Exec(ctx, `INSERT INTO head (id, epoch, key_id, position, at, hashed, frontier, newest_id)
			VALUES (1, $1, $2, 0, 0, false, '', 0) ON CONFLICT DO NOTHING`, rand.Text(), keyID); err != nil {
			return fmt.Errorf("the head cannot be written: %w", err)
		}
		err = p.QueryRow(ctx, `SELECT key_id FROM head`).Scan(&have)
	}
	if err != nil {
		return fmt.Errorf("the head cannot be read: %w", err)
	}
	if have != keyID {
		return store.ErrKey
	}
	return nil
}
