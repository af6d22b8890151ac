package sqlite

import (
	"context"
	"slices"
	"sync"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/internal/ledger/store/sqlite/engine"
)

// Write implements journal.Tx. Records are encoded while the log is written, and are when it returns: what it is given is then used for others.
func (t *transaction) Write(ctx context.Context, d *journal.Delta) error {
	a, rest := &t.ahead, d.Added[t.ahead.added:]
	var records *encoded
	var encoding sync.WaitGroup
	if len(rest)+len(d.Changed) < parallel {
		records = encode(rest, d.Changed)
	} else {
		encoding.Go(func() { records = encode(rest, d.Changed) })
	}
	defer func() {
		encoding.Wait()
		records.done()
	}()
	if err := t.settle(); err != nil {
		return told(err)
	}
	if err := t.log(d.Events[a.events:], d.Nodes, d.Keys[a.keys:]); err != nil {
		return told(err)
	}
	if err := t.tags(d.Tags[a.tags:]); err != nil {
		return told(err)
	}
	if err := t.index(d); err != nil {
		return told(err)
	}
	encoding.Wait()
	if err := t.people(d, rest, records); err != nil {
		return told(err)
	}
	if err := t.erase(ctx, d); err != nil {
		return err
	}
	if err := t.keys.attach(ctx, t, d.Outlived()); err != nil {
		return err
	}
	return told(t.setHead(d))
}

// parallel is how many records are worth a goroutine.
const parallel = 16

// encoded are the records of identities, one after the other, in memory that others use after them.
type encoded struct {
	raw    [][]byte
	memory []byte
	err    error
}

var encodings = sync.Pool{New: func() any { return &encoded{} }}

func encode(lists ...[]journal.Identity) *encoded {
	out, _ := encodings.Get().(*encoded)
	out.raw, out.memory, out.err = out.raw[:0], out.memory[:0], nil
	for _, all := range lists {
		for i := range all {
			at := len(out.memory)
			if out.memory, out.err = journal.AppendRecord(out.memory, all[i].Record); out.err != nil {
				return out
			}
			out.raw = append(out.raw, out.memory[at:])
		}
	}
	return out
}

// maxMemory bounds what is kept for others, in bytes.
const maxMemory = 1 << 20

func (e *encoded) done() {
	if clear(e.raw); cap(e.memory) <= maxMemory {
		encodings.Put(e)
	}
}

func (t *transaction) add(all []journal.Identity, records *encoded) error {
	if records.err != nil {
		return records.err
	}
	return setIdentities(t.st.addIdentity, all, records.raw[:len(all)])
}

// people writes the identities that changed, and some that were added.
func (t *transaction) people(d *journal.Delta, added []journal.Identity, records *encoded) error {
	if err := t.add(added, records); err != nil {
		return err
	}
	if err := setIdentities(t.st.setIdentity, d.Changed, records.raw[len(added):]); err != nil {
		return err
	}
	if err := setLinks(t.st.dropLink, d.Unlinked); err != nil {
		return err
	}
	return setLinks(t.st.addLink, d.Links)
}

func (t *transaction) tags(all []journal.TaggedID) error {
	for i := range all {
		t.st.addTag.Bytes(1, all[i].Tag[:])
		t.st.addTag.Int(2, all[i].ID)
		if err := t.st.addTag.Run(); err != nil {
			return err
		}
	}
	return nil
}

func setIdentities(s *engine.Stmt, all []journal.Identity, records [][]byte) error {
	for i := range all {
		id := &all[i]
		s.Int(1, id.ID)
		s.Int(2, id.Cluster)
		s.Text(3, string(id.Type))
		s.Bytes(4, journal.JoinTags(id.Tags))
		s.Bytes(5, records[i])
		s.Int(6, int64(id.Latest))
		if err := s.Run(); err != nil {
			return err
		}
	}
	return nil
}

func setLinks(s *engine.Stmt, all []consent.Link) error {
	for _, k := range all {
		s.Int(1, k.ID)
		s.Int(2, int64(k.Position))
		if err := s.Run(); err != nil {
			return err
		}
	}
	return nil
}

// log writes what is never changed again.
func (t *transaction) log(events []journal.Event, nodes []proof.Node, keys []journal.Key) error {
	for i := range events {
		var key *journal.Key
		if len(keys) > 0 && keys[0].Position == events[i].Position {
			key, keys = &keys[0], keys[1:]
		}
		if err := t.event(&events[i], key); err != nil {
			return err
		}
	}
	for i := range nodes {
		t.st.addNode.Int(1, int64(nodes[i].Level))
		t.st.addNode.Int(2, int64(nodes[i].Index))
		t.st.addNode.Bytes(3, nodes[i].Hash[:])
		if err := t.st.addNode.Run(); err != nil {
			return err
		}
	}
	return nil
}

func (t *transaction) event(e *journal.Event, key *journal.Key) error {
	s := t.st.addEvent
	s.Int(1, int64(e.Position))
	s.Bytes(4, e.Leaf[:])
	switch {
	case e.Entry == nil: // it was erased in the log that this one is a copy of
		s.Null(2)
		s.Null(3)
	case e.Leaf == (proof.Hash{}): // a journal without proofs
		s.Bytes(2, e.Entry)
		s.Null(3)
		s.Bytes(4, nil)
	default:
		s.Bytes(2, e.Entry)
		s.Bytes(3, e.Salt[:])
	}
	others := e.Named
	if len(e.Named) == 0 {
		s.Null(5)
		s.Null(6)
	} else {
		s.Int(5, e.Named[0])
		s.Int(6, int64(e.Previous))
		others = e.Named[1:]
	}
	if key == nil {
		s.Null(7)
		s.Null(8)
		s.Null(9)
	} else {
		id := t.ids[key.Key]
		s.Bytes(7, id[:])
		s.Bytes(8, key.Digest[:])
		s.Int(9, key.At.UnixNano())
	}
	if err := s.Run(); err != nil {
		return err
	}
	for named, all := range [][]int64{e.Touched, others} {
		for _, id := range all {
			t.st.addNamed.Int(1, id)
			t.st.addNamed.Int(2, int64(e.Position))
			t.st.addNamed.Int(3, int64(named))
			if err := t.st.addNamed.Run(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *transaction) erase(ctx context.Context, d *journal.Delta) error {
	identities := make([]int64, len(d.Erased))
	for i, e := range d.Erased {
		t.st.eraseEvents.Int(1, e.Identity)
		t.st.eraseEvents.Int(2, int64(e.Before))
		if err := t.st.eraseEvents.Run(); err != nil {
			return told(err)
		}
		identities[i] = e.Identity
	}
	return t.keys.erase(ctx, t, identities)
}

func (t *transaction) setHead(d *journal.Delta) error {
	frontier, err := d.Head.Frontier.MarshalBinary()
	if err != nil {
		return err
	}
	hashed := int64(0)
	if d.Head.Hashed {
		hashed = 1
	}
	if err := t.st.setHead.Set(int64(d.Head.Position), d.Head.At.UnixNano(), hashed, frontier, d.Head.LastID, t.keyed); err != nil {
		return err
	}
	t.head = d.Head
	return t.st.setHead.Run()
}

// exec implements within.
func (t *transaction) exec(_ context.Context, query string, args ...any) error {
	s, err := t.conn.Rare(query)
	if err == nil {
		err = s.Set(args...)
	}
	if err != nil {
		return told(err)
	}
	return told(s.Run())
}

// values implements within.
func (t *transaction) values(_ context.Context, query string, args ...any) (out [][]byte, err error) {
	s, err := t.conn.Rare(query)
	if err == nil {
		err = s.Set(args...)
	}
	if err != nil {
		return nil, told(err)
	}
	err = each(s, func() error {
		out = append(out, slices.Clone(s.Blob(0)))
		return nil
	})
	return out, err
}
