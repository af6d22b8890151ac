package spread

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/optup/optup/internal/ledger/store"
)

// notifies is a PostgreSQL server that tells every connection that listens.
type notifies struct{ conn *pgx.Conn }

func (l *ledger) notifies() (way, error) {
	conn, err := pgx.Connect(context.Background(), l.Address)
	if err != nil {
		return nil, err
	}
	n := &notifies{conn}
	stamped{l.store, l.moments}.Watch(n.spread)
	return n, nil
}

// spread notifies of all changes of one commit. Payloads are text of less than 8,000 bytes.
func (n *notifies) spread(changes []store.Change) {
	for i := range changes {
		const header = 5
		_, _ = n.conn.Exec(context.Background(), `SELECT pg_notify('changes', $1)`, string(frameOf(&changes[i])[header:]))
	}
}

func (n *notifies) close() { _ = n.conn.Close(context.Background()) }
