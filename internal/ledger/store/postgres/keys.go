package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/optup/optup/internal/ledger/store/journal"
)

const (
	loadKeys = `SELECT e.keyed, e.digest, e.position, e.at, e.leaf FROM unnest($1::uuid[]) AS w (keyed) JOIN events e ON e.keyed = w.keyed`
	// loadTexts is for keys of before they were digests.
	loadTexts = `SELECT e.key, e.digest, e.position, e.at, e.leaf FROM unnest($1::text[]) AS w (key) JOIN events e ON e.key = w.key`
	hasTexts  = `SELECT EXISTS (SELECT 1 FROM events WHERE key IS NOT NULL)`
)

// careful is for how many batches with keys these are looked up, once one was found that had been used before.
const careful = 1024

// usedBefore is how the appender finds keys that were used before. Hardly ever one was: so it does not look, but lets the database refuse the second
// event of a key. Only after that has happened, keys are looked up first for a while, because a batch that is refused is work in vain.
type usedBefore struct {
	// looks is for how many more batches they are looked up.
	looks int
	// texts tells whether there are keys of before they were digests, which always are looked up, once asked tells that this is known.
	texts, asked bool
	// looked counts batches whose keys were looked up, refused those that the database refused for a key.
	looked, refused atomic.Int64
}

// takesLook tells whether a batch's keys have to be looked up.
func (k *usedBefore) takesLook() bool {
	if k.looks == 0 {
		return false
	}
	k.looks--
	k.looked.Add(1)
	return true
}

// met begins a while of looking keys up.
func (k *usedBefore) met() { k.looks = careful }

// loadKeys finds which keys were used before, as far as that has to be known now.
func (t *transaction) loadKeys(ctx context.Context, all []string) (out []journal.Key, err error) {
	if len(all) == 0 {
		return nil, nil
	}
	if !t.keys.asked {
		if err := t.conn.QueryRow(ctx, hasTexts).Scan(&t.keys.texts); err != nil {
			return nil, err
		}
		t.keys.asked = true
	}
	t.hopeful = !t.keys.takesLook() && t.hoping
	if !t.hopeful {
		if out, err = usedKeys(ctx, t.conn, all); err != nil {
			return nil, err
		}
	}
	if t.keys.texts {
		rows, err := t.conn.Query(ctx, loadTexts, all)
		if err != nil {
			return nil, err
		}
		texts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (k journal.Key, err error) {
			return k, scanKey(row, &k, &k.Key)
		})
		if err != nil {
			return nil, err
		}
		out = append(out, texts...)
	}
	if len(out) > 0 {
		t.keys.met()
	}
	return out, nil
}

// usedKeys finds those of some keys that were used.
func usedKeys(ctx context.Context, q querier, all []string) ([]journal.Key, error) {
	names, ids := make(map[journal.KeyID]string, len(all)), make([][16]byte, len(all))
	for i, k := range all {
		ids[i] = journal.KeyIDOf(k)
		names[ids[i]] = k
	}
	rows, err := q.Query(ctx, loadKeys, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (k journal.Key, err error) {
		var id [16]byte
		err = scanKey(row, &k, &id)
		k.Key = names[id]
		return k, err
	})
}

func scanKey(row pgx.CollectableRow, k *journal.Key, name any) error {
	var digest, leaf []byte
	var at int64
	if err := row.Scan(name, &digest, &k.Position, &at, &leaf); err != nil {
		return err
	}
	k.At = moment(at)
	copy(k.Digest[:], digest)
	copy(k.Leaf[:], leaf)
	return nil
}

// Hope implements journal.Hopeful.
func (t *transaction) Hope() { t.hoping = true }

// Doubts implements journal.Hopeful.
func (t *transaction) Doubts() bool {
	if t.hopeful {
		t.keys.met()
	}
	return t.hopeful
}

// uniqueViolation is what the database says to the second row of a key.
const uniqueViolation = "23505"

// told wraps what became of the transaction's statements. A batch that hoped for new keys in vain is tried again with a look at them.
func (t *transaction) told(err error) error {
	var answer *pgconn.PgError
	if t.hopeful && errors.As(err, &answer) && answer.Code == uniqueViolation {
		t.keys.met()
		t.keys.refused.Add(1)
		return fmt.Errorf("%w: %w", journal.ErrAgain, err)
	}
	return told(err)
}
