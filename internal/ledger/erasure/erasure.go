package erasure

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/store"
)

// Period is for how long the proof of a use is kept after it.
type Period struct {
	Years int
	// YearEnd tells that the years begin with the end of the year of the last use.
	YearEnd bool
	// Bound tells that the statute has it kept, so that no purpose can say less.
	Bound   bool
	Statute string
}

// Periods are those of channels. Purposes without a channel have the one of ChannelWeb.
var Periods = map[consent.Channel]Period{
	// The consent to telephone advertising is documented and kept for five years from when it was given and after each use of it.
	consent.ChannelPhone: {Years: 5, Bound: true, Statute: "UWG §7a(2)"},
	// Elsewhere nothing has it kept; it is needed against claims until these lapse (GDPR Art. 17(3)(e)).
	consent.ChannelEmail: claims,
	consent.ChannelSMS:   claims,
	consent.ChannelPost:  claims,
	consent.ChannelWeb:   claims,
}

var claims = Period{Years: 3, YearEnd: true, Statute: "GDPR Art. 17(3)(e), BGB §§195, 199(1)"}

func (p Period) end(last time.Time) time.Time {
	last = last.UTC()
	if p.YearEnd {
		last = time.Date(last.Year()+1, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	return last.AddDate(p.Years, 0, 0)
}

// endFor is end for a purpose, which may say for how many days it wants proof to be kept.
func (p Period) endFor(last time.Time, days int) time.Time {
	end, said := p.end(last), last.UTC().AddDate(0, 0, days)
	if days == 0 || (p.Bound && end.After(said)) {
		return end
	}
	return said
}

// Ends gives when the proof of what a record holds is not needed any more; the zero time for a record that proves nothing. A purpose that the
// bundle does not know is kept as long as any.
func Ends(r *consent.Record, b *ir.Bundle) time.Time {
	var end time.Time
	for _, g := range r.Grants {
		if g.Status == consent.StatusPending || (g.Status != consent.StatusGiven && g.Before == consent.StatusPending) {
			continue // nothing was ever done on its strength
		}
		if e := grantEnds(&g, r, b); e.After(end) {
			end = e
		}
	}
	return end
}

// grantEnds gives when the proof of one grant is not needed any more.
func grantEnds(g *consent.Grant, r *consent.Record, b *ir.Bundle) (end time.Time) {
	last := g.Since
	for _, t := range []time.Time{g.Renewed, r.Used[g.Purpose]} {
		if t.After(last) {
			last = t
		}
	}
	all, days := periods(b, g.Purpose)
	for _, p := range all {
		if e := p.endFor(last, days); e.After(end) {
			end = e
		}
	}
	return end
}

// periods gives those of a purpose, and for how many days it says that proof is kept; 0 if it does not.
func periods(b *ir.Bundle, purpose consent.PurposeID) (out []Period, days int) {
	if p := purposeOf(b, purpose); p != nil {
		for _, c := range p.Channels {
			out = append(out, Periods[c])
		}
		if len(out) == 0 {
			out = append(out, Periods[consent.ChannelWeb])
		}
		return out, p.EvidenceRetentionDays
	}
	for _, p := range Periods {
		out = append(out, p)
	}
	return out, 0
}

func purposeOf(b *ir.Bundle, name consent.PurposeID) *ir.Purpose {
	for i := range b.Purposes {
		if b.Purposes[i].Name == name {
			return &b.Purposes[i]
		}
	}
	return nil
}

// Store is what erasing needs of a ledger's store.
type Store interface {
	Append(ctx context.Context, events ...store.Append) ([]store.Result, []error, error)
	Lookup(ctx context.Context, tag consent.Tag) (*consent.Record, error)
	store.Vault
}

// Eraser erases. Any number of replicas may do so at once.
type Eraser struct {
	Store Store
	// Bundle holds the purposes; nothing is erased while it is nil.
	Bundle func() *ir.Bundle
	Now    func() time.Time
	Logger *slog.Logger
}

const (
	every     = time.Minute
	lease     = 5 * time.Minute
	batchSize = 64
	// lookAgain is when a request is looked at again before its time: uses may have been reported late, and purposes change.
	lookAgain = 24 * time.Hour
)

// Run erases until its context ends. A failure is told, and tried again.
func (e *Eraser) Run(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if _, err := e.Once(ctx); err != nil && ctx.Err() == nil {
			e.Logger.Error("people who asked for erasure could not be erased; it is tried again", "error", err)
		}
		if err := e.sweep(ctx); err != nil && ctx.Err() == nil {
			e.Logger.Error("evidence whose retention has ended could not be deleted; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Once looks at requests whose time has come, at most one batch, and tells how many people it erased.
func (e *Eraser) Once(ctx context.Context) (erased int, err error) {
	b := e.Bundle()
	if b == nil {
		return 0, nil
	}
	due, err := e.Store.Due(ctx, store.KindErasure, e.Now(), lease, batchSize)
	if err != nil {
		return 0, err
	}
	for _, a := range due {
		r, err := e.Store.Lookup(ctx, a.Tag)
		if err != nil {
			return erased, err
		}
		switch end := Ends(r, b); {
		case r.Suppressed == 0:
			// The person came back by an act of their own, which stands.
			err = e.Store.Settle(ctx, a.ID, time.Time{})
		case end.After(e.Now()):
			err = e.Store.Settle(ctx, a.ID, earlier(end, e.Now().Add(lookAgain)))
		default:
			if err = e.erase(ctx, a.Tag); err == nil {
				erased++
			}
		}
		if err != nil {
			return erased, err
		}
	}
	if erased > 0 {
		e.Logger.Info("people who asked for it were erased after the retention of their evidence", "people", erased)
	}
	return erased, nil
}

// erase appends the event that shreds the person's keys, and the request with them.
func (e *Eraser) erase(ctx context.Context, tag consent.Tag) error {
	_, refused, err := e.Store.Append(ctx, store.Append{
		Identities: []store.Identity{{Tags: []consent.Tag{tag}, Plain: true}}, Event: consent.Event{Type: consent.EventErased},
	})
	return errors.Join(append(refused, err)...)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
