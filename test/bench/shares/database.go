package shares

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/share"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/store/sqlite"
	"github.com/optup/optup/test/bench/harness"
	"github.com/optup/optup/test/bench/people"
)

// fromDatabase counts people for the first time as a ledger does when it starts, from its database, which was filled event by event. It gives
// milliseconds, of time and of the processor, for each round.
func fromDatabase(ctx context.Context, env *harness.Env, p people.Population) (walls, uses []float64, err error) {
	env.Say("shares: writing a database of %d people", p.Count)
	db, err := sqlite.Open(ctx, filepath.Join(env.Dir, "shares"), "key", make([]byte, 32), func() time.Time { return people.Now })
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if closed := db.Close(); err == nil {
			err = closed
		}
	}()
	if err := fill(ctx, db, p); err != nil {
		return nil, nil, err
	}
	env.Say("shares: counting them")
	for range env.Rounds {
		wall, used, err := countOnce(ctx, db, p.Count)
		if err != nil {
			return nil, nil, err
		}
		walls, uses = append(walls, wall), append(uses, used)
	}
	return walls, uses, nil
}

func countOnce(ctx context.Context, db store.Store, n int) (wall, used float64, err error) {
	runtime.GC() // what came before is not counted
	ctx, cancel := context.WithCancel(ctx)
	k := share.New(share.Options{
		Source: share.From(db), Changes: quiet{}, Bundle: func() (*ir.Bundle, int64) { return bundle, 1 }, Declared: func() int64 { return 0 },
		Now: func() time.Time { return people.Now }, Logger: slog.New(slog.DiscardHandler),
	})
	from, before := time.Now(), cpu()
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	f, err := k.Figures(ctx)
	wall, used = float64(time.Since(from).Microseconds())/1000, cpu()-before
	cancel()
	err = errors.Join(err, <-done)
	// Whom nobody ever asked about is not in a ledger.
	if err == nil && (f.People == nil || *f.People < int64(n)*3/4 || *f.People > int64(n)) {
		err = fmt.Errorf("%v people instead of nearly %d", f.People, n)
	}
	return wall, used, err
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
		_, errs, err := db.Append(ctx, batch...)
		if err := errors.Join(append(errs, err)...); err != nil {
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
