package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func publicKeyCommand() *cobra.Command {
	var o own
	cmd := &cobra.Command{
		Use:   "public-key",
		Short: "Print the key that verifies checkpoints and receipts of a ledger",
		Long: `Print the public key of a ledger. It verifies checkpoints and receipts and can do nothing else, so it may be given to anyone. It
stays the same as long as the root key does; whoever keeps a copy cannot be shown another log later.`,
		Example: `  optup-ledger public-key --root-key root.key --config config.json > ledger.pub`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, s, err := o.open()
			if err == nil {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), s.PublicKey())
			}
			return err
		},
	}
	o.add(cmd)
	return cmd
}
