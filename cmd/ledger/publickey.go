package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/ledger/store"
)

func publicKeyCommand() *cobra.Command {
	var o own
	var where place
	cmd := &cobra.Command{
		Use:   "public-key",
		Short: "Print the key that verifies checkpoints and receipts of a ledger",
		Long: `Print the public key of a ledger. It verifies checkpoints and receipts and can do nothing else, so it may be given to anyone. It
stays the same for as long as the ledger does; whoever keeps a copy cannot be shown another log later.

Once the root key has changed, the database has to be named as well: the key that signs stays that of the first root key.`,
		Example: `  optup-ledger public-key --root-key root.key --config config.json > ledger.pub

  # after the root key has changed
  optup-ledger public-key --root-key root.key --config config.json --data /var/lib/optup > ledger.pub`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var kept []store.RootKey
			var err error
			if where != (place{}) {
				if err := where.exists(); err != nil {
					return err
				}
				if kept, err = where.kept(cmd.Context()); err != nil {
					return err
				}
			}
			all, err := o.derive(kept)
			if err == nil {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), all.Signer.PublicKey())
			}
			return err
		},
	}
	o.add(cmd)
	where.optional(cmd)
	return cmd
}
