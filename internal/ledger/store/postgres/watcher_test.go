package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// patience is how long a busy machine may take.
const patience = time.Minute

// watcher keeps what a store's subscribers see: the positions in their order, and the changes as text.
type watcher struct {
	mu   sync.Mutex
	seen []consent.Position
	text []string
}

func watch(s *Store) *watcher {
	w := &watcher{}
	s.Watch(w.take)
	return w
}

func (w *watcher) take(changes []store.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range changes {
		w.seen = append(w.seen, c.Event.Position)
		w.text = append(w.text, describe(c))
	}
}

// describe gives everything of a change.
func describe(c store.Change) string {
	event, _ := json.Marshal(c.Event)
	out := fmt.Sprintf("%s hashed %v root %x", event, c.Hashed, c.Root)
	for _, p := range c.People {
		record, _ := json.Marshal(p.Record)
		out += fmt.Sprintf("\n%d %s %x %s", p.Group, p.Type, p.Tags, record)
	}
	return out
}

func (w *watcher) positions() []consent.Position {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

// until waits for a position to be seen.
func (w *watcher) until(t *testing.T, p consent.Position) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if all := w.positions(); len(all) > 0 && all[len(all)-1] >= p {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("position %d is not seen; the last of %d is %v", p, len(w.positions()), w.positions()[max(0, len(w.positions())-1):])
		}
	}
}

// once tells what is wrong with what somebody saw, if not each position once, in order, from the first to the last.
func once[P ~int64 | ~uint64](seen []P, first, last P) error {
	want := first
	for i, p := range seen {
		if p != want {
			return fmt.Errorf("at place %d position %d was seen instead of %d", i, p, want)
		}
		want++
	}
	if want != last+1 {
		return fmt.Errorf("positions end with %d instead of %d", want-1, last)
	}
	return nil
}
