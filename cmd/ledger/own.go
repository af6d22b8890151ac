package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/keys"
)

// own are the flags that say whose ledger a command is about.
type own struct{ rootKey, config string }

func (o *own) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.rootKey, "root-key", "", "file with the root key")
	cmd.Flags().StringVar(&o.config, "config", "", "file with the ledger's configuration, which names its controller")
	for _, name := range []string{"root-key", "config"} {
		_ = cmd.MarkFlagRequired(name) // fails for unknown flags only
	}
}

// open gives the keys of the ledger.
func (o *own) open() (*keys.Stream, *keys.Signer, error) {
	root, err := keys.ReadRoot(o.rootKey)
	if err != nil {
		return nil, nil, err
	}
	data, err := os.ReadFile(o.config)
	if err != nil {
		return nil, nil, fmt.Errorf("the ledger's configuration cannot be read: %w", err)
	}
	c, err := access.Parse(data, filepath.Dir(o.config))
	if err != nil {
		return nil, nil, err
	}
	stream, err := root.Stream(c.Controller)
	if err != nil {
		return nil, nil, err
	}
	signer, err := root.Signer(c.Controller)
	return stream, signer, err
}
