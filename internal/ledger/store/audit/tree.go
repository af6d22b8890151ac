package audit

import (
	"context"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

// tree recomputes the Merkle tree over the rows of a log.
type tree struct {
	report  *Report
	head    Head
	options Options
	replay  *replay

	frontier proof.Frontier
	built    []proof.Node
	at       time.Time
	next     consent.Position
	told     time.Time
}

const tellEvery = 200 * time.Millisecond

// row takes the next place of the log.
func (t *tree) row(row Row) error {
	if t.next == 0 {
		t.begin()
	}
	p := row.Position
	switch {
	case p < t.next:
		t.report.add(p, "the position stands twice, or out of order")
		return nil
	case p > t.next:
		t.report.add(t.next, "%d entries are missing", p-t.next)
	}
	// What follows a gap is still looked at: each place by itself.
	t.next = p + 1
	if now := time.Now(); now.Sub(t.told) >= tellEvery {
		t.told = now
		t.options.Progress("entries", p, t.head.Position)
	}
	entry, ok := t.entry(&row)
	var nodes []proof.Node
	t.frontier, nodes = t.frontier.Append(row.Leaf)
	t.built = append(t.built, nodes...)
	t.compare()
	if t.replay == nil {
		return nil
	}
	if !ok {
		t.replay.gone(&row)
		return nil
	}
	t.replay.event(&row, &entry)
	return nil
}

// entry checks one place by itself. It gives false where there is nothing to fold.
func (t *tree) entry(row *Row) (store.Entry, bool) {
	p := row.Position
	if row.Entry == nil && row.Salt == nil {
		t.report.Erased++
		return store.Entry{}, false
	}
	if row.Entry == nil || len(row.Salt) != proof.SaltSize {
		t.report.add(p, "the entry or its salt is missing: an erasure deletes both")
		return store.Entry{}, false
	}
	if proof.Leaf(proof.Salt(row.Salt), row.Entry) != row.Leaf {
		t.report.add(p, "the entry, its salt or its leaf was changed: the leaf is not the hash of the others")
		return store.Entry{}, false
	}
	entry, err := store.DecodeEntry(row.Entry)
	switch {
	case err != nil:
		t.report.add(p, "the entry cannot be read")
		return store.Entry{}, false
	case entry.Event.Position != p:
		t.report.add(p, "the entry of position %d stands here", entry.Event.Position)
		return store.Entry{}, false
	case entry.Event.At.Before(t.at):
		t.report.add(p, "the entry is older than the one before it")
	}
	t.at = entry.Event.At
	return entry, true
}

// begin refuses checkpoints of other ledgers.
func (t *tree) begin() {
	for _, c := range t.options.Checkpoints {
		if c.Origin != proof.Origin(t.head.KeyID, c.Epoch()) {
			t.report.add(0, "the checkpoint of %d entries is of another ledger: %s", c.Size, c.Origin)
		}
	}
	t.next = 1
	t.compare() // with checkpoints of the empty log
}

// compare compares the root at this size with checkpoints of it.
func (t *tree) compare() {
	for _, c := range t.options.Checkpoints {
		if c.Size == t.frontier.Size() && c.Root != t.frontier.Root() {
			t.report.add(c.Size, "the log was rewritten somewhere up to here: the ledger signed another root for this size (epoch %s)", c.Epoch())
		}
	}
}

// end checks the end of the log.
func (t *tree) end() {
	if t.next == 0 {
		t.begin()
	}
	r, h := t.report, &t.head
	r.Size, r.Root = t.frontier.Size(), proof.Format(t.frontier.Root())
	if last := t.next - 1; last < h.Position {
		r.add(last+1, "the log ends before its head at position %d", h.Position)
	} else if last > h.Position {
		r.add(h.Position+1, "the log goes on after its head")
	}
	for _, c := range t.options.Checkpoints {
		if c.Size > h.Position {
			r.add(h.Position+1, "the ledger signed a log of %d entries (epoch %s): the newest are missing here, because it was cut or an older backup was restored",
				c.Size, c.Epoch())
		}
	}
	if t.replay == nil {
		if h.Root != t.frontier.Root() {
			r.add(0, "the leaves come to another root than is signed at the end")
		}
		return
	}
	frontier, err := proof.ParseFrontier(h.Frontier)
	switch {
	case err != nil:
		r.add(0, "%v", err)
	case frontier.Size() != h.Position:
		r.add(0, "the frontier is that of a log of %d entries", frontier.Size())
	case frontier.Root() != h.Root:
		r.add(0, "the root in the head is not that of the frontier")
	case !frontier.Equal(t.frontier):
		r.add(0, "the frontier is not that of the leaves: one of the two was changed")
	}
}

// nodes compares the nodes that are kept with those that the leaves come to.
func (t *tree) nodes(ctx context.Context, db Database) error {
	want := map[[2]uint64]proof.Hash{}
	for _, n := range t.built {
		want[[2]uint64{uint64(n.Level), n.Index}] = n.Hash
	}
	var wrong proof.Node
	found := false
	err := db.Nodes(ctx, func(n proof.Node) error {
		key := [2]uint64{uint64(n.Level), n.Index}
		hash, ok := want[key]
		delete(want, key)
		if (!ok || hash != n.Hash) && (!found || n.Index<<n.Level < wrong.Index<<wrong.Level) {
			wrong, found = n, true
		}
		return nil
	})
	if err != nil {
		return err
	}
	if found {
		t.report.add(consent.Position(wrong.Index<<wrong.Level+1), "a leaf from here to position %d was changed, or the node of level %d over them",
			(wrong.Index+1)<<wrong.Level, wrong.Level)
	}
	for key := range want {
		t.report.add(consent.Position(key[1]<<key[0]+1), "the node of level %d over the leaves from here is missing", key[0])
	}
	return nil
}
