package store

import (
	"context"
	"errors"
	"time"

	"github.com/optup/optup/internal/consent"
)

// ErrIdempotency reports an idempotency key that was used before with another content (HTTP 409).
var ErrIdempotency = errors.New("the idempotency key was used with another content; choose a new key")

// ErrKey reports a database whose tags were made with another key; nobody could be found in it.
var ErrKey = errors.New("the data was written with another root key; restore that key, a new one loses the link to every consent")

// ErrClosed reports a store that is closing, or that refuses to go on after a commit with an unknown outcome.
var ErrClosed = errors.New("the ledger's store is closed; try again later")

// Append is one event to append about the person whom any of the tags names.
type Append struct {
	// Tags are those of one identifier in all its forms; at least one. Tags that are new are added to the person.
	Tags []consent.Tag
	// Plain tells that the plain form of every identifier is among the tags, or that all tags are known. Without it somebody may be known by a
	// hash alone from now on.
	Plain bool
	// Event is what happened. Position and At are set by the store.
	Event consent.Event
	// Key is the idempotency key, scoped by the caller; empty for none. Digest stands for the content that came with it.
	Key    string
	Digest [32]byte
}

// Result is the place that an event got. It is durable.
type Result struct {
	Position consent.Position
	At       time.Time
	// Replayed tells that the event had been appended before, with the same idempotency key.
	Replayed bool
}

// Head is the end of the log.
type Head struct {
	// Epoch is random and chosen once per database; another one means that the log is another log.
	Epoch    string
	Position consent.Position
	// At is the time of the newest event; zero if there is none. It never goes back.
	At time.Time
	// Hashed tells that somebody may be known by a hashed identifier alone: some event was appended with one. It is never taken back.
	Hashed bool
}

// Person is one person: all tags, and the record. Records are shared and must not be changed.
type Person struct {
	Tags   []consent.Tag
	Record *consent.Record
}

// Change is what one event made of one person.
type Change struct {
	Person
	// Event is the event with its position and time.
	Event consent.Event
	// Hashed tells that the Append was not Plain.
	Hashed bool
}

// Store keeps a ledger. Implementations are safe for concurrent use, and promise:
//
//   - Append acknowledges only what survives a crash of the process and of the machine.
//   - Positions start at 1, ascend by 1 and follow the order of commits; an event that is refused takes no position.
//   - consent.Admit holds for every event, checked against the record in the same transaction; its errors are passed on
//     (consent.ErrInvalid, consent.ErrConflict).
//   - The same key with the same digest gives the first result again; with another digest ErrIdempotency.
//   - Tags that turn out to name one person merge: the events of both are folded in their order, so a restriction of either holds.
//   - The function given to Watch sees every change once, in the order of positions, after its commit and before its
//     acknowledgement.
type Store interface {
	// Append appends events in their order, each admitted by itself: the errors are those of single events, nil for appended
	// ones. The second result fails for all of them. Events of one call may share a commit with those of others.
	Append(ctx context.Context, events ...Append) ([]Result, []error, error)
	// Head reads the end of the log from the database, never from memory.
	Head(ctx context.Context) (Head, error)
	// Lookup gives the record of whom a tag names; the zero Record for nobody.
	Lookup(ctx context.Context, tag consent.Tag) (*consent.Record, error)
	// Snapshot visits every person as of one head, in no order. An error of visit ends it.
	Snapshot(ctx context.Context, visit func(Person) error) (Head, error)
	Uses
	// Watch sets the function that sees changes. It must not block, and it is set once, before the first append.
	Watch(func([]Change))
	// Close waits for what is being appended and closes the database.
	Close() error
}
