package shares

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/share"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/test/bench/harness"
	"github.com/optup/optup/test/bench/people"
)

// fromDatabase counts people for the first time as a ledger does when it starts, from its database. It gives milliseconds for a person: of
// time, and of the processor. To write a database of a million people would take minutes; what a person costs is the same in a smaller one.
func fromDatabase(ctx context.Context, env *harness.Env, p people.Population) (wall, used float64, err error) {
	p.Count = env.Size(20_000, 500)
	env.Say("shares: writing a database of %d people", p.Count)
	db, err := sqlite.Open(ctx, filepath.Join(env.Dir, "shares"), "key", make([]byte, 32), func() time.Time { return people.Now })
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		if closed := db.Close(); err == nil {
			err = closed
		}
	}()
	if err := fill(ctx, db, p); err != nil {
		return 0, 0, err
	}
	var walls, uses []float64
	for range env.Rounds {
		ctx, cancel := context.WithCancel(ctx)
		k := share.New(share.Options{
			Source: share.From(db), Changes: quiet{}, Bundle: func() (*ir.Bundle, int64) { return bundle, 1 }, Declared: func() int64 { return 0 },
			Now: func() time.Time { return people.Now }, Logger: slog.New(slog.DiscardHandler),
		})
		from, before := time.Now(), cpu()
		done := make(chan error, 1)
		go func() { done <- k.Run(ctx) }()
		_, err := k.Figures(ctx)
		walls = append(walls, float64(time.Since(from).Microseconds())/1000/float64(p.Count))
		uses = append(uses, (cpu()-before)/float64(p.Count))
		cancel()
		if stopped := <-done; err != nil || stopped != nil {
			return 0, 0, err
		}
	}
	return harness.Median(walls), harness.Median(uses), nil
}

func fill(ctx context.Context, db store.Store, p people.Population) error {
	var batch []store.Append
	for i := range p.Count {
		x := p.Person(i)
		who := []store.Identity{{Tags: tags(i), Type: consent.IdentifierEmail, Plain: true}}
		for n, s := range x.Standing {
			e := consent.Event{Purpose: people.Purpose(n)}
			switch s {
			case people.Never:
				continue
			case people.Given:
				e.Type, e.Notice, e.Proof, e.Touchpoint, e.OccurredAt = consent.EventGiven, people.Notice(n), consent.ProofMailboxConfirmed, "shop/form", x.Since
			case people.Withdrawn:
				e.Type = consent.EventWithdrawn
			}
			batch = append(batch, store.Append{Identities: who, Event: e})
		}
		if len(batch) < 2000 && i < p.Count-1 {
			continue
		}
		if _, _, err := db.Append(ctx, batch...); err != nil {
			return err
		}
		batch = batch[:0]
	}
	return nil
}

// quiet are no changes.
type quiet struct{}

// Next implements share.Changes.
func (quiet) Next(ctx context.Context) ([]store.Change, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
