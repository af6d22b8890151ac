package facts

import (
	"sync"

	"github.com/optup/optup/internal/consent"
)

// Change replaces everything that is known about one person. No facts at all removes the person.
type Change struct {
	// Tags are all tags under which the person is found.
	Tags []consent.Tag
	// Facts has an entry for each purpose about which something is known. It belongs to the table once applied.
	Facts map[consent.PurposeID]consent.Fact
}

type person = map[consent.PurposeID]consent.Fact

// Table maps tags to facts. It is safe for concurrent use; the zero value is an empty table.
type Table struct {
	mu     sync.RWMutex
	people map[consent.Tag]person
}

// Lookup gives what is known about the person with a tag for a purpose. It reports false, with the zero Fact of a person never
// seen, where nothing is known. The fact is shared and must not be changed.
func (t *Table) Lookup(tag consent.Tag, purpose consent.PurposeID) (consent.Fact, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	f, ok := t.people[tag][purpose]
	return f, ok
}

// Len is the number of tags.
func (t *Table) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.people)
}

// Apply applies changes in their order; readers see all of them or none.
func (t *Table) Apply(changes ...Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.people == nil {
		t.people = map[consent.Tag]person{}
	}
	for _, c := range changes {
		apply(t.people, c)
	}
}

// Replace puts a snapshot in the place of everything; readers see the old table or the new one. The snapshot is used up.
func (t *Table) Replace(s *Snapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.people, s.people = s.people, nil
}

// Snapshot collects a new content for a table while the old one stays in use. It is for one goroutine.
type Snapshot struct{ people map[consent.Tag]person }

// NewSnapshot returns an empty snapshot.
func NewSnapshot() *Snapshot { return &Snapshot{people: map[consent.Tag]person{}} }

// Add adds people.
func (s *Snapshot) Add(changes ...Change) {
	for _, c := range changes {
		apply(s.people, c)
	}
}

func apply(people map[consent.Tag]person, c Change) {
	for _, tag := range c.Tags {
		if len(c.Facts) == 0 {
			delete(people, tag)
		} else {
			people[tag] = c.Facts
		}
	}
}
