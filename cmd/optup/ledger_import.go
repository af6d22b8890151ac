package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/cli"
)

func (l *ledgerFlags) importCommand() *cobra.Command {
	var dryRun, everyRow bool
	var key, report string
	c := &cobra.Command{
		Use: "import FILE", Short: "Import a CSV file of what people agreed to elsewhere", Args: cobra.ExactArgs(1),
		Long: "Stream a CSV file (UTF-8, with a header; - for standard input) to the ledger and print its report. Columns: identifier_type,\n" +
			"identifier, event, and where they apply purpose, notice, at, touchpoint, proof, evidence, channel, goods, objection_notice,\n" +
			"scope, identifier_form. A row with a proof says in evidence where the artefact is archived. If any row is malformed nothing is\n" +
			"imported; grants without proof permit nothing until the person confirms.\n" +
			"How far it is, is told on standard error. A file can be sent again: what is known is not imported twice, so an import that was cut\n" +
			"goes on; if the connection breaks off, that happens by itself.",
		Example: "  optup ledger import crm.csv --dry-run " + throughCluster + "\n" +
			"  optup ledger import crm.csv --report rows.ndjson --every-row " + throughCluster + "\n" +
			"  optup ledger import crm.csv --ledger https://main-ledger.consent.svc:8443 --token-file token --trust ca.crt",
		RunE: func(c *cobra.Command, args []string) error {
			if args[0] == "-" {
				return l.with(c, func(ctx context.Context, x *cli.Ledger) error {
					i, err := x.Import(ctx, c.InOrStdin(), key, dryRun)
					if err != nil {
						return err
					}
					return show(l, c, i, cli.PrintImported)
				})
			}
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
			o := cli.ImportOptions{Key: key, DryRun: dryRun, EveryRow: everyRow, Tries: cutsInARow, Progress: told(c.ErrOrStderr()), Cut: func(err error) {
				_, _ = fmt.Fprintln(c.ErrOrStderr(), "the connection broke off, and the file is sent again:", err)
			}}
			rows, err := reportTo(report, &o)
			if err != nil {
				return err
			}
			return l.with(c, func(ctx context.Context, x *cli.Ledger) error {
				i, err := x.ImportFile(ctx, f, o)
				if err := errors.Join(err, rows()); err != nil {
					return err
				}
				return show(l, c, i, cli.PrintImported)
			})
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only report what would be imported")
	c.Flags().StringVar(&report, "report", "", "file for what became of rows, one JSON object a line: those that were refused, or all of them")
	c.Flags().BoolVar(&everyRow, "every-row", false, "report every row, and not refused ones alone; needs --report")
	c.Flags().StringVar(&key, "idempotency-key", "", "key under which rows without a time are imported once; the file's SHA-256 if left out")
	return endings(c, "the report is printed; rows may have been refused", "the ledger refused the file")
}

// cutsInARow is how often a connection may break off without any progress.
const cutsInARow = 5

// told writes how far an import is, every few seconds.
func told(w io.Writer) func(cli.Progress) {
	last := time.Now()
	return func(p cli.Progress) {
		if now := time.Now(); now.Sub(last) >= 2*time.Second {
			last = now
			_, _ = fmt.Fprintf(w, "%d of %d rows: %d appended, %d known before, %d refused; %.0f rows/s, %s to go\n", p.Done, p.Rows, p.Appended, p.Replayed,
				p.Refused, p.RowsPerSecond, (time.Duration(p.RemainingSeconds) * time.Second).String())
		}
	}
}

// reportTo has rows written to a file, and gives what closes it.
func reportTo(path string, o *cli.ImportOptions) (func() error, error) {
	if path == "" {
		if o.EveryRow {
			return nil, errors.New("--every-row needs a file to report to: give --report")
		}
		return func() error { return nil }, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewWriter(f)
	encoder := json.NewEncoder(lines)
	o.Row = func(r cli.ImportedRow) error { return encoder.Encode(r) }
	return func() error { return errors.Join(lines.Flush(), f.Close()) }, nil
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
