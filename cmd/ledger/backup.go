package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/audit"
	"github.com/optup/optup/internal/ledger/store/sqlite"
)

// errUnsound ends a command that has said what is wrong.
var errUnsound = errors.New("the log is not sound; see `optup ledger verify`")

// verified verifies a database file and says what is wrong with it.
func verified(ctx context.Context, out io.Writer, path string, checkpoints ...proof.Checkpoint) (*audit.Report, error) {
	db, err := sqlite.OpenAudit(ctx, path)
	if err != nil {
		return nil, err
	}
	r, err := audit.Verify(ctx, db, audit.Options{Checkpoints: checkpoints})
	return r, errors.Join(err, db.Close(), told(out, r))
}

func told(out io.Writer, r *audit.Report) error {
	if r == nil || r.Sound() {
		return nil
	}
	for _, f := range r.Findings {
		_, _ = fmt.Fprintf(out, "position %d: %s\n", f.Position, f.What)
	}
	return errUnsound
}

func backupCommand() *cobra.Command {
	var data, to string
	var personKeys bool
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Back up the SQLite database of a ledger, which may be running",
		Long: `Write a copy of the database as of one moment to a file that must not exist, and verify it. The ledger goes on meanwhile.

The copy holds no key: the root key and the keys of people are backed up apart (--person-keys), to another place, and kept for a
shorter time. Whoever was erased would be readable again from a backup of their key.`,
		Example: `  optup-ledger backup --data /var/lib/optup --out /backup/ledger-2026-03-01.db
  optup-ledger backup --data /var/lib/optup --out /elsewhere/keys-2026-03-01.db --person-keys`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if personKeys {
				return sqlite.Backup(cmd.Context(), filepath.Join(data, sqlite.KeyFileName), to)
			}
			if err := sqlite.Backup(cmd.Context(), filepath.Join(data, sqlite.FileName), to); err != nil {
				return err
			}
			r, err := verified(cmd.Context(), cmd.ErrOrStderr(), to)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s holds %d events, root %s\n", to, r.Size, r.Root)
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "directory of the database")
	cmd.Flags().StringVar(&to, "out", "", "file to create")
	cmd.Flags().BoolVar(&personKeys, "person-keys", false, "back up the keys of people instead, which readable content is sealed with")
	for _, name := range []string{"data", "out"} {
		_ = cmd.MarkFlagRequired(name) // fails for unknown flags only
	}
	return cmd
}

type restoreFlags struct {
	own
	data, from  string
	checkpoints []string
	acceptLoss  bool
}

func restoreCommand() *cobra.Command {
	var f restoreFlags
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Restore a backup into a directory without a database",
		Long: `Verify a backup and make it the database of a ledger that is stopped. The log goes on in a new epoch: sidecars that followed the old
one take nothing over from it, and ask for everything again.

What was appended after the backup is lost, withdrawals and objections too. The newest checkpoint that was kept tells whether there was
anything: give it with --checkpoint, and the backup is refused if the ledger had signed a longer log. Without one, or to go on in spite
of it, --accept-loss says that somebody decided so.`,
		Example: `  optup-ledger restore --data /var/lib/optup --from ledger-2026-03-01.db --root-key root.key --config config.json --checkpoint newest.checkpoint`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.restore(cmd) },
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.data, "data", "", "directory for the database")
	cmd.Flags().StringVar(&f.from, "from", "", "backup")
	cmd.Flags().StringArrayVar(&f.checkpoints, "checkpoint", nil, "file with a checkpoint that was kept; may be given again")
	cmd.Flags().BoolVar(&f.acceptLoss, "accept-loss", false, "restore although what came after the backup is lost, or nobody knows whether anything did")
	for _, name := range []string{"data", "from"} {
		_ = cmd.MarkFlagRequired(name) // fails for unknown flags only
	}
	cmd.MarkFlagsOneRequired("checkpoint", "accept-loss")
	return cmd
}

func (f *restoreFlags) restore(cmd *cobra.Command) error {
	kept, err := sqlite.RootKeysIn(cmd.Context(), f.from)
	if err != nil {
		return err
	}
	all, err := f.derive(kept)
	if err != nil {
		return err
	}
	stream, signer := all.Stream, all.Signer
	size, err := sizeOf(cmd.Context(), f.from)
	if err != nil {
		return err
	}
	var within []proof.Checkpoint
	for _, name := range f.checkpoints {
		raw, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		c, err := proof.OpenCheckpoint(raw, signer.PublicKey())
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case c.Size <= size:
			within = append(within, c)
		case !f.acceptLoss:
			return fmt.Errorf("the ledger signed a log of %d events, and the backup has %d: find a newer one, or accept with --accept-loss that the others are lost", c.Size, size)
		}
	}
	if _, err := verified(cmd.Context(), cmd.ErrOrStderr(), f.from, within...); err != nil {
		return err
	}
	if err := sqlite.Restore(cmd.Context(), f.from, f.data, stream.ID()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "restored %d events; erase again whoever was erased since, and enter again what people said since\n", size)
	return err
}

func sizeOf(ctx context.Context, path string) (consent.Position, error) {
	db, err := sqlite.OpenAudit(ctx, path)
	if err != nil {
		return 0, err
	}
	h, err := db.Head(ctx)
	return h.Position, errors.Join(err, db.Close())
}

type importFlags struct {
	own
	place
	dryRun bool
}

func importCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import EXPORT",
		Short: "Fill an empty ledger with an export",
		Long: `Verify an export (optup ledger export) and fill an empty database with it: the same positions, times and leaves, and so the same
root, in a new epoch. It is imported whole or not at all. It needs the root key of the ledger that was exported, because people are
known by tags that are made with it. Idempotency keys are not in an export: let writers finish before it is made.`,
		Example: `  optup-ledger import ledger.jsonl --data /var/lib/optup --root-key root.key --config config.json --dry-run
  optup-ledger import ledger.jsonl --database-url-file url --root-key root.key --config config.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.load(cmd, args[0]) },
	}
	f.own.add(cmd)
	f.place.add(cmd)
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "only verify the export")
	return cmd
}

func (f *importFlags) load(cmd *cobra.Command, name string) error {
	ctx := cmd.Context()
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	// What is kept about keys is sealed with the newest of them.
	said, err := audit.ReadHeader(in)
	if err != nil {
		return err
	}
	all, err := f.derive(said.RootKeys)
	if err != nil {
		return err
	}
	x, err := audit.OpenExport(in, all.Signer.PublicKey())
	if err != nil {
		return err
	}
	r, err := audit.Verify(ctx, x, audit.Options{})
	if err := errors.Join(err, told(cmd.ErrOrStderr(), r)); err != nil {
		return err
	}
	if f.dryRun {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d events would be imported, root %s\n", r.Size, r.Root)
		return err
	}
	db, err := f.place.open(ctx, all)
	if err != nil {
		return err
	}
	err = rekeyed(ctx, db, x)
	if err == nil {
		err = db.Import(ctx, x, progress(cmd))
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "imported %d events, root %s\n", r.Size, r.Root)
	return err
}

// rekeyed brings the keys of a ledger that is still empty to where the exported ones are. It comes before the events, so that whoever is
// stopped in between imports again, and it goes on from where that was.
func rekeyed(ctx context.Context, db opened, x *audit.File) error {
	head, err := db.Head(ctx)
	if err != nil || x.Scheme == (store.Scheme{}) || head.Position != 0 { // of one that is not empty, Import says so
		return err
	}
	if head.Scheme.After(x.Scheme) {
		return errors.New("the database was begun with a later key than the export is of; import into another one")
	}
	for at := head.Scheme; at != x.Scheme; at = at.Next() {
		var kept *store.RootKey
		if next := at.Next().Newest(); next > at.Newest() {
			if next-2 >= len(x.RootKeys) {
				return errors.New("the export does not say which keys it was written with; export again")
			}
			kept = &x.RootKeys[next-2]
		}
		if err := db.Rotate(ctx, at, at.Next(), kept); err != nil {
			return err
		}
	}
	return nil
}

// progress tells on standard error where a long command is, every five seconds.
func progress(cmd *cobra.Command) func(string, consent.Position, consent.Position) {
	told := time.Now()
	return func(step string, done, of consent.Position) {
		if now := time.Now(); now.Sub(told) >= 5*time.Second {
			told = now
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d of %d\n", step, done, of)
		}
	}
}
