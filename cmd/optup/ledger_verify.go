package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/cli"
	"github.com/optup/optup/internal/consent"
)

// tellProgressEvery bounds how often a long command says where it is.
const tellProgressEvery = 5 * time.Second

// progress tells on standard error where a long command is, from the first five seconds on.
func progress(c *cobra.Command) func(string, consent.Position, consent.Position) {
	told := time.Now()
	return func(step string, done, of consent.Position) {
		if now := time.Now(); now.Sub(told) >= tellProgressEvery {
			told = now
			_, _ = fmt.Fprintf(c.ErrOrStderr(), "%s: %d of %d\n", step, done, of)
		}
	}
}

func (l *ledgerFlags) verifyCommand() *cobra.Command {
	var o cli.VerifyOptions
	c := &cobra.Command{
		Use: "verify", Short: "Verify a ledger's database, an export or a receipt, offline", Args: cobra.NoArgs,
		Long: "Verify without asking any ledger. Of a database: every leaf is hashed again, the tree over them, the records of people against their\n" +
			"events, and who is linked with whom. Of an export: every leaf, the tree and the signature at its end. Of a receipt: that the ledger\n" +
			"signed it, and that its event is in the signed log. What is wrong is told with the first position.\n\n" +
			"A log that was rewritten from end to end, or cut, is sound by itself. Checkpoints that were kept elsewhere show that: give them with\n" +
			"--checkpoint (see optup ledger checkpoint). What was erased with a person is no error.",
		Example: "  optup ledger verify --database /var/lib/optup/ledger.db --public-key ledger.pub --checkpoint yesterday.checkpoint\n" +
			"  optup ledger verify --export ledger.jsonl --public-key ledger.pub\n" +
			"  optup ledger verify --receipt receipt.json --public-key ledger.pub --wording newsletter.de.txt",
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Receipt != "" {
				r, err := cli.VerifyReceipt(o)
				if err == nil {
					err = show(l, c, r, cli.PrintReceipt)
				}
				if err == nil && !r.Holds {
					err = errFound
				}
				return err
			}
			o.Progress = progress(c)
			r, err := cli.VerifyLog(c.Context(), o)
			if err == nil {
				err = show(l, c, r, cli.PrintReport)
			}
			if err == nil && !r.Sound() {
				err = errFound
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.Database, "database", "", "SQLite database of a ledger; it is only read, and a ledger may be running on it")
	f.StringVar(&o.DatabaseURL, "database-url-file", "", "file with the URL of a ledger's PostgreSQL database, or of a standby or a restored copy; it is only read")
	f.StringVar(&o.Export, "export", "", "export of a ledger, see optup ledger export")
	f.StringVar(&o.Receipt, "receipt", "", "receipt about one event")
	f.StringVar(&o.PublicKey, "public-key", "", "file with the ledger's public key, as optup-ledger public-key prints it")
	f.StringArrayVar(&o.Checkpoints, "checkpoint", nil, "file with a checkpoint that was kept; may be given again")
	f.StringVar(&o.Wording, "wording", "", "with --receipt: file with the text that the person is said to have seen")
	c.MarkFlagsOneRequired("database", "database-url-file", "export", "receipt")
	c.MarkFlagsMutuallyExclusive("database", "database-url-file", "export", "receipt")
	return endings(c, "what was verified is sound", "it is not")
}

func (l *ledgerFlags) checkpointCommand() *cobra.Command {
	var key, since, out string
	c := &cobra.Command{
		Use: "checkpoint", Short: "Get the newest checkpoint, and check that the log goes on from an older one", Args: cobra.NoArgs,
		Long: "Print the newest checkpoint: the size and the root of the log, signed by the ledger. Kept where nobody who can write the ledger's\n" +
			"database can write, it shows later whether the log was changed or cut. With --public-key the signature is verified, with --since also\n" +
			"that the log begins with the log of an older checkpoint.",
		Example: "  optup ledger checkpoint " + throughCluster + " > today.checkpoint\n" +
			"  optup ledger checkpoint --public-key ledger.pub --since yesterday.checkpoint --out today.checkpoint " + throughCluster,
		RunE: func(c *cobra.Command, _ []string) error {
			var text [2]string
			for i, name := range []string{key, since} {
				if name == "" {
					continue
				}
				raw, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				text[i] = string(raw)
			}
			return l.with(c, func(ctx context.Context, x *cli.Ledger) error {
				note, err := x.Checkpoint(ctx, text[0], text[1])
				if errors.Is(err, cli.ErrUnsound) {
					_, _ = fmt.Fprintln(c.ErrOrStderr(), err)
					return errFound
				}
				if err == nil && out != "" {
					return os.WriteFile(out, []byte(note), 0o600)
				}
				if err == nil {
					_, err = fmt.Fprint(c.OutOrStdout(), note)
				}
				return err
			})
		},
	}
	c.Flags().StringVar(&key, "public-key", "", "file with the ledger's public key")
	c.Flags().StringVar(&since, "since", "", "file with an older checkpoint; needs --public-key")
	c.Flags().StringVar(&out, "out", "", "file to write to; standard output if left out")
	c.PreRunE = func(*cobra.Command, []string) error {
		if since != "" && key == "" {
			return errors.New("--since needs --public-key: without it anybody could have signed both")
		}
		return nil
	}
	return endings(c, "the checkpoint is printed, and holds as far as it was checked", "the log is not the one that was signed, or the ledger refused")
}

func (l *ledgerFlags) receiptCommand() *cobra.Command {
	position := uint64(0)
	c := &cobra.Command{
		Use: "receipt", Short: "Get the receipt of an event (role Officer)", Args: cobra.NoArgs,
		Long: "Print the receipt of the event at a position: JSON-LD with the fields of ISO/IEC TS 27560, signed, with the proof that the event is in\n" +
			"the log. It names nobody. Whoever has it and the ledger's public key can verify it offline: optup ledger verify --receipt.",
		Example: "  optup ledger receipt --position 4711 " + throughCluster + " > receipt.json",
		RunE: func(c *cobra.Command, _ []string) error {
			return l.with(c, func(ctx context.Context, x *cli.Ledger) error {
				r, err := x.Receipt(ctx, consent.Position(position))
				if err != nil {
					return err
				}
				return cli.PrintJSON(c.OutOrStdout(), r)
			})
		},
	}
	c.Flags().Uint64Var(&position, "position", 0, "position of the event")
	_ = c.MarkFlagRequired("position")
	return endings(c, "the receipt is printed", "the ledger refused")
}

func (l *ledgerFlags) exportCommand() *cobra.Command {
	out := ""
	c := &cobra.Command{
		Use: "export", Short: "Export the whole log to a file (role Officer)", Args: cobra.NoArgs,
		Long: "Write the log up to now as lines of JSON, with a signed checkpoint at the end. It holds tags instead of identifiers, and nothing that\n" +
			"is readable about people: no address, no evidence, no keys. optup-ledger import reads it into an empty ledger with the same root key.",
		Example: "  optup ledger export --out ledger.jsonl " + throughCluster,
		RunE: func(c *cobra.Command, _ []string) error {
			return l.with(c, func(ctx context.Context, x *cli.Ledger) error { return x.Export(ctx, out) })
		},
	}
	c.Flags().StringVar(&out, "out", "", "file to create")
	_ = c.MarkFlagRequired("out")
	return endings(c, "the export is whole", "the ledger refused")
}
