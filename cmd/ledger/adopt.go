package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

type adoptFlags struct {
	own
	place
	epoch string
}

func adoptCommand() *cobra.Command {
	var f adoptFlags
	cmd := &cobra.Command{
		Use:   "adopt",
		Short: "Take a restored log as it is",
		Long: `Take a log as it is that contradicts what its ledger signed before, because it was restored from an older copy.

A ledger that sees such a contradiction stops serving streams, and sidecars permit nothing that rests on a record. Compare first: events
that were acknowledged after the copy was made are missing, withdrawals among them, and have to be appended again (see the runbook for
backups). If there are two copies that both go on, stop the one that is wrong instead.

Adopting starts another epoch: every sidecar reads the log from its beginning. It works while the ledger serves. Without --epoch nothing
is changed, and the epoch and the position of the log are printed. POST /v1/adopt does the same for an officer.`,
		Example: `  optup-ledger adopt --data /var/lib/optup --root-key /etc/optup/keys/root --config /etc/optup/config/config.json
  optup-ledger adopt --data /var/lib/optup --root-key /etc/optup/keys/root --config /etc/optup/config/config.json --epoch SEEN

  # in PostgreSQL
  optup-ledger adopt --database-url-file /etc/optup/database/url --root-key /etc/optup/keys/root --config /etc/optup/config/config.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.adopt(cmd.Context(), cmd.OutOrStdout()) },
	}
	f.own.add(cmd)
	f.place.add(cmd)
	cmd.Flags().StringVar(&f.epoch, "epoch", "", "epoch of the log that is adopted; nothing is changed without it")
	return cmd
}

func (f *adoptFlags) adopt(ctx context.Context, out io.Writer) (err error) {
	if err := f.exists(); err != nil {
		return err
	}
	db, _, err := f.opened(ctx, &f.own)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if f.epoch == "" {
		head, err := db.Head(ctx)
		if err == nil {
			_, err = fmt.Fprintf(out, "epoch %s, position %d; nothing was changed, give --epoch to adopt this log\n", head.Epoch, head.Position)
		}
		return err
	}
	head, err := db.Adopt(ctx, f.epoch)
	if err == nil {
		_, err = fmt.Fprintf(out, "adopted: epoch %s, position %d\n", head.Epoch, head.Position)
	}
	return err
}
