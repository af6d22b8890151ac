package facts

import (
	"fmt"
	"math"

	"github.com/optup/optup/internal/consent"
)

// Loader fills a table that nobody uses yet, with combinations of facts and with who has which. It is for one goroutine.
type Loader struct {
	table *Table
	ids   []uint32
}

// Load returns a loader that fills a table. Finish ends it.
func (t *Table) Load() *Loader {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.combos.alone, t.records.alone = true, true
	return &Loader{table: t}
}

// Reserve makes room for so many identifiers at once, which spares the steps of growth. It is a hint.
func (l *Loader) Reserve(identifiers int) {
	const slack = 4 // shards are not filled quite evenly
	t := l.table
	t.mu.Lock()
	defer t.mu.Unlock()
	mean := float64(identifiers) / shardsOf
	for i := range t.shards {
		if t.shards[i].Load() == &nothing && mean > slots {
			was := t.live[i]
			t.live[i] = uint32(mean + slack*math.Sqrt(mean)/2)
			t.resize(uint32(i), &nothing)
			t.live[i] = was
		}
	}
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
	for len(tags) > 0 {
		n := min(window, len(tags))
		t.touch(tags[:n])
		for i := range tags[:n] {
			if uint64(numbers[i]) >= uint64(len(l.ids)) {
				return fmt.Errorf("%w: number %d of %d", ErrCombination, numbers[i], len(l.ids))
			}
			t.set(placeOf(&tags[i]), l.ids[numbers[i]])
		}
		tags, numbers = tags[n:], numbers[n:]
	}
	return nil
}

// Finish forgets the combinations that nobody has, and gives back room that is not needed.
func (l *Loader) Finish() {
	l.table.mu.Lock()
	defer l.table.mu.Unlock()
	for _, id := range l.ids {
		l.table.release(id)
	}
	l.table.pack()
	l.table.combos.alone, l.table.records.alone = false, false
	l.ids = nil
}
