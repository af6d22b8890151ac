package appends

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/ledger/keys"
	"github.com/optup/optup/internal/ledger/store/journal"
	"github.com/optup/optup/test/bench/database"
	"github.com/optup/optup/test/bench/harness"
	"github.com/optup/optup/test/bench/ours"
	"github.com/optup/optup/test/bench/people"
)

// writers at a time.
const writers = 256

// stores that a ledger may be kept in, as rows name them.
var stores = map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL"}

// Suite measures appends and proofs.
func Suite() harness.Suite {
	var all []harness.Row
	for _, name := range []string{"sqlite", "postgres"} {
		id := func(s string) string { return "appends." + name + "." + s }
		what := fmt.Sprintf("durable append with proof, %d writers, %s", writers, stores[name])
		all = append(all,
			harness.Row{ID: id("single"), What: what, Unit: "us/event", Peer: "its own single writer", Must: harness.AtMost(0.1)},
			harness.Row{ID: id("rows"), What: what, Unit: "us/event", Peer: "256 writers, INSERT of a row", Must: harness.AtMost(0.2)},
			harness.Row{ID: id("unproven"), What: what, Unit: "us/event", Peer: "the same without proof", Must: harness.AtMost(1.25)},
			harness.Row{ID: id("ordered"), What: what, Unit: "us/event", Peer: "256 writers, INSERT in order"},
			harness.Row{
				ID: id("tessera"), What: fmt.Sprintf("append until provable, %d writers, %s", writers, stores[name]), Unit: "us/event",
				Peer: "tessera, POSIX, published", Must: harness.AtMost(0.5),
			},
			harness.Row{ID: id("tessera.unproven"), What: what, Unit: "us/event", Peer: "tessera, POSIX, no proof yet"},
		)
		for _, n := range provers {
			all = append(all, harness.Row{
				ID: id(fmt.Sprintf("provable.%d", n)), What: fmt.Sprintf("append until provable, %d writers, %s", n, stores[name]), Unit: "us",
				Peer: "tessera, publication awaiter", Must: harness.AtMost(0.1),
			})
		}
		all = append(all, harness.Row{ID: id("verify"), What: "proof made at acknowledgement, verified, " + stores[name], Unit: "us", Must: harness.OwnAtMost(1000)})
	}
	return harness.Suite{Name: "appends", Rows: all, Measure: measure}
}

// world is what the rows share. People are numbered through all of it, so that everybody is new to everybody.
type world struct {
	env    *harness.Env
	server *database.Server
	people atomic.Uint64
	signer *keys.Signer
	rows   *rows
	log    *log
	soon   *log
	proven map[string]opened
	plain  map[string]opened
}

func measure(ctx context.Context, env *harness.Env, asked harness.Asked) (_ map[string]harness.Samples, err error) {
	w := &world{env: env, proven: map[string]opened{}, plain: map[string]opened{}}
	env.Say("appends: databases and a log in %s", env.Dir)
	defer func() { err = errors.Join(err, w.close(ctx)) }()
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	out := map[string]harness.Samples{}
	if err := w.throughput(ctx, out); err != nil {
		return out, err
	}
	if err := w.published(ctx, out); err != nil {
		return out, err
	}
	for name := range stores {
		if err := w.unproven(ctx, name, out); err != nil {
			return out, err
		}
		if err := w.verify(ctx, name, out); err != nil {
			return out, err
		}
	}
	for _, n := range provers {
		if err := w.provable(ctx, n, asked, out); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (w *world) open(ctx context.Context) (err error) {
	root, err := keys.ParseRoot(ours.Key)
	if err != nil {
		return err
	}
	if w.signer, err = root.Signer(people.Controller); err != nil {
		return err
	}
	if w.server, err = database.Start(writers + 64); err != nil {
		return err
	}
	dir := filepath.Join(w.env.Dir, "appends")
	for name, open := range map[string]kind{"sqlite": sqliteIn(dir), "postgres": postgresOn(w.server)} {
		if w.proven[name], err = open(ctx, "proven"); err != nil {
			return err
		}
		if w.plain[name], err = open(ctx, "plain", journal.Unproven()); err != nil {
			return err
		}
	}
	if w.rows, err = openRows(ctx, w.server, writers); err != nil {
		return err
	}
	if w.log, err = openLog(ctx, filepath.Join(dir, "full"), tesseraFull); err != nil {
		return err
	}
	w.soon, err = openLog(ctx, filepath.Join(dir, "soon"), tesseraSoon)
	return err
}

func (w *world) close(ctx context.Context) (err error) {
	for _, all := range []map[string]opened{w.proven, w.plain} {
		for _, s := range all {
			err = errors.Join(err, s.Close())
		}
	}
	if w.rows != nil {
		err = errors.Join(err, w.rows.close(ctx))
	}
	for _, l := range []*log{w.log, w.soon} {
		if l != nil {
			err = errors.Join(err, l.stop())
		}
	}
	if w.server != nil {
		w.server.End()
	}
	return err
}

// spread has so many writers do something at the same time, each of them so often, and gives microseconds for one event.
func (w *world) spread(writers, each int, do func(writer int, n uint64) error) (float64, error) {
	var group errgroup.Group
	took := harness.Time(writers*each, func() {
		for i := range writers {
			group.Go(func() error {
				for range each {
					if err := do(i, w.people.Add(1)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		_ = group.Wait() // asked for below
	})
	return took / 1000, group.Wait()
}

// events are those of each writer in a round.
func (w *world) events() int { return w.env.Size(16, 2) }

func (w *world) appending(ctx context.Context, s opened, writers, each int) harness.Side {
	return harness.Side{Name: "ours", Run: func(int) (float64, error) {
		return w.spread(writers, each, func(_ int, n uint64) error {
			_, err := ledger(ctx, s, n)
			return err
		})
	}}
}

// throughput compares both stores with their own single writer and with the peers.
func (w *world) throughput(ctx context.Context, out map[string]harness.Samples) error {
	each, alone := w.events(), w.env.Size(200, 10)
	sqlite, postgres := w.proven["sqlite"], w.proven["postgres"]
	got, err := harness.Turns(ctx, w.env.Rounds,
		w.appending(ctx, sqlite, writers, each), w.appending(ctx, sqlite, 1, alone),
		w.appending(ctx, postgres, writers, each), w.appending(ctx, postgres, 1, alone),
		harness.Side{Name: "rows", Run: func(int) (float64, error) {
			return w.spread(writers, each, func(writer int, n uint64) error { return w.rows.insert(ctx, writer, n) })
		}},
		harness.Side{Name: "tessera", Run: func(int) (float64, error) {
			return w.spread(writers, each, func(_ int, n uint64) error { return w.log.append(ctx, n) })
		}},
		harness.Side{Name: "ordered", Run: func(int) (float64, error) {
			// They wait for each other, so that a few take as long as many of the others.
			return w.spread(writers, w.env.Size(2, 1), func(writer int, n uint64) error { return w.rows.inOrder(ctx, writer, n) })
		}},
	)
	if err != nil {
		return err
	}
	const rows, tessera, ordered = 4, 5, 6
	for i, name := range []string{"sqlite", "postgres"} {
		all, one := got[2*i], got[2*i+1]
		for row, peer := range map[string][]float64{"single": one, "rows": got[rows], "tessera.unproven": got[tessera], "ordered": got[ordered]} {
			out["appends."+name+"."+row] = rates(all, peer)
		}
	}
	return nil
}

func rates(ours, peer []float64) harness.Samples {
	return harness.Samples{Ours: ours, Peer: peer, Absolutes: map[string]float64{
		"events/s": 1e6 / harness.Median(ours), "events/s, peer": 1e6 / harness.Median(peer),
	}}
}

// published compares with tessera where the writers of both go on once a signed checkpoint commits to their event. Of ours, each writer has
// the root of its acknowledgement signed for itself, as a receipt has it.
func (w *world) published(ctx context.Context, out map[string]harness.Samples) error {
	side := func(name string, publish func(n uint64) error) harness.Side {
		return harness.Side{Name: name, Run: func(int) (float64, error) {
			return w.spread(writers, w.events(), func(_ int, n uint64) error { return publish(n) })
		}}
	}
	ours := func(name string) harness.Side {
		s := w.proven[name]
		h, err := s.Head(ctx)
		return side(name, func(n uint64) error {
			if err != nil {
				return err
			}
			r, err := ledger(ctx, s, n)
			if err == nil {
				_, err = w.signer.Checkpoint(h.Epoch, r.Size, r.Root)
			}
			return err
		})
	}
	got, err := harness.Turns(ctx, w.env.Rounds, ours("sqlite"), ours("postgres"), side("tessera", func(n uint64) error { return w.log.publish(ctx, n) }))
	if err != nil {
		return err
	}
	out["appends.sqlite.tessera"], out["appends.postgres.tessera"] = rates(got[0], got[2]), rates(got[1], got[2])
	return nil
}

// unproven compares with the same store without the Merkle log. What differs is little, so there are more rounds.
func (w *world) unproven(ctx context.Context, name string, out map[string]harness.Samples) error {
	got, err := harness.Turns(ctx, 2*w.env.Rounds,
		w.appending(ctx, w.proven[name], writers, w.events()), w.appending(ctx, w.plain[name], writers, w.events()))
	if err != nil {
		return err
	}
	out["appends."+name+".unproven"] = rates(got[0], got[1])
	return nil
}
