package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/ledger/keys"
)

func keygenCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Create a root key",
		Long: `Create a root key: 32 random bytes in base64.

Every link between a person and what they agreed to is made with this key. Store a copy outside of the machine: whoever loses the
key loses all consent. An existing file is never replaced.`,
		Example: `  optup-ledger keygen --out root.key
  optup-ledger keygen | kubectl create secret generic shop-ledger-keys --from-file=root=/dev/stdin`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				_, err := cmd.OutOrStdout().Write(keys.NewRoot().Text())
				return err
			}
			if err := keys.CreateRoot(out); err != nil {
				return err
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "created", out+"; store a copy of it elsewhere")
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to create; the standard output if left out")
	return cmd
}
