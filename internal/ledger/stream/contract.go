package stream

import (
	"context"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

func rootOf(c *store.Change) [32]byte { return c.Root }

func peopleOf(c *store.Change) []store.Person { return c.People }

func headRoot(h store.Head) [32]byte { return h.Root }

func rootAt(ctx context.Context, s store.Store, at consent.Position) ([32]byte, error) { return s.RootAt(ctx, at) }
