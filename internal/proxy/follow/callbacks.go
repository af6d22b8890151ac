package follow

import (
	"context"
	"time"

	"github.com/optup/optup/internal/consent"
	ledger "github.com/optup/optup/internal/ledger/client"
	"github.com/optup/optup/internal/ledger/wire"
)

// caughtUp is how long to wait until the facts hold what was just told to the ledger.
const caughtUp = time.Second

// Tell tells the ledger of a controller, which the bundle in force names, what people said by a service. It waits for a moment until the
// facts in force hold it, so that what came with it is decided about by it; that is no promise, and decisions never rest on it.
func (f *Follower) Tell(ctx context.Context, controller string, in wire.CallbackEvents) (wire.CallbackTaken, error) {
	_, feeds := f.InForce()
	for l, feed := range feeds {
		if l.Controller != controller {
			continue
		}
		taken, err := feed.SendCallbackEvents(ctx, in)
		if err == nil {
			reached(ctx, feed, taken.Position)
		}
		return taken, err
	}
	return wire.CallbackTaken{}, errNoLedger
}

func reached(ctx context.Context, feed *ledger.Feed, at consent.Position) {
	ctx, cancel := context.WithTimeout(ctx, caughtUp)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for feed.Position() < at {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
