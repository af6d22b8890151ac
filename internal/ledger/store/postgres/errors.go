package postgres

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/seal"
)

// again are answers of a server after which the same transaction may well succeed: it met others, was cut off, or the server is going
// down or coming up.
var again = map[string]bool{
	"40001": true, // serialization_failure
	"40003": true, // statement_completion_unknown
	"40P01": true, // deadlock_detected
	"55P03": true, // lock_not_available
	"57014": true, // query_canceled
	"57P01": true, // admin_shutdown
	"57P02": true, // crash_shutdown
	"57P03": true, // cannot_connect_now
	"57P05": true, // idle_session_timeout
	"25P03": true, // idle_in_transaction_session_timeout
	"53300": true, // too_many_connections
}

// errDamaged reports a row that cannot be read. Trying again does not help.
var errDamaged = errors.New("a row of the database is damaged; verify the database and restore a backup")

// told wraps what became of a statement in what the journal acts upon. Everything but an answer of the server is a connection that was
// lost.
func told(err error) error {
	var answer *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, errDamaged), errors.Is(err, seal.ErrSealed), errors.Is(err, store.ErrEpoch):
		return err
	case !errors.As(err, &answer), again[answer.Code], answer.Code[:2] == "08":
		return fmt.Errorf("%w: %w", journal.ErrAgain, err)
	case answer.Code == "25006": // read_only_sql_transaction
		return fmt.Errorf("%w: %w", store.ErrReadOnly, err)
	case answer.Code[:2] == "53", answer.Code == "58030": // insufficient_resources, io_error
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	default:
		return err
	}
}
