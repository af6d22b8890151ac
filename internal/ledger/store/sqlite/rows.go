package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// steps are the numbers of rows, or of values in a list, for which statements are prepared, the largest first.
var steps = []int{256, 32, 4, 1}

// many is a statement about many rows at a time. It is prepared once for each number of rows.
type many struct {
	// query has the place of the rows, or of the values, as %s.
	query string
	// row is the text of one of them, and width how many values it takes.
	row   string
	width int
	by    map[int]*sql.Stmt
}

func prepare(ctx context.Context, db *sql.DB, query, row string) (*many, error) {
	m := &many{query: query, row: row, width: strings.Count(row, "?"), by: map[int]*sql.Stmt{}}
	for _, n := range steps {
		st, err := db.PrepareContext(ctx, fmt.Sprintf(query, strings.TrimSuffix(strings.Repeat(row+",", n), ","))) //nolint:sqlclosecheck // closed with the store
		if err != nil {
			return nil, err
		}
		m.by[n] = st
	}
	return m, nil
}

// exec runs the statement for n rows. Fill appends the values of one.
func (m *many) exec(ctx context.Context, tx *sql.Tx, n int, fill func(args []any, i int) []any) error {
	var args []any
	for done := 0; done < n; {
		rows := step(n - done)
		args = args[:0]
		for range rows {
			args = fill(args, done)
			done++
		}
		if _, err := tx.StmtContext(ctx, m.by[rows]).ExecContext(ctx, args...); err != nil { //nolint:sqlclosecheck // of the transaction
			return told(err)
		}
	}
	return nil
}

// query runs the statement for a list of n values, and gives its rows to scan.
func (m *many) each(ctx context.Context, tx *sql.Tx, n int, value func(i int) any, scan func(*sql.Rows) error) error {
	var args []any
	for done := 0; done < n; {
		values := step(n - done)
		args = args[:0]
		for range values {
			args = append(args, value(done))
			done++
		}
		if err := eachRow(ctx, tx.StmtContext(ctx, m.by[values]), args, scan); err != nil {
			return err
		}
	}
	return nil
}

func eachRow(ctx context.Context, st *sql.Stmt, args []any, scan func(*sql.Rows) error) error {
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return told(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return told(rows.Err())
}

func step(n int) int {
	for _, s := range steps {
		if s <= n {
			return s
		}
	}
	return 1
}

// told says what an error of the driver means to a journal.
func told(err error) error {
	var failed *driver.Error
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
