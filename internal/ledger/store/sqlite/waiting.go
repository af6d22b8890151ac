package sqlite

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/sqlite/engine"
)

// lateKeys is after how many events the keys among them begin to go into their index. Each lands in another place of it, so that many of them, in
// their order, write a page of it once.
const lateKeys = 4096

// waiting are the keys of the newest events, which are not in the index yet. They are in the database with their events, and only remembered here:
// for as long as the log ends where it did when they were.
type waiting struct {
	epoch    string
	position consent.Position
	root     proof.Hash
	// keys are those of the events after the position from.
	keys map[journal.KeyID]consent.Position
	from consent.Position
	// going are those before, on their way into the index, some of them with each commit. Nil if there are none.
	going *going
}

// going are keys in the order in which they go into the index.
type going struct {
	keys map[journal.KeyID]consent.Position
	// order is that of the keys, once it was asked for, and gone is how many of them are in the index.
	order []journal.KeyID
	gone  int
	// until is the newest event among those whose keys they are.
	until consent.Position
}

// left are the keys that are not in the index.
func (g *going) left() []journal.KeyID {
	if g == nil {
		return nil
	}
	if g.order == nil {
		g.order = inOrder(g.keys)
	}
	return g.order[g.gone:]
}

func inOrder(keys map[journal.KeyID]consent.Position) []journal.KeyID {
	return slices.SortedFunc(maps.Keys(keys), func(a, b journal.KeyID) int { return bytes.Compare(a[:], b[:]) })
}

func (w *waiting) holds(h *journal.Head) bool {
	return w.keys != nil && w.epoch == h.Epoch && w.position == h.Position && w.root == h.Root
}

// find gives the event of a key that waits.
func (w *waiting) find(id journal.KeyID) (p consent.Position, ok bool) {
	if p, ok = w.keys[id]; !ok && w.going != nil {
		p, ok = w.going.keys[id]
	}
	return p, ok
}

// remember takes the keys that wait from the database, unless they are known. Some of them may be in the index already.
func (t *transaction) remember() error {
	if t.waiting.holds(&t.head) {
		return nil
	}
	t.filter.forget()
	t.waiting = waiting{epoch: t.head.Epoch, position: t.head.Position, root: t.head.Root, from: consent.Position(t.keyed)}
	keys := map[journal.KeyID]consent.Position{}
	s := t.st.lateKeys
	s.Int(1, t.keyed)
	if err := each(s, func() error {
		var id journal.KeyID
		copy(id[:], s.Blob(0))
		keys[id] = consent.Position(s.Number(1))
		return nil
	}); err != nil {
		return err
	}
	t.waiting.keys = keys
	return nil
}

// key finds the event that came with a key: among those that wait, in the index, and in that of texts of earlier versions.
func (t *transaction) key(key string, found func(journal.Key)) error {
	id := journal.KeyIDOf(key)
	t.ids[key] = id
	there, err := false, error(nil)
	if p, ok := t.waiting.find(id); ok {
		t.st.keyOf.Int(1, int64(p))
		there, err = eventOfKey(t.st.keyOf, key, found)
	} else if !t.filter.lacks(id) {
		t.st.key.Bytes(1, id[:])
		there, err = eventOfKey(t.st.key, key, found)
	}
	if err != nil || there || !t.texts {
		return err
	}
	t.st.textKey.Text(1, key)
	_, err = eventOfKey(t.st.textKey, key, found)
	return err
}

// eventOfKey runs a statement that finds the event that came with a key, and tells whether there is one.
func eventOfKey(s *engine.Stmt, key string, found func(journal.Key)) (there bool, err error) {
	err = each(s, func() error {
		there = true
		k := journal.Key{Key: key, Position: consent.Position(s.Number(1)), At: time.Unix(0, s.Number(2)).UTC()}
		copy(k.Digest[:], s.Blob(0))
		copy(k.Leaf[:], s.Blob(3))
		found(k)
		return nil
	})
	return there, err
}

// keysAtOnce is how many keys go into the index at a time while there is nothing else to do, and so how many somebody waits for who comes then.
const keysAtOnce = 16

// meanwhile puts some keys into the index, up to twice as many as there are events. It tells whether it did.
func (t *transaction) meanwhile() bool {
	left := t.waiting.going.left()[t.went:]
	n := min(keysAtOnce, len(left), 2*t.ahead.shown-t.went)
	if n <= 0 || t.ahead.failed != nil {
		return false
	}
	t.ahead.failed = t.enter(left[:n])
	return true
}

// enter puts the next keys that are going there into the index.
func (t *transaction) enter(ids []journal.KeyID) error {
	for _, id := range ids {
		t.filter.add(id)
		t.st.addKey.Bytes(1, id[:])
		t.st.addKey.Int(2, int64(t.waiting.going.keys[id]))
		if err := t.st.addKey.Run(); err != nil {
			return fmt.Errorf("an idempotency key cannot go into its index: %w", err)
		}
	}
	t.went += len(ids)
	return nil
}

// index takes the keys of a batch. Of those that are going into the index at least as many are there with it as events are in the transaction, so that
// they all are before many others wait.
func (t *transaction) index(d *journal.Delta) error {
	for _, k := range d.Keys {
		t.added[t.ids[k.Key]] = k.Position
	}
	t.owed += len(d.Events)
	w := &t.waiting
	left := w.going.left()[t.went:]
	n := min(len(left), max(0, t.owed-t.went))
	if err := t.enter(left[:n]); err != nil {
		return err
	}
	switch {
	case n < len(left):
	case len(w.keys)+len(t.added) == 0:
		t.keyed = int64(d.Head.Position)
	case w.going != nil:
		t.keyed = int64(w.going.until)
	}
	return nil
}

// committed remembers what waits from now on.
func (t *transaction) committed() {
	w := &t.waiting
	w.position, w.root = t.head.Position, t.head.Root
	maps.Copy(w.keys, t.added)
	if w.going != nil {
		if w.going.gone += t.went; len(w.going.left()) == 0 {
			w.going = nil
		}
	}
	switch {
	case len(w.keys) == 0:
		w.from = w.position
	case w.going == nil && w.position-w.from >= lateKeys:
		w.going = &going{keys: w.keys, until: w.position}
		w.keys, w.from = make(map[journal.KeyID]consent.Position, len(w.keys)), w.position
	}
}
