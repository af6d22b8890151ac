package store

import (
	"context"
	"time"

	"github.com/optup/optup/internal/consent"
)

// Replica is what one process that serves a log says about those who follow it there.
type Replica struct {
	ID string
	// Position is one that is enforced by all of them: whoever may still rely on facts has applied it.
	Position consent.Position
	// Rely is for how long at most somebody may go on by facts after the replica was last heard of. As read, it is what is left of that.
	Rely time.Duration
}

// Replicas lets processes that serve the same log tell each other what is enforced. Times are those of the database.
type Replicas interface {
	// Await says that somebody waits until a position is enforced, for a while.
	Await(ctx context.Context, at consent.Position, until time.Duration) error
	// Awaited is the newest position that somebody waits for; 0 for none.
	Awaited(ctx context.Context) (consent.Position, error)
	// Report tells about this process, which is heard of by that.
	Report(ctx context.Context, r Replica) error
	// Reports gives what all but one have told. Those on whom nobody can rely any more are left out.
	Reports(ctx context.Context, but string) ([]Replica, error)
}
