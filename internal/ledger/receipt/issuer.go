package receipt

import (
	"context"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

// Log is as much of a ledger's store as receipts rest on.
type Log interface {
	Head(ctx context.Context) (store.Head, error)
	Entries(ctx context.Context, from consent.Position, limit int) ([]store.Logged, error)
	Inclusion(ctx context.Context, position, size consent.Position) ([]proof.Hash, error)
	RootAt(ctx context.Context, size consent.Position) (proof.Hash, error)
}

// Issuer makes receipts of the events of one ledger.
type Issuer struct {
	Log    Log
	Signer *keys.Signer
	// Controller and Bundle are those of the ledger; the bundle may be nil.
	Controller func() string
	Bundle     func() *ir.Bundle
}

// Of makes the receipt of an event, as of the log that it was the newest of. It fails with ErrErased, and with proof.ErrRange for a position
// beyond the log.
func (i *Issuer) Of(ctx context.Context, p consent.Position) (Receipt, error) {
	var none Receipt
	entry, err := i.logged(ctx, p)
	if err != nil {
		return none, err
	}
	path, err := i.Log.Inclusion(ctx, p, p)
	if err != nil {
		return none, err
	}
	root, err := i.Log.RootAt(ctx, p)
	if err != nil {
		return none, err
	}
	h, err := i.Log.Head(ctx)
	if err != nil {
		return none, err
	}
	purpose, err := i.purposeOf(ctx, entry)
	if err != nil {
		return none, err
	}
	return Issue(Source{
		Logged: entry, Path: path, Root: root, Epoch: h.Epoch, Controller: i.Controller(), Purpose: purpose, Bundle: i.Bundle(),
	}, i.Signer)
}

// logged reads one place of the log.
func (i *Issuer) logged(ctx context.Context, p consent.Position) (store.Logged, error) {
	page, err := i.Log.Entries(ctx, p, 1)
	if err != nil {
		return store.Logged{}, err
	}
	if len(page) != 1 || page[0].Position != p {
		return store.Logged{}, proof.ErrRange
	}
	return page[0], nil
}

// purposeOf is the purpose of the grant that an event names, where it names no purpose.
func (i *Issuer) purposeOf(ctx context.Context, l store.Logged) (consent.PurposeID, error) {
	if l.Entry == nil {
		return "", nil
	}
	entry, err := store.DecodeEntry(l.Entry)
	if err != nil || entry.Event.Purpose != "" || entry.Event.Grant == 0 {
		return entry.Event.Purpose, err
	}
	grant, err := i.logged(ctx, entry.Event.Grant)
	if err != nil || grant.Entry == nil {
		return "", err
	}
	given, err := store.DecodeEntry(grant.Entry)
	return given.Event.Purpose, err
}
