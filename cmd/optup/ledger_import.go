package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/cli"
)

func (l *ledgerFlags) importCommand() *cobra.Command {
	var dryRun bool
	var key string
	c := &cobra.Command{
		Use: "import FILE", Short: "Import a CSV file of what people agreed to elsewhere", Args: cobra.ExactArgs(1),
		Long: "Stream a CSV file (UTF-8, with a header; - for standard input) to the ledger and print its report. Columns: identifier_type,\n" +
			"identifier, event, and where they apply purpose, notice, at, touchpoint, proof, evidence, channel, goods, objection_notice,\n" +
			"scope, identifier_form. A row with a proof says in evidence where the artefact is archived. If any row is malformed nothing is\n" +
			"imported; grants without proof permit nothing until the person confirms.\n" +
			"A file can be sent again: what is known is not imported twice.",
		Example: "  optup ledger import crm.csv --dry-run " + throughCluster + "\n" +
			"  optup ledger import crm.csv --ledger https://main-ledger.consent.svc:8443 --token-file token --trust ca.crt",
		RunE: func(c *cobra.Command, args []string) error {
			in := c.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer func() { _ = f.Close() }()
				if key == "" {
					if key, err = contentKey(f); err != nil {
						return err
					}
				}
				in = f
			}
			return l.with(c, func(ctx context.Context, x *cli.Ledger) error {
				i, err := x.Import(ctx, in, key, dryRun)
				if err != nil {
					return err
				}
				return show(l, c, i, cli.PrintImported)
			})
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only report what would be imported")
	c.Flags().StringVar(&key, "idempotency-key", "", "key under which rows without a time are imported once; the file's SHA-256 if left out")
	return endings(c, "the report is printed; rows may have been refused", "the ledger refused the file")
}

// contentKey names a file by its content, and goes back to its start.
func contentKey(f io.ReadSeeker) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	_, err := f.Seek(0, io.SeekStart)
	return "file-" + hex.EncodeToString(h.Sum(nil)), err
}
