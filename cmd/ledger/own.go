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

// read gives the root key, and the controller whose ledger it is.
func (o *own) read() (keys.Root, string, error) {
	root, err := keys.ReadRoot(o.rootKey)
	if err != nil {
		return root, "", err
	}
	data, err := os.ReadFile(o.config)
	if err != nil {
		return root, "", fmt.Errorf("the ledger's configuration cannot be read: %w", err)
	}
	c, err := access.Parse(data, filepath.Dir(o.config))
	return root, c.Controller, err
}

// open gives the keys of the ledger.
func (o *own) open() (*keys.Stream, *keys.Signer, error) {
	root, controller, err := o.read()
	if err != nil {
		return nil, nil, err
	}
	stream, err := root.Stream(controller)
	if err != nil {
		return nil, nil, err
	}
	signer, err := root.Signer(controller)
	return stream, signer, err
}
