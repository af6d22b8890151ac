package sqlite

import (
	"errors"
	"fmt"

	codes "modernc.org/sqlite/lib"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// told says what an error of the driver means to a journal.
func told(err error) error {
	if err == nil {
		return nil
	}
	var failed interface{ Code() int } // the driver's, or the engine's
	if !errors.As(err, &failed) {
		return err
	}
	switch failed.Code() & 0xff {
	case codes.SQLITE_FULL:
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return fmt.Errorf("%w: %w", journal.ErrAgain, err)
	default:
		return err
	}
}
