package shares

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/share"
	"github.com/optup/optup/test/bench/harness"
	"github.com/optup/optup/test/bench/ours"
	"github.com/optup/optup/test/bench/people"
)

// changed is how many changes are measured.
const changed = 10_000

// Suite measures the usable share.
func Suite() harness.Suite {
	return harness.Suite{
		Name: "shares",
		Rows: []harness.Row{
			{ID: "shares.first", What: "first usable share, 1M people x 8 purposes", Unit: "ns/person", Peer: "everybody decided about", Must: harness.Below(0.5)},
			{ID: "shares.first.sqlite", What: "first usable share from SQLite, 1M people x 8 purposes", Unit: "ms", Must: harness.OwnAtMost(2000)},
			{ID: "shares.changes", What: "CPU of 10,000 changes, 1M people", Unit: "ms", Peer: "CPU of the first count from SQLite", Must: harness.Below(0.01)},
		},
		Measure: measure,
	}
}

func measure(ctx context.Context, env *harness.Env, asked harness.Asked) (map[string]harness.Samples, error) {
	p := people.Population{Count: env.Size(1_000_000, 3_000), Seed: env.Seed, Expiring: people.Expiring}
	env.Say("shares: %d people", p.Count)
	l := newLedger(p)
	var first, changes, memory []float64
	var bytes float64
	own := func(round int) (float64, error) {
		m, err := keep(ctx, l, p.Count)
		if round >= 0 && err == nil {
			first, changes, memory = append(first, m.first.Seconds()), append(changes, m.changes), append(memory, m.cpu)
			bytes = m.bytes
		}
		return float64(m.first.Nanoseconds()) / float64(p.Count), err
	}
	sides := []harness.Side{{Name: "ours", Run: own}}
	if asked("shares.first") {
		sides = append(sides, harness.Side{Name: "naive", Run: func(int) (float64, error) { return naive(l, max(p.Count/20, 1)) }})
	}
	got, err := harness.Turns(ctx, env.Rounds, sides...)
	if err != nil {
		return nil, err
	}
	out := map[string]harness.Samples{}
	if asked("shares.first") {
		out["shares.first"] = harness.Samples{Ours: got[0], Peer: got[1], Absolutes: map[string]float64{
			"people": float64(p.Count), "seconds, first": harness.Median(first), "bytes a person": bytes,
		}}
	}
	if !asked.Any("shares.first.sqlite", "shares.changes") {
		return out, nil
	}
	walls, uses, err := fromDatabase(ctx, env, p)
	if err != nil {
		return out, err
	}
	out["shares.first.sqlite"] = harness.Samples{Ours: walls, Absolutes: map[string]float64{
		"ms of CPU": harness.Median(uses), "us a person": harness.Median(walls) * 1000 / float64(p.Count),
	}}
	out["shares.changes"] = harness.Samples{Ours: changes, Peer: uses, Absolutes: map[string]float64{
		"changes": changed, "us a change": harness.Median(changes) * 1000 / changed, "ms of CPU, first, without a database": harness.Median(memory),
	}}
	return out, nil
}

type measured struct {
	first   time.Duration
	cpu     float64 // milliseconds, of the first count
	changes float64 // milliseconds, of the changes
	bytes   float64 // for a person
}

// keep counts everybody, and then what changes.
func keep(ctx context.Context, l *ledger, n int) (m measured, err error) {
	ctx, cancel := context.WithCancel(ctx)
	k := share.New(share.Options{
		Source: l, Changes: l, Bundle: func() (*ir.Bundle, int64) { return bundle, 1 }, Declared: func() int64 { return 0 },
		Now: func() time.Time { return people.Now }, Logger: slog.New(slog.DiscardHandler), Every: 100 * time.Millisecond,
	})
	heap := live()
	from, used := time.Now(), cpu()
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	defer func() {
		cancel()
		if stopped := <-done; err == nil {
			err = stopped
		}
	}()
	f, err := k.Figures(ctx)
	if err != nil {
		return m, err
	}
	m.first, m.cpu = time.Since(from), cpu()-used
	if f.People == nil || *f.People != int64(n-n%10) {
		return m, fmt.Errorf("%v people instead of %d", f.People, n)
	}
	m.bytes = (live() - heap) / float64(n)
	all := l.change(changed, uint64(l.position))
	used = cpu()
	const atOnce = 500
	for i := 0; i < len(all); i += atOnce {
		l.changes <- all[i : i+atOnce]
	}
	for k.Last().Position < l.position {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		time.Sleep(10 * time.Millisecond) // each look counts as well
	}
	m.changes = cpu() - used
	runtime.KeepAlive(k)
	return m, nil
}

var bundle = ours.Bundle()

// naive decides about everybody, plan by plan, and gives nanoseconds for one person.
func naive(l *ledger, n int) (float64, error) {
	var plans []*decide.Plan
	for _, p := range bundle.Purposes {
		for _, x := range p.Processing {
			if plan, ok := decide.Share(bundle, p.Name, x); ok {
				plans = append(plans, plan)
			}
		}
	}
	permitted := 0
	took := harness.Time(n, func() {
		for i := range n {
			r := l.record(i)
			facts := func(p consent.PurposeID) consent.Fact { return consent.Project(r, p, people.Now) }
			for _, plan := range plans {
				if plan.Person(facts, decide.Collected{}, decide.Now{Ledger: people.Now}).Permit() {
					permitted++
				}
			}
		}
	})
	if permitted == 0 {
		return 0, fmt.Errorf("nobody is permitted")
	}
	return took, nil
}

// live is the heap in use, in bytes.
func live() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// cpu is the processor time of this process, in milliseconds.
func cpu() float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err) // the arguments are right
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}
