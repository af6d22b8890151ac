package audit

import (
	"context"
	"fmt"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// ErrNotEmpty reports a database into which no log can be imported.
var errNotEmpty = fmt.Errorf("%w: the database has a log already; an export goes into an empty ledger", ErrExport)

// Import fills an empty database with an export: the same positions, times and leaves, and so the same root. It is written whole or not at
// all. The export has been verified (see Verify) before.
func Import(ctx context.Context, db journal.Database, f *File, progress func(step string, done, of consent.Position)) error {
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	head, err := tx.Head(ctx)
	if err != nil {
		return err
	}
	if head.Position != 0 {
		return errNotEmpty
	}
	r := journal.NewReplay()
	r.Begin(head)
	pending := 0
	write := func() error {
		pending = 0
		return tx.Write(ctx, r.Take())
	}
	err = f.Entries(ctx, func(row Row) error {
		if row.Entry == nil {
			r.Skip(row.Position, row.Leaf)
		} else if len(row.Salt) != proof.SaltSize || proof.Leaf(proof.Salt(row.Salt), row.Entry) != row.Leaf {
			return fmt.Errorf("%w: the entry at position %d is not the one that was hashed", ErrExport, row.Position)
		} else if err := r.AddRow(row.Logged); err != nil {
			return err
		}
		if pending++; pending < pageSize {
			return nil
		}
		progress("import", row.Position, f.Size)
		return write()
	})
	if err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	if got := r.Root(); got != f.Checkpoint.Root {
		return fmt.Errorf("%w: what was read comes to another root than it is signed with", ErrExport)
	}
	return tx.Commit(ctx)
}
