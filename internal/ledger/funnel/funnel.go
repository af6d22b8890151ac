package funnel

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/stream"
)

// Key names a cell.
type Key struct {
	Touchpoint string
	Notice     consent.NoticeID
}

// Counts are acts of people, not people: whoever is asked twice counts twice.
type Counts struct {
	Asked, Given, Confirmed, Refused, Deferred, Withdrawn int64
}

// Cell is the counts of one touchpoint and wording.
type Cell struct {
	Key
	Counts
}

// Store is what is counted.
type Store interface {
	Snapshot(ctx context.Context, visit func(store.Person) error) (store.Head, error)
	Entries(ctx context.Context, from consent.Position, limit int) ([]store.Logged, error)
}

// Funnel counts. It is safe for concurrent use.
type Funnel struct {
	store Store
	hub   *stream.Hub
	log   *slog.Logger

	mu       sync.Mutex
	cells    map[Key]*Counts
	position consent.Position
}

// New returns a Funnel that counts once it runs.
func New(s Store, h *stream.Hub, log *slog.Logger) *Funnel {
	return &Funnel{store: s, hub: h, log: log}
}

// Counted gives the cells in order, and the position that they are about. It reports false while the log is read for the first time.
func (f *Funnel) Counted() ([]Cell, consent.Position, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cells == nil {
		return nil, 0, false
	}
	out := make([]Cell, 0, len(f.cells))
	for k, c := range f.cells {
		out = append(out, Cell{k, *c})
	}
	slices.SortFunc(out, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(a.Touchpoint, b.Touchpoint), cmp.Compare(a.Notice, b.Notice))
	})
	return out, f.position, true
}

// retry is how long to wait after the store failed.
const retry = 5 * time.Second

// Run counts until ctx ends or the hub does. What it missed, or could not read, it counts anew.
func (f *Funnel) Run(ctx context.Context) {
	for ctx.Err() == nil {
		err := f.follow(ctx)
		switch {
		case errors.Is(err, stream.ErrEnded), ctx.Err() != nil:
			return
		case errors.Is(err, stream.ErrBehind):
			continue
		}
		f.log.Warn("the funnel cannot be counted; it is tried again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
	}
}

func (f *Funnel) follow(ctx context.Context) error {
	tap := f.hub.Tap()
	defer tap.Close()
	cells, head, err := f.read(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.cells, f.position = cells, head
	f.mu.Unlock()
	for {
		changes, err := tap.Next(ctx)
		if err != nil {
			return err
		}
		if !f.take(changes) {
			return stream.ErrBehind
		}
	}
}

// take counts changes. It reports false for one that does not follow the one before: what is between was missed, and is counted anew.
func (f *Funnel) take(changes []store.Change) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range changes {
		switch c := &changes[i]; {
		case c.Event.Position <= f.position:
		case c.Event.Position > f.position+1:
			return false
		default:
			f.change(c)
		}
	}
	return true
}

// page is how many places of the log are read at once.
const page = 1000

// read counts the log as it is. What was done to a grant is counted from the records, which know of which grant a withdrawal was.
func (f *Funnel) read(ctx context.Context) (map[Key]*Counts, consent.Position, error) {
	cells := map[Key]*Counts{}
	group, seen := int64(0), map[consent.Position]bool{}
	head, err := f.store.Snapshot(ctx, func(p store.Person) error {
		if p.Group != group {
			group = p.Group
			clear(seen)
		}
		for i := range p.Record.Grants {
			g := &p.Record.Grants[i]
			if seen[g.Position] {
				continue // the same grant under another identifier
			}
			seen[g.Position] = true
			c := at(cells, g.Touchpoint, g.Notice)
			if g.Confirmed != 0 {
				c.Confirmed++
			}
			if g.Status == consent.StatusWithdrawn {
				c.Withdrawn++
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	for from := consent.Position(1); from <= head.Position; {
		entries, err := f.store.Entries(ctx, from, page)
		if err != nil {
			return nil, 0, err
		}
		if len(entries) == 0 {
			return nil, 0, errors.New("the log ends before its head")
		}
		for _, l := range entries {
			if l.Position > head.Position {
				break
			}
			if l.Entry == nil {
				continue // erased
			}
			e, err := store.DecodeEntry(l.Entry)
			if err != nil {
				return nil, 0, err
			}
			said(cells, &e.Event)
		}
		from = entries[len(entries)-1].Position + 1
	}
	return cells, head.Position, nil
}

// change counts one change.
func (f *Funnel) change(c *store.Change) {
	f.position = c.Event.Position
	said(f.cells, &c.Event)
	seen := map[consent.Position]bool{}
	for i := range c.People {
		for j := range c.People[i].Record.Grants {
			g := &c.People[i].Record.Grants[j]
			confirmed := g.Confirmed == c.Event.Position
			withdrawn := g.Status == consent.StatusWithdrawn && slices.Contains(g.EndedBy, c.Event.Position) && !ended(g, c.Event.Position)
			if seen[g.Position] || (!confirmed && !withdrawn) {
				continue
			}
			seen[g.Position] = true
			cell := at(f.cells, g.Touchpoint, g.Notice)
			if confirmed {
				cell.Confirmed++
			}
			if withdrawn {
				cell.Withdrawn++
			}
		}
	}
}

// ended tells whether a grant had ended before a position.
func ended(g *consent.Grant, p consent.Position) bool {
	return slices.ContainsFunc(g.EndedBy, func(e consent.Position) bool { return e < p })
}

// said counts what an event says by itself.
func said(cells map[Key]*Counts, e *consent.Event) {
	switch e.Type {
	case consent.EventAsked:
		at(cells, e.Touchpoint, e.Notice).Asked++
	case consent.EventGiven, consent.EventWidened:
		at(cells, e.Touchpoint, e.Notice).Given++
	case consent.EventRefused:
		at(cells, e.Touchpoint, e.Notice).Refused++
	case consent.EventDeferred:
		at(cells, e.Touchpoint, e.Notice).Deferred++
	default:
	}
}

func at(cells map[Key]*Counts, touchpoint string, n consent.NoticeID) *Counts {
	k := Key{touchpoint, n}
	if cells[k] == nil {
		cells[k] = &Counts{}
	}
	return cells[k]
}
