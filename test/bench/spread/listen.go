package spread

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/test/bench/database"
)

// notifies is a PostgreSQL server that tells every connection that listens.
type notifies struct{ conn *pgx.Conn }

func (l *ledger) notifies() (way, error) {
	conn, err := pgx.Connect(context.Background(), l.Address)
	if err != nil {
		return nil, err
	}
	n := &notifies{conn}
	stamped{l.store, l.moments}.Watch(n.spread)
	return n, nil
}

// spread notifies of all changes of one commit. Payloads are text of less than 8,000 bytes.
func (n *notifies) spread(changes []store.Change) {
	for i := range changes {
		const header = 5
		_, _ = n.conn.Exec(context.Background(), `SELECT pg_notify('changes', $1)`, string(frameOf(&changes[i])[header:]))
	}
}

func (n *notifies) close() { _ = n.conn.Close(context.Background()) }

// secured has a server speak TLS 1.3, as the other sides do, with the certificate in a folder, and gives the address at which nothing else is spoken.
func secured(ctx context.Context, server *database.Server, folder string) (address string, err error) {
	conn, err := pgx.Connect(ctx, server.DSN("postgres"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	var data string
	if err := conn.QueryRow(ctx, `SHOW data_directory`).Scan(&data); err != nil {
		return "", err
	}
	// The server takes no key that others own.
	at, err := os.Stat(data)
	if err != nil {
		return "", err
	}
	owner := at.Sys().(*syscall.Stat_t) //nolint:forcetypeassert // PostgreSQL runs here on Linux
	for _, name := range []string{"tls.crt", "tls.key"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		to := filepath.Join(data, name)
		if err := errors.Join(err, os.WriteFile(to, text, 0o600), os.Chown(to, int(owner.Uid), int(owner.Gid))); err != nil {
			return "", err
		}
	}
	for _, set := range []string{"ssl_cert_file = 'tls.crt'", "ssl_key_file = 'tls.key'", "ssl_min_protocol_version = 'TLSv1.3'", "ssl = on"} {
		if _, err := conn.Exec(ctx, `ALTER SYSTEM SET `+set); err != nil {
			return "", err
		}
	}
	if _, err := conn.Exec(ctx, `SELECT pg_reload_conf()`); err != nil {
		return "", err
	}
	u, err := url.Parse(server.DSN("postgres"))
	if err != nil {
		return "", err
	}
	u.RawQuery = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {filepath.Join(folder, "tls.crt")}}.Encode()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) { // settings are read again soon
		over, err := pgx.Connect(ctx, u.String())
		if err == nil {
			return u.String(), over.Close(ctx)
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("PostgreSQL does not speak TLS: %w", err)
		}
	}
}
