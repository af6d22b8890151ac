package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/keys"
)

type adoptFlags struct{ data, rootKey, config, epoch string }

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
  optup-ledger adopt --data /var/lib/optup --root-key /etc/optup/keys/root --config /etc/optup/config/config.json --epoch SEEN`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.adopt(cmd.Context(), cmd.OutOrStdout()) },
	}
	v := cmd.Flags()
	v.StringVar(&f.data, "data", "", "directory of the database")
	v.StringVar(&f.rootKey, "root-key", "", "file with the root key (see keygen)")
	v.StringVar(&f.config, "config", "", "file with the controller, as serve has it")
	v.StringVar(&f.epoch, "epoch", "", "epoch of the log that is adopted; nothing is changed without it")
	for _, name := range []string{"data", "root-key", "config"} {
		_ = cmd.MarkFlagRequired(name) // fails for unknown flags only
	}
	return cmd
}

func (f *adoptFlags) adopt(ctx context.Context, out io.Writer) (err error) {
	root, err := keys.ReadRoot(f.rootKey)
	if err != nil {
		return err
	}
	guard, err := access.Open(access.Options{ConfigFile: f.config, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	db, err := openData(ctx, f.data, root, guard.Config().Controller)
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
