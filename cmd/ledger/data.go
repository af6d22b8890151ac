package main

import (
	"context"
	"time"

	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/store/sqlite"
)

// openData opens the database in a data directory for a command that works on it by itself. Nothing else may have it open.
func openData(ctx context.Context, dir string, root keys.Root, controller string) (*sqlite.Store, error) {
	key, err := root.Stream(controller)
	if err != nil {
		return nil, err
	}
	secrets, err := root.Secrets(controller)
	if err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, dir, key.ID(), secrets.Wrapping(), time.Now)
}
