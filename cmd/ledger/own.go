package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/store"
)

// own are the flags that say whose ledger a command is about.
type own struct {
	rootKey, config string
	// next is only of use to commands that say so.
	next string
}

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

// derive gives the keys of the ledger. Kept is what its database has about later root keys.
func (o *own) derive(kept []store.RootKey) (keys.All, error) {
	root, controller, err := o.read()
	if err != nil {
		return keys.All{}, err
	}
	next, err := nextRoot(o.next)
	if err != nil {
		return keys.All{}, err
	}
	return keys.Derive(root, next, controller, kept)
}

// nextRoot reads the file of a next root key, which need not be there: it is mounted wherever a key may be introduced.
func nextRoot(path string) (*keys.Root, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // there is none
	}
	root, err := keys.ReadRoot(path)
	if err != nil {
		return nil, fmt.Errorf("--next-root-key: %w", err)
	}
	return &root, nil
}
