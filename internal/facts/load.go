package facts

import (
	"fmt"

	"github.com/optup/optup/internal/consent"
)

// Loader fills a table that nobody uses yet, with combinations of facts and with who has which. It is for one goroutine. What is added is
// found once the loader has finished: shards are made when it is known how large they have to be, so that none grows on the way.
type Loader struct {
	table *Table
	ids   []uint32
	// piles hold who was added, until all are there.
	piles *[shardsOf]pile
}

// Load returns a loader that fills a table. Finish ends it.
func (t *Table) Load() *Loader {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.combos.alone, t.records.alone = true, true
	return &Loader{table: t, piles: new([shardsOf]pile)}
}

// Define takes the next combination, as Encode made it. The first has number 0.
func (l *Loader) Define(content []byte) error {
	t := l.table
	t.mu.Lock()
	defer t.mu.Unlock()
	id, err := t.intern(content)
	if err != nil {
		return err
	}
	t.hold(id)
	l.ids = append(l.ids, id)
	return nil
}

// Add tells that the people with some tags stand as the combinations with these numbers say. Both slices have the same length.
func (l *Loader) Add(tags []consent.Tag, numbers []uint32) error {
	t := l.table
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range tags {
		if uint64(numbers[i]) >= uint64(len(l.ids)) {
			return fmt.Errorf("%w: number %d of %d", ErrCombination, numbers[i], len(l.ids))
		}
		id, p := l.ids[numbers[i]], placeOf(&tags[i])
		t.hold(id)
		l.piles[p.shard%shardsOf].add(p, id)
	}
	return nil
}

// Finish lets those who were added be found, and forgets the combinations that nobody has. After an error the table is of no use.
func (l *Loader) Finish() error {
	l.table.mu.Lock()
	defer l.table.mu.Unlock()
	for _, id := range l.ids {
		l.table.release(id)
	}
	err := (&packer{table: l.table, piles: l.piles}).pack()
	l.table.combos.alone, l.table.records.alone = false, false
	l.ids, l.piles = nil, nil
	return err
}
