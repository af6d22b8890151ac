package journal

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

// ErrAgain reports a transaction that failed because of others, for example one that could not be serialised. It is tried again.
var ErrAgain = errors.New("the transaction has to be tried again")

// Database is what a journal needs of a database.
type Database interface {
	// Begin begins a transaction. A journal has one open at a time. Errors of it, and of the transaction's methods, may wrap ErrAgain or
	// store.ErrFull or store.ErrReadOnly.
	Begin(ctx context.Context) (Tx, error)
}

// Tx is one transaction. It is for one goroutine.
type Tx interface {
	// Head reads the head and keeps everybody else from changing it until the transaction ends. It waits for whoever does.
	Head(ctx context.Context) (Head, error)
	// Load reads what some tags and idempotency keys lead to. Both are distinct, either may be empty.
	Load(ctx context.Context, tags []consent.Tag, keys []string) (Loaded, error)
	// Write writes what became of a batch. Nothing of it is used once the transaction has ended, also where Write fails: its lists are memory for
	// the next batch.
	Write(ctx context.Context, d *Delta) error
	// Leaf reads the leaf at a position that is not beyond the head.
	Leaf(ctx context.Context, p consent.Position) (proof.Hash, error)
	// Commit makes it durable. If it fails, it may have happened all the same.
	Commit(ctx context.Context) error
	// Rollback ends the transaction; after Commit it does nothing.
	Rollback()
}

// Hopeful is a transaction that need not look for keys: the database refuses the second event of one, and then Commit or Write fail with ErrAgain.
type Hopeful interface {
	// Hope says, before Load, that Load may leave out keys that were used.
	Hope()
	// Doubts is asked where an event with a key is refused, which may have been appended before. It tells whether keys were left out: then the
	// batch is to be tried again, and none will be.
	Doubts() bool
}

// Early is a transaction that can write events while the rest of the batch is still being decided, so that both take the time of one.
type Early interface {
	// WriteEvents writes the events of a batch so far, but for those that it wrote before. What Write is given has them all the same.
	WriteEvents(ctx context.Context, d *Delta) error
}

// Expecting is a transaction that can ask for what a batch rests on together with the head, so that both take one round trip.
type Expecting interface {
	// Expect says, before Head, what Load will most likely be asked for.
	Expect(tags []consent.Tag)
}

// Ahead is a transaction that also reads what the next events of a batch rest on while others are decided and written. Whoever is new by then is in the
// delta of WriteEvents, and in that of Write once more among those who changed, if they did since.
type Ahead interface {
	Tx
	Early
	// LoadAhead begins what Load does, and gives what waits for it. It may find what WriteEvents wrote before, or not.
	LoadAhead(ctx context.Context, tags []consent.Tag, keys []string) (wait func() (Loaded, error))
}

// Head is the head row.
type Head struct {
	store.Head
	// Frontier is that of the Merkle log. Its root is Root, its size Position.
	Frontier proof.Frontier
	// LastID is the newest number of an identity.
	LastID int64
}

// Loaded is what a batch rests on.
type Loaded struct {
	// Identities are those that the tags name, and every other one of the same cluster.
	Identities []Identity
	// Links are the rows of all identities of clusters with more than one.
	Links []consent.Link
	// Keys are the idempotency keys that were used before.
	Keys []Key
}

// Identity is a row. Tags are all that name it.
type Identity struct {
	ID int64
	// Cluster is the smallest number of those that are linked with each other, directly or through others. A cluster may be more than
	// one person: consent.Links tells.
	Cluster int64
	Type    consent.IdentifierType
	Tags    []consent.Tag
	// Record is the identity's own. It is JSON in the database, see AppendRecord.
	Record *consent.Record
	// Latest is the newest event that names it first, from which Previous leads to those before; 0 for none, or for a database that has an
	// index of events instead.
	Latest consent.Position
}

// KeyID stands for an idempotency key where a database keeps them: the first 16 bytes of its SHA-256.
type KeyID [16]byte

// KeyIDOf gives the id of a key.
func KeyIDOf(key string) KeyID {
	sum := sha256.Sum256([]byte(key))
	return KeyID(sum[:len(KeyID{})])
}

// Key is a row: an idempotency key with the event that it stands for.
type Key struct {
	Key      string
	Digest   [32]byte
	Position consent.Position
	At       time.Time
	// Leaf is read from the event; it is not written.
	Leaf [32]byte
}

// Event is a row of the log.
type Event struct {
	Position consent.Position
	Entry    []byte
	Salt     proof.Salt
	Leaf     proof.Hash
	// Named are the identities that the event is about. Touched are others, which it separates from them, so that whoever follows the log
	// by its rows knows to read them again.
	Named, Touched []int64
	// Previous is the event before that names the first of Named first; 0 for none.
	Previous consent.Position
}

// TaggedID says which identity a tag names.
type TaggedID struct {
	Tag consent.Tag
	ID  int64
}

// Attachment is an attachment of the event at Position, to be sealed with the key of an identity.
type Attachment struct {
	store.Attachment
	Position consent.Position
	Identity int64
}

// Outlived gives the attachments that no erasure of the same batch comes after.
func (d *Delta) Outlived() []Attachment {
	return slices.DeleteFunc(slices.Clone(d.Attachments), func(a Attachment) bool {
		return slices.ContainsFunc(d.Erased, func(e Erasure) bool { return e.Identity == a.Identity && a.Position < e.Before })
	})
}

// Delta is what became of a batch, to be written in this order. Nothing in it is in the database yet, except where it says so.
type Delta struct {
	Head Head
	// Added are new identities, Changed those that there were by then, with everything but their number replaced.
	Added, Changed []Identity
	Tags           []TaggedID
	// Unlinked are rows to delete, before Links are added.
	Unlinked, Links []consent.Link
	Events          []Event
	Nodes           []proof.Node
	Keys            []Key
	Attachments     []Attachment
	// Erased are identities whose events up to and without a position lose entry and salt, and whose keys are shredded before Attachments
	// are sealed. Events of this batch may be among them.
	Erased []Erasure
	// Changes are what Watch is given once this is committed, for databases that several processes append to.
	Changes []store.Change
}

// Erasure names the events of one identity before a position.
type Erasure struct {
	Identity int64
	Before   consent.Position
}
