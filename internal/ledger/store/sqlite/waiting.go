package sqlite

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/sqlite/engine"
)

// lateKeys is after how many events the keys among them go into their index. Each lands in another place of it, so that many at a time write a
// page of it once.
const lateKeys = 4096

// waiting are the keys of the newest events, which are not in the index yet. They are in the database with their events, and only remembered here:
// for as long as the log ends where it did when they were.
type waiting struct {
	epoch    string
	position consent.Position
	root     proof.Hash
	keys     map[journal.KeyID]consent.Position
}

func (w *waiting) holds(h *journal.Head) bool {
	return w.keys != nil && w.epoch == h.Epoch && w.position == h.Position && w.root == h.Root
}

// remember takes the keys that wait from the database, unless they are known.
func (t *transaction) remember() error {
	if t.waiting.holds(&t.head) {
		return nil
	}
	t.waiting = waiting{epoch: t.head.Epoch, position: t.head.Position, root: t.head.Root}
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
	s := t.st.keyOf
	if p, ok := t.waiting.keys[id]; ok {
		s.Int(1, int64(p))
	} else {
		s = t.st.key
		s.Bytes(1, id[:])
	}
	there := false
	row := func(s *engine.Stmt) func() error {
		return func() error {
			there = true
			k := journal.Key{Key: key, Position: consent.Position(s.Number(1)), At: time.Unix(0, s.Number(2)).UTC()}
			copy(k.Digest[:], s.Blob(0))
			copy(k.Leaf[:], s.Blob(3))
			found(k)
			return nil
		}
	}
	if err := each(s, row(s)); err != nil || there || !t.texts {
		return err
	}
	t.st.textKey.Text(1, key)
	return each(t.st.textKey, row(t.st.textKey))
}

// index takes the keys of a batch, and puts all that wait into the index once there are enough events with them.
func (t *transaction) index(d *journal.Delta) error {
	for _, k := range d.Keys {
		t.added[t.ids[k.Key]] = k.Position
	}
	before := t.waiting.keys
	if t.indexed {
		before = nil
	}
	if int64(d.Head.Position)-t.keyed < lateKeys && len(before)+len(t.added) > 0 {
		return nil
	}
	maps.Copy(t.added, before)
	for _, id := range slices.SortedFunc(maps.Keys(t.added), func(a, b journal.KeyID) int { return bytes.Compare(a[:], b[:]) }) {
		t.st.addKey.Bytes(1, id[:])
		t.st.addKey.Int(2, int64(t.added[id]))
		if err := t.st.addKey.Run(); err != nil {
			return err
		}
	}
	t.keyed, t.indexed = int64(d.Head.Position), true
	clear(t.added)
	return nil
}

// committed remembers what waits from now on.
func (t *transaction) committed() {
	if t.indexed {
		t.waiting.keys = t.added
	} else {
		maps.Copy(t.waiting.keys, t.added)
	}
	t.waiting.position, t.waiting.root = t.head.Position, t.head.Root
}
