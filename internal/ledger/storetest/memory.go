package storetest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store/journal"
)

// Memory is a database of a journal that keeps everything in maps. Stores are compared with it: what a log comes to must not depend on
// who keeps it.
type Memory struct {
	// BeforeCommit and AfterCommit may fail a commit: before anything of it is there, and after all of it. Both may be nil, and are set
	// before the first transaction, or within one. Refuse may refuse to write.
	BeforeCommit, AfterCommit func() error
	Refuse                    func(*journal.Delta) error

	mu         sync.Mutex // held by a transaction
	head       journal.Head
	identities map[int64]journal.Identity
	tags       map[consent.Tag]int64
	links      []consent.Link
	keys       map[string]journal.Key
	events     []journal.Event
}

// NewMemory returns an empty database.
func NewMemory() *Memory {
	return &Memory{identities: map[int64]journal.Identity{}, tags: map[consent.Tag]int64{}, keys: map[string]journal.Key{}}
}

// Begin implements journal.Database.
func (m *Memory) Begin(context.Context) (journal.Tx, error) {
	m.mu.Lock()
	return &memoryTx{m: m}, nil
}

// Record gives the effective record of whom a tag names.
func (m *Memory) Record(tag consent.Tag) *consent.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.load([]consent.Tag{tag})
	return l.Effective(tag)
}

// Tags gives all tags.
func (m *Memory) Tags() []consent.Tag {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.tags))
}

func (m *Memory) load(tags []consent.Tag) (out journal.Loaded) {
	clusters := map[int64]bool{}
	for _, t := range tags {
		if id := m.tags[t]; id != 0 {
			clusters[m.identities[id].Cluster] = true
		}
	}
	for _, id := range m.identities {
		if clusters[id.Cluster] {
			out.Identities = append(out.Identities, id)
		}
	}
	out.Links = slices.Clone(m.links)
	return out
}

type memoryTx struct {
	m     *Memory
	delta *journal.Delta
	ended bool
}

// Head implements journal.Tx.
func (t *memoryTx) Head(context.Context) (journal.Head, error) { return t.m.head, nil }

// Load implements journal.Tx.
func (t *memoryTx) Load(_ context.Context, tags []consent.Tag, keys []string) (journal.Loaded, error) {
	out := t.m.load(tags)
	for _, k := range keys {
		if key, ok := t.m.keys[k]; ok {
			out.Keys = append(out.Keys, key)
		}
	}
	return out, nil
}

// Leaf implements journal.Tx.
func (t *memoryTx) Leaf(_ context.Context, p consent.Position) (proof.Hash, error) {
	return t.m.events[p-1].Leaf, nil
}

// Write implements journal.Tx.
func (t *memoryTx) Write(_ context.Context, d *journal.Delta) error {
	if t.m.Refuse != nil {
		if err := t.m.Refuse(d); err != nil {
			return err
		}
	}
	t.delta = d
	return nil
}

// Commit implements journal.Tx.
func (t *memoryTx) Commit(context.Context) error {
	defer t.Rollback()
	for _, step := range []func() error{t.m.BeforeCommit, t.apply, t.m.AfterCommit} {
		if step == nil {
			continue
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (t *memoryTx) apply() error {
	m, d := t.m, t.delta
	m.head = d.Head
	for _, id := range slices.Concat(d.Added, d.Changed) {
		m.identities[id.ID] = id
	}
	for _, tag := range d.Tags {
		m.tags[tag.Tag] = tag.ID
	}
	m.links = slices.DeleteFunc(m.links, func(k consent.Link) bool { return slices.Contains(d.Unlinked, k) })
	m.links = append(m.links, d.Links...)
	m.events = append(m.events, d.Events...)
	for _, k := range d.Keys {
		m.keys[k.Key] = k
	}
	return nil
}

// Rollback implements journal.Tx.
func (t *memoryTx) Rollback() {
	if !t.ended {
		t.ended = true
		t.m.mu.Unlock()
	}
}

// clock is one that is set.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }
