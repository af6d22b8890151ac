package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/keys"
)

func publicKeyCommand() *cobra.Command {
	var root, config string
	cmd := &cobra.Command{
		Use:   "public-key",
		Short: "Print the key that verifies checkpoints and receipts of a ledger",
		Long: `Print the public key of a ledger. It verifies checkpoints and receipts and can do nothing else, so it may be given to anyone. It
stays the same as long as the root key does; whoever keeps a copy cannot be shown another log later.`,
		Example: `  optup-ledger public-key --root-key root.key --config config.json > ledger.pub`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := keys.ReadRoot(root)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(config)
			if err != nil {
				return fmt.Errorf("the ledger's configuration cannot be read: %w", err)
			}
			c, err := access.Parse(data, filepath.Dir(config))
			if err != nil {
				return err
			}
			s, err := r.Signer(c.Controller)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), s.PublicKey())
			return err
		},
	}
	cmd.Flags().StringVar(&root, "root-key", "", "file with the root key")
	cmd.Flags().StringVar(&config, "config", "", "file with the ledger's configuration, which names its controller")
	for _, name := range []string{"root-key", "config"} {
		_ = cmd.MarkFlagRequired(name) // fails for unknown flags only
	}
	return cmd
}
