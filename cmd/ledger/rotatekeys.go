package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/rekey"
	"github.com/optup/optup/internal/ledger/store"
)

type rotateKeysFlags struct {
	own
	place
	begin bool
}

func rotateKeysCommand() *cobra.Command {
	var f rotateKeysFlags
	cmd := &cobra.Command{
		Use:   "rotate-keys",
		Short: "Change the root key while the ledger serves, and tell how far that is",
		Long: `Change the root key that people's tags are made with, while the ledger serves.

Give every replica the next key as --next-root-key first: a replica without it refuses to write from the moment the change begins. Then begin
it with --begin. The replicas do the rest: what is written has tags under both keys, everybody else gets their second tags in the background,
sidecars are told, and ten minutes later nothing is tagged under the old key any more. Where the change stands is in the database alone, so
it goes on after a crash. When it has ended, put the next key in the place of the root key; the one before is kept in the database, sealed.

Without --begin nothing is changed, and it is told how far the change is.`,
		Example: `  optup-ledger keygen --out next.key
  optup-ledger rotate-keys --data /var/lib/optup --root-key root.key --next-root-key next.key --config config.json --begin
  optup-ledger rotate-keys --data /var/lib/optup --root-key root.key --next-root-key next.key --config config.json

  # in PostgreSQL
  optup-ledger rotate-keys --database-url-file /etc/optup/database/url --root-key /etc/optup/keys/root \
    --next-root-key /etc/optup/keys/next --config /etc/optup/config/config.json --begin`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	f.own.add(cmd)
	f.place.add(cmd)
	cmd.Flags().StringVar(&f.next, "next-root-key", "", "file with the root key that takes the place of the other")
	cmd.Flags().BoolVar(&f.begin, "begin", false, "begin to change; nothing is changed without it")
	return cmd
}

func (f *rotateKeysFlags) run(ctx context.Context, out io.Writer) (err error) {
	if err := f.exists(); err != nil {
		return err
	}
	db, all, err := f.opened(ctx, &f.own)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	head, err := db.Head(ctx)
	if err != nil {
		return err
	}
	now := head.Scheme
	if f.begin {
		if now.Current != now.Other {
			return errors.New("a change of keys is under way already; look how far it is without --begin")
		}
		_, controller, err := f.read()
		if err != nil {
			return err
		}
		key, err := all.Lineage.Key(now.Current+1, controller)
		if err != nil {
			return err
		}
		if err := db.Rotate(ctx, now, now.Next(), key); err != nil {
			return err
		}
		now = now.Next()
	}
	return tellRotation(ctx, out, db, all.Stream, now)
}

func tellRotation(ctx context.Context, out io.Writer, db opened, key *keys.Stream, now store.Scheme) (err error) {
	switch {
	case now.Current == now.Other:
		_, err = fmt.Fprintf(out, "key %d is the only one in use\n", now.Current)
	case now.Current > now.Other:
		_, err = fmt.Fprintf(out, "key %d is in use, and tags under key %d are still made; that ends by itself\n", now.Current, now.Other)
	default:
		var left int
		if _, left, err = rekey.Lacking(ctx, db, key, now, 0); err == nil {
			_, err = fmt.Fprintf(out, "key %d is being introduced; %d identifiers have no tag under it yet\n", now.Other, left)
		}
	}
	return err
}
