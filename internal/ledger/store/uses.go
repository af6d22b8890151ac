package store

import (
	"context"
	"errors"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/wire"
)

// ErrNoDecision reports an id of which nothing is recorded, or no longer.
var ErrNoDecision = errors.New("no decision is recorded under this id")

// UseBatch is what one sidecar recorded. Who it was comes from its grant.
type UseBatch struct {
	// Key names the batch, scoped by the sidecar. A second batch with the same key changes nothing.
	Key                 string
	Namespace, Workload string
	Lost                uint64
	Decisions           []wire.Decided
}

// Recorded is what became of a batch.
type Recorded struct {
	Replayed bool
	// Refused are decisions whose id another workload has used.
	Refused int
}

// Decision is one recorded decision.
type Decision struct {
	Namespace, Workload string
	// Recorded is when the ledger took it (first part).
	Recorded time.Time
	// Decided has the people in their order; their numbers start at First, which is 1.
	wire.Decided
}

// Use is one use of one person's data, or one that was denied.
type Use struct {
	Number int
	Reason string
	Grant  consent.Position
	// Decision is without people.
	Decision Decision
}

// Uses keeps what was decided about people, apart from the log of events. Implementations promise:
//
//   - RecordUses acknowledges only what survives a crash, takes a batch whole or not at all, and takes it once.
//   - A decision that comes in parts is put together; the part with an effect completes it.
//   - No record takes a position in the log.
type Uses interface {
	RecordUses(ctx context.Context, b UseBatch) (Recorded, error)
	// UsesOf gives the newest uses of a person whom any of the tags names, of decisions with an id below before; the zero id for
	// all. Tags that the store knows to be the same person's count, too.
	UsesOf(ctx context.Context, tags []consent.Tag, before wire.DecisionID, limit int) ([]Use, error)
	// Decision gives one decision with at most limit people from a number on, or ErrNoDecision.
	Decision(ctx context.Context, id wire.DecisionID, from, limit int) (Decision, error)
	// Permitted visits the tags that a completed decision permitted with one of the reasons.
	Permitted(ctx context.Context, id wire.DecisionID, reasons ...string) ([]consent.Tag, error)
	// LostUses is how many records sidecars said they lost, and since when any are kept.
	LostUses(ctx context.Context) (uint64, error)
	// ForgetUses deletes what was recorded before a time, and tells how many decisions that were.
	ForgetUses(ctx context.Context, before time.Time) (int64, error)
}
