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
	Statute string
}

// Periods are those of channels. Purposes without a channel have the one of ChannelWeb.
var Periods = map[consent.Channel]Period{
	// The consent to telephone advertising is documented and kept for five years from when it was given and after each use of it.
	consent.ChannelPhone: {Years: 5, Statute: "UWG §7a(2)"},
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

// Ends gives when the proof of what a record holds is not needed any more; the zero time for a record that proves nothing. A purpose that the
// bundle does not know is kept as long as any.
func Ends(r *consent.Record, b *ir.Bundle) time.Time {
	var end time.Time
	for _, g := range r.Grants {
		if g.Status == consent.StatusPending || (g.Status != consent.StatusGiven && g.Before == consent.StatusPending) {
			continue // nothing was ever done on its strength
		}
		last := g.Since
		for _, t := range []time.Time{g.Renewed, r.Used[g.Purpose]} {
			if t.After(last) {
				last = t
			}
		}
		for _, p := range periods(b, g.Purpose) {
			if e := p.end(last); e.After(end) {
				end = e
			}
		}
	}
	return end
}

func periods(b *ir.Bundle, purpose consent.PurposeID) (out []Period) {
	for i := range b.Purposes {
		p := &b.Purposes[i]
		if p.Name != purpose {
			continue
		}
		for _, c := range p.Channels {
			out = append(out, Periods[c])
		}
		if len(out) == 0 {
			out = append(out, Periods[consent.ChannelWeb])
		}
		return out
	}
	for _, p := range Periods {
		out = append(out, p)
	}
	return out
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
