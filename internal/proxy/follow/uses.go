package follow

import (
	"context"
	"errors"
	"fmt"

	ledger "github.com/optup/optup/internal/ledger/client"
	"github.com/optup/optup/internal/ledger/wire"
	"github.com/optup/optup/internal/uses"
)

var errNoLedger = errors.New("no ledger of this controller is followed")

// SendUses is a uses.Sender: it sends a batch to the ledger of a controller that the bundle in force names.
func (f *Follower) SendUses(ctx context.Context, controller string, batch []byte) (wire.Taken, error) {
	_, feeds := f.InForce()
	for l, feed := range feeds {
		if l.Controller != controller {
			continue
		}
		taken, err := feed.SendUses(ctx, batch)
		if errors.Is(err, ledger.ErrUses) {
			err = fmt.Errorf("%w: %w", uses.ErrRefused, err)
		}
		return taken, err
	}
	return wire.Taken{}, errNoLedger
}
