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

// ErrFull reports that a database has no room left. Nothing was appended; what is there can be read.
var ErrFull = errors.New("the ledger's storage is full, so nothing can be written; give it more room and try again")

// ErrEpoch reports a log that is in another epoch than the caller thinks.
var ErrEpoch = errors.New("the log is in another epoch; read the head again, and compare")

// ErrReadOnly reports a database that takes no writes. Nothing was appended; what is there can be read.
var ErrReadOnly = errors.New("the ledger's database takes no writes, so nothing can be written; make it writable and try again")

// Identity is one identifier of a person: the tags of its forms.
type Identity struct {
	// Tags are those of one identifier in all forms that are known; at least one. Those that are new are added to the identity.
	Tags []consent.Tag
	// Type says what the identifier is. It may be empty if one of the tags is known.
	Type consent.IdentifierType
	// Plain tells that the plain form is among the tags, and then it is the first one, or that all tags are known. Without it somebody
	// may be known by a hash alone from now on.
	Plain bool
	// Scheme is the one under which the tags were made from an identifier; the zero one for tags of somebody who is known. Twice tells that the
	// second half of the tags are those of the first half under another key, and First are those under the first key.
	Scheme Scheme
	Twice  bool
	First  []consent.Tag
}

// Append is one event to append.
type Append struct {
	// Identities are those under which the person acted; at least one. Several become linked by that (see consent.Links). What the
	// event permits holds for these alone, what it restricts for all that are linked with them.
	Identities []Identity
	// Event is what happened. Position and At are set by the store.
	Event consent.Event
	// Key is the idempotency key, scoped by the caller; empty for none. Digest stands for the content that came with it.
	Key    string
	Digest [32]byte
	// Attachments are kept together with the event (see Vault). They are of the first of the identities.
	Attachments []Attachment
}

// Result is the place that an event got. It is durable, and it can be proven at once: the log of Size entries with this Root has Leaf
// at Position.
type Result struct {
	Position consent.Position
	At       time.Time
	// Replayed tells that the event had been appended before, with the same idempotency key.
	Replayed   bool
	Leaf, Root [32]byte
	Size       consent.Position
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
	// Root is the Merkle root of the log that ends at Position (see package proof).
	Root [32]byte
	// Scheme says under which keys tags are made, since Rekeyed; zero times for a log whose key never changed. A glance leaves both out.
	Scheme  Scheme
	Rekeyed time.Time
}

// Person is one identity of a person. Records are shared and must not be changed.
type Person struct {
	// Group is the same number for all identities of one person. It may be another one after the next event about them.
	Group int64
	Tags  []consent.Tag
	// Type is that of the identifier.
	Type consent.IdentifierType
	// Record is the effective one: with what restricts the person under other identities.
	Record *consent.Record
}

// Change is what one event came to.
type Change struct {
	// People are the identities that the event names, and all others whose effective record it changed.
	People []Person
	// Event is the event with its position and time.
	Event consent.Event
	// Hashed tells that some identity of the Append was not Plain.
	Hashed bool
	// Root is that of the log which ends with the event, on the last change of those that are handed on together. On others it is
	// zero.
	Root [32]byte
}

// Glancer is a store that gives its head for less.
type Glancer interface {
	// Glance is Head without the root. What it gives was read from the database after it was called, on behalf of several callers perhaps.
	Glance(ctx context.Context) (Head, error)
}

// Scanner is a store that shows everybody for less than Snapshot, to who looks at each person once and keeps nothing.
type Scanner interface {
	// Scan visits every identity as of one head, from several goroutines at the same time. Each has a function of its own, which begin gives.
	// What that is given is for the time of the call alone. Those of one person follow each other in one goroutine. An error ends it.
	Scan(ctx context.Context, begin func() (visit func(Person) error)) (Head, error)
}

// Store keeps a ledger. Implementations are safe for concurrent use, and promise:
//
//   - Append acknowledges only what survives a crash of the process and of the machine.
//   - Positions start at 1, ascend by 1 and follow the order of commits; an event that is refused takes no position.
//   - consent.Links.Admit holds for every event, checked in the same transaction; its errors are passed on (consent.ErrInvalid,
//     consent.ErrConflict).
//   - The same key with the same digest gives the first position again; with another digest ErrIdempotency.
//   - A restriction holds for every identity that is linked with the one it was made under, as consent.Links says.
//   - The function given to Watch sees every change once, in the order of positions, after its commit and before its
//     acknowledgement.
//   - An erased event deletes entry and salt of every earlier event of the person. Their leaves stay, and with them all proofs.
type Store interface {
	// Append appends events in their order, each admitted by itself: the errors are those of single events, nil for appended
	// ones. The second result fails for all of them. Events of one call may share a commit with those of others.
	Append(ctx context.Context, events ...Append) ([]Result, []error, error)
	// Head reads the end of the log from the database, never from memory.
	Head(ctx context.Context) (Head, error)
	// Adopt lets a log that is in an epoch go on in another, new one, which it gives: an operator has compared a restored log and takes it as
	// it is. Nothing else changes. It fails with ErrEpoch if the log is in another epoch already.
	Adopt(ctx context.Context, epoch string) (Head, error)
	// Lookup gives the effective record of the identity that a tag names; the zero Record for nobody.
	Lookup(ctx context.Context, tag consent.Tag) (*consent.Record, error)
	// Snapshot visits every identity as of one head; those of one person follow each other. An error of visit ends it.
	Snapshot(ctx context.Context, visit func(Person) error) (Head, error)
	Uses
	Proofs
	Vault
	Rotations
	// Watch sets the function that sees changes. It must not block, and it is set once, before the first append.
	Watch(func([]Change))
	// Close waits for what is being appended and closes the database.
	Close() error
}
