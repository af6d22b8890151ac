package recall

import (
	"context"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

const (
	// DefaultLimit bounds what is kept, in bytes as callers weigh it.
	DefaultLimit = 24 << 20
	// overhead is about what a place in memory costs besides.
	overhead = 160
	// lasting bounds how long anything is kept: a database that was exchanged beneath a running replica may go unnoticed for no longer.
	lasting = time.Minute
)

// Memory keeps one value for each of many tags. It is safe for concurrent use.
type Memory[V any] struct {
	store store.Store
	limit int

	mu sync.Mutex
	// seen is the position up to which every change was taken into account; epoch names the log.
	seen  consent.Position
	epoch string
	kept  map[consent.Tag]*place[V]
	size  int
	// reading are whose records are being read now.
	reading map[consent.Tag]*reading
}

type place[V any] struct {
	value V
	size  int
	since time.Time
}

type reading struct {
	readers int
	// stale tells that the record was changed since somebody began to read it.
	stale bool
}

// New returns a memory of a store, whose changes it is told by Changed from now on. It keeps at most limit bytes.
func New[V any](ctx context.Context, s store.Store, limit int) (*Memory[V], error) {
	m := &Memory[V]{store: s, limit: limit, kept: map[consent.Tag]*place[V]{}, reading: map[consent.Tag]*reading{}}
	h, err := s.Head(ctx)
	m.seen, m.epoch = h.Position, h.Epoch
	return m, err
}

// Tell gives the store with first told of every change, before whoever watches it.
func Tell(s store.Store, first func([]store.Change)) store.Store { return told{s, first} }

type told struct {
	store.Store
	first func([]store.Change)
}

// Watch implements store.Store.
func (t told) Watch(f func([]store.Change)) {
	t.Store.Watch(func(changes []store.Change) {
		t.first(changes)
		f(changes)
	})
}

// Changed forgets whom changes name, and everybody after a gap. It is to be called before the changes are acknowledged.
func (m *Memory[V]) Changed(changes []store.Change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range changes {
		at := changes[i].Event.Position
		if at > m.seen+1 {
			m.forgetAll()
		}
		for _, p := range changes[i].People {
			for _, tag := range p.Tags {
				m.forget(tag)
			}
		}
		m.seen = max(m.seen, at)
	}
}

func (m *Memory[V]) forgetAll() {
	for tag := range m.reading {
		m.forget(tag)
	}
	clear(m.kept)
	m.size = 0
}

func (m *Memory[V]) forget(tag consent.Tag) {
	if r := m.reading[tag]; r != nil {
		r.stale = true
		delete(m.reading, tag) // whoever begins now reads the changed record
	}
	m.forgetKept(tag)
}

// Head reads the end of the log, after it was called, without its root. A log that is not the one that was seen empties the memory.
func (m *Memory[V]) Head(ctx context.Context) (store.Head, error) {
	m.mu.Lock()
	before := m.seen
	m.mu.Unlock()
	h, err := glance(ctx, m.store)
	if err != nil {
		return h, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if h.Epoch != m.epoch || h.Position < before {
		// What is committed from now on may never be told: the position stays behind until it is, and nothing is answered until then.
		m.forgetAll()
		m.epoch, m.seen = h.Epoch, h.Position
	}
	return h, nil
}

func glance(ctx context.Context, s store.Store) (store.Head, error) {
	if g, ok := s.(store.Glancer); ok {
		return g.Glance(ctx)
	}
	return s.Head(ctx)
}

// Get gives what is kept for a tag, if it is right as of a head that Head gave.
func (m *Memory[V]) Get(tag consent.Tag, h store.Head) (v V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.kept[tag]
	if p == nil || h.Position > m.seen || h.Epoch != m.epoch {
		return v, false
	}
	if time.Since(p.since) > lasting {
		m.forgetKept(tag)
		return v, false
	}
	return p.value, true
}

// Read is to be called before records are read that something is made of. What it gives ends with Keep or Drop.
func (m *Memory[V]) Read(tag consent.Tag) *Reading[V] {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.reading[tag]
	if r == nil {
		r = &reading{}
		m.reading[tag] = r
	}
	r.readers++
	return &Reading[V]{m, tag, r, time.Now()}
}

// Reading is a record that is being read.
type Reading[V any] struct {
	memory *Memory[V]
	tag    consent.Tag
	shared *reading
	since  time.Time
}

// Keep keeps what was made of the record, if that did not change meanwhile.
func (r *Reading[V]) Keep(v V, size int) {
	m := r.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	r.end()
	if size += overhead; r.shared.stale || size > m.limit/16 {
		return
	}
	m.forgetKept(r.tag)
	m.kept[r.tag] = &place[V]{v, size, r.since}
	if m.size += size; m.size > m.limit {
		m.makeRoom()
	}
}

// Drop keeps nothing.
func (r *Reading[V]) Drop() {
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	r.end()
}

func (r *Reading[V]) end() {
	if r.shared.readers--; r.shared.readers == 0 && r.memory.reading[r.tag] == r.shared {
		delete(r.memory.reading, r.tag)
	}
}

func (m *Memory[V]) forgetKept(tag consent.Tag) {
	if p := m.kept[tag]; p != nil {
		m.size -= p.size
		delete(m.kept, tag)
	}
}

// makeRoom forgets some, whoever comes first in an order that is random.
func (m *Memory[V]) makeRoom() {
	for tag := range m.kept {
		if m.size <= m.limit/16*15 {
			return
		}
		m.forgetKept(tag)
	}
}
