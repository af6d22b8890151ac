package store

import (
	"context"
	"time"

	"github.com/optup/optup/internal/consent"
)

// Kinds of attachments.
const (
	// KindAddress is an identifier in the clear, kept once for an identity.
	KindAddress = "address"
	// KindEvidence is what proves an event (GDPR Art. 7(1), UWG §7a). It is due after EvidenceLook unless it says otherwise.
	KindEvidence = "evidence"
	// KindMail is a message that waits to be sent.
	KindMail = "mail"
	// KindErasure tells that a person asked for erasure, and when to look whether the retention of their evidence has ended. Its body
	// may be empty, and is empty where the person's key is gone: it is handed out all the same.
	KindErasure = "erasure"
)

// EvidenceLook is how long after it was kept, and how often then, evidence is handed out by Due, to see whether it is still needed.
const EvidenceLook = 30 * 24 * time.Hour

// Attachment is something that has to be readable later, and is stored encrypted.
type Attachment struct {
	Kind string
	Body []byte
	// Due is when something has to be done about it (see Vault.Due); zero for never.
	Due time.Time
}

// String never shows the body.
func (Attachment) String() string { return "attachment:redacted" }

// GoString never shows the body.
func (a Attachment) GoString() string { return a.String() }

// AttachmentID is random and names one attachment.
type AttachmentID [16]byte

// Attached is one attachment, opened. Its body may name a person: it is never logged, and it prints redacted.
type Attached struct {
	ID AttachmentID
	// Position is that of the event; 0 for one that came by itself.
	Position consent.Position
	Kind     string
	// Tag is one of the identity's.
	Tag  consent.Tag
	Body []byte
	// Due is when something has to be done about it; zero for never. Tries counts how often Due has handed it out.
	Due   time.Time
	Tries int
}

// String never shows the body.
func (Attached) String() string { return "attachment:redacted" }

// GoString never shows the body.
func (a Attached) GoString() string { return a.String() }

// Backlog is what waits to be done.
type Backlog struct {
	// Waiting counts those whose first time has come, tried or not; Oldest is the earliest of these times, zero for none.
	Waiting int
	Oldest  time.Time
}

// Vault keeps what has to be readable about people, apart from the log, which knows tags alone. Implementations promise:
//
//   - Bodies are encrypted with a random key of their identity (see package seal). That key is stored wrapped in a place of its own, which
//     backups of the ledger leave out, and it is durable before anything that it sealed is.
//   - Attachments of an Append are written in the transaction of their event, and are not there if the event is refused or replayed.
//   - After Shred no copy of the database makes what was sealed before readable again. What is attached later has a new key.
//   - An attachment that is due is handed to one caller at a time, over all replicas. A caller that has not settled it when its lease ends
//     has failed, and somebody else gets it: nothing that is due is lost.
type Vault interface {
	// Attachments gives those of the identity that a tag names, of all kinds or of the given ones, the oldest first; none for nobody. What
	// was shredded is left out.
	Attachments(ctx context.Context, tag consent.Tag, kinds ...string) ([]Attached, error)
	// Attach keeps an attachment of an identity without an event. It reports false for a tag that nobody has, and keeps nothing then.
	Attach(ctx context.Context, tag consent.Tag, a Attachment) (bool, error)
	// Due hands out at most limit attachments of a kind whose time has come, those that wait longest first, until now + lease.
	Due(ctx context.Context, kind string, now time.Time, lease time.Duration, limit int) ([]Attached, error)
	// Settle says when the attachment is due next. The zero time says that it is done: it is deleted. One that is gone is settled already.
	Settle(ctx context.Context, id AttachmentID, next time.Time) error
	// Backlog counts what waits by now.
	Backlog(ctx context.Context, kind string, now time.Time) (Backlog, error)
	// Shred erases the keys of the identities that the tags name, and with them all that they sealed. An erased event does so for every
	// identity of the person.
	Shred(ctx context.Context, tags ...consent.Tag) error
	// Spend takes an id, which is a token's or stands for something that may happen once in a while, for the one who is named by. It
	// reports true for the first, and again for the same one; false for others until expires, which the first one set.
	Spend(ctx context.Context, id, by [16]byte, now, expires time.Time) (bool, error)
}
