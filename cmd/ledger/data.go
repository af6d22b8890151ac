package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/audit"
	"github.com/optup/optup/internal/ledger/store/postgres"
	"github.com/optup/optup/internal/ledger/store/sqlite"
)

// place are the flags that say where the log of a command is that works on it by itself.
type place struct{ data, databaseURL string }

func (p *place) add(cmd *cobra.Command) {
	p.optional(cmd)
	cmd.MarkFlagsOneRequired("data", "database-url-file")
}

func (p *place) optional(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.data, "data", "", "directory of the embedded database")
	cmd.Flags().StringVar(&p.databaseURL, "database-url-file", "", "file with the URL of a PostgreSQL database")
	cmd.MarkFlagsMutuallyExclusive("data", "database-url-file")
}

// opened is what such a command needs of a database.
type opened interface {
	store.Rotations
	Head(ctx context.Context) (store.Head, error)
	Snapshot(ctx context.Context, visit func(store.Person) error) (store.Head, error)
	Adopt(ctx context.Context, epoch string) (store.Head, error)
	Import(ctx context.Context, f *audit.File, progress func(step string, done, of consent.Position)) error
	Close() error
}

// exists refuses a directory without a database, which opening it would fill with an empty one.
func (p *place) exists() error {
	if p.databaseURL != "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(p.data, sqlite.FileName)); err != nil {
		return fmt.Errorf("there is no database to work on; is --data the directory that the ledger serves? %w", err)
	}
	return nil
}

// kept is what the database has about later root keys.
func (p *place) kept(ctx context.Context) ([]store.RootKey, error) {
	if p.databaseURL == "" {
		return sqlite.RootKeys(ctx, p.data)
	}
	kept, err := postgres.RootKeys(ctx, urlIn(p.databaseURL))
	if err != nil {
		return nil, advised(err)
	}
	return kept, nil
}

// open opens the database.
func (p *place) open(ctx context.Context, all keys.All) (opened, error) {
	if p.databaseURL == "" {
		return sqlite.Open(ctx, p.data, all.Stream.ID(), all.Secrets.Wrapping(), time.Now)
	}
	db, err := postgres.Open(ctx, postgres.Options{
		URL: urlIn(p.databaseURL), KeyID: all.Stream.ID(), Wrapping: all.Secrets.Wrapping(), Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, advised(err)
	}
	return db, nil
}

// opened opens the database with the keys that it asks for.
func (p *place) opened(ctx context.Context, o *own) (opened, keys.All, error) {
	kept, err := p.kept(ctx)
	if err != nil {
		return nil, keys.All{}, err
	}
	all, err := o.derive(kept)
	if err != nil {
		return nil, all, err
	}
	db, err := p.open(ctx, all)
	return db, all, err
}

// urlIn gives the database URL as a file has it. It is nowhere else: not in a flag, an environment or a message.
func urlIn(file string) func() (string, error) {
	return func() (string, error) {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if text = bytes.TrimSpace(text); len(text) == 0 {
			return "", fmt.Errorf("%s is empty", file)
		}
		return string(text), nil
	}
}

// advised says before an error of PostgreSQL what to do about it, where that is known.
func advised(err error) error {
	var advice string
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code {
		case "28P01", "28000":
			advice = "the database does not let this user in; correct user and password in the file of --database-url-file, or the server's pg_hba.conf"
		case "3D000":
			advice = "there is no such database; create it with CREATE DATABASE ... OWNER ..., or correct its name in the file of --database-url-file"
		case "42501", "42P01": // the second where a role may not make the tables
			advice = "the role may not make or use the tables; start the ledger once as the owner of the database, and grant the role what the guide on PostgreSQL lists"
		}
	}
	switch text := fmt.Sprint(err); {
	case advice != "":
	case strings.Contains(text, "server is in standby mode"):
		advice = "this server is a standby, whose log lags behind; name the primary in the file of --database-url-file, or all hosts with commas between"
	case strings.Contains(text, "server refused TLS connection") && !strings.Contains(text, "\n"):
		advice = "the server speaks no TLS, which the URL asks for; turn ssl on in the server"
	case strings.Contains(text, "connection refused"), strings.Contains(text, "no such host"), strings.Contains(text, "i/o timeout"):
		advice = "nobody answers at the address in the file of --database-url-file; is the server up, and reachable from here?"
	default:
		return err
	}
	return fmt.Errorf("%s: %w", advice, err)
}
