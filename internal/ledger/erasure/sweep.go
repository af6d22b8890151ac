package erasure

import (
	"context"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/store"
)

// sweep deletes evidence whose retention has ended, until there is no more.
func (e *Eraser) sweep(ctx context.Context) error {
	gone := 0
	for {
		looked, deleted, err := e.Sweep(ctx)
		if gone += deleted; err != nil || looked < batchSize {
			if gone > 0 {
				e.Logger.Info("evidence was deleted after the retention of its purpose", "pieces", gone)
			}
			return err
		}
	}
}

// Sweep looks at evidence whose time has come, at most one batch. It deletes that of grants which have ended, once the retention that their
// purpose declares has passed since their last use; a purpose that declares none has it kept until the person asks for erasure. It tells how
// much it looked at, and deleted.
func (e *Eraser) Sweep(ctx context.Context) (looked, deleted int, err error) {
	b := e.Bundle()
	if b == nil {
		return 0, 0, nil
	}
	due, err := e.Store.Due(ctx, store.KindEvidence, e.Now(), lease, batchSize)
	if err != nil {
		return 0, 0, err
	}
	for i := range due {
		r, err := e.Store.Lookup(ctx, due[i].Tag)
		if err != nil {
			return len(due), deleted, err
		}
		next := e.Now().Add(store.EvidenceLook)
		if end := evidenceEnds(due[i].Position, r, b); !end.IsZero() {
			if next = earlier(end, next); !end.After(e.Now()) {
				next = time.Time{}
				deleted++
			}
		}
		if err := e.Store.Settle(ctx, due[i].ID, next); err != nil {
			return len(due), deleted, err
		}
	}
	return len(due), deleted, nil
}

// evidenceEnds gives when the evidence of an event is not needed any more; the zero time where that cannot be told yet: the grant goes on, waits
// to be confirmed, or is not known, or its purpose declares no retention.
func evidenceEnds(at consent.Position, r *consent.Record, b *ir.Bundle) (end time.Time) {
	if at == 0 {
		return time.Time{} // it came without an event
	}
	for i := range r.Grants {
		g := &r.Grants[i]
		if g.Position != at && g.Confirmed != at && g.RenewedAt != at && !slices.Contains(g.EndedBy, at) {
			continue
		}
		p := purposeOf(b, g.Purpose)
		if p == nil || p.EvidenceRetentionDays == 0 || !ended(g.Status) {
			return time.Time{}
		}
		if e := grantEnds(g, r, b); e.After(end) {
			end = e
		}
	}
	return end
}

func ended(s consent.Status) bool {
	return s == consent.StatusWithdrawn || s == consent.StatusCancelled || s == consent.StatusInvalidated
}
