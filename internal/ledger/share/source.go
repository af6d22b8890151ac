package share

import (
	"context"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// Identity is what is known under one identifier of a person.
type Identity struct {
	// Tags are those of the identifier's forms, at least one.
	Tags []consent.Tag
	// Group is the same for all identities of one person; 0 for one that has no others.
	Group uint64
	// Type is that of the identifier; empty where it is not known.
	Type consent.IdentifierType
	// Record is the effective one.
	Record *consent.Record
}

// Change is what one event made of some identities.
type Change struct {
	Position   consent.Position
	At         time.Time
	Identities []Identity
}

// Source is where people come from.
type Source interface {
	Head(ctx context.Context) (store.Head, error)
	// Snapshot visits every identity as of one head, in no order. What it gives stays as it is.
	Snapshot(ctx context.Context, visit func(Identity) error) (store.Head, error)
}

// Scanner is a source that shows everybody from several goroutines at the same time, each with a visit of its own. What that is given is for
// the time of the call alone (see store.Scanner).
type Scanner interface {
	Scan(ctx context.Context, begin func() (visit func(Identity) error)) (store.Head, error)
}

// From makes a source of a store.
func From(s store.Store) Source {
	if scans, ok := s.(store.Scanner); ok {
		return scanned{source{s}, scans}
	}
	return source{s}
}

type source struct{ store.Store }

type scanned struct {
	source
	scans store.Scanner
}

// Scan implements Scanner.
func (s scanned) Scan(ctx context.Context, begin func() func(Identity) error) (store.Head, error) {
	return s.scans.Scan(ctx, func() func(store.Person) error {
		visit := begin()
		return func(p store.Person) error { return visit(identityOf(p)) }
	})
}

func (s source) Snapshot(ctx context.Context, visit func(Identity) error) (store.Head, error) {
	return s.Store.Snapshot(ctx, func(p store.Person) error { return visit(identityOf(p)) })
}

func identityOf(p store.Person) Identity {
	return Identity{Tags: p.Tags, Group: uint64(p.Group), Type: p.Type, Record: p.Record}
}

// appendChanges appends what a store's changes say here.
func appendChanges(to []Change, changes []store.Change) []Change {
	n := 0
	for i := range changes {
		n += len(changes[i].People)
	}
	identities := make([]Identity, 0, n) // of all together
	to = slices.Grow(to, len(changes))
	for i := range changes {
		from := len(identities)
		for j := range changes[i].People {
			identities = append(identities, identityOf(changes[i].People[j]))
		}
		to = append(to, Change{Position: changes[i].Event.Position, At: changes[i].Event.At, Identities: identities[from:]})
	}
	return to
}
