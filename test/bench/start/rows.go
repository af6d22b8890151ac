package start

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/optup/optup/internal/ledger/client"
	"github.com/optup/optup/test/bench/harness"
	"github.com/optup/optup/test/bench/ours"
	"github.com/optup/optup/test/bench/people"
)

// Suite measures a start.
func Suite() harness.Suite {
	const what = "from nothing to a table with 1M identifiers, over HTTP"
	return harness.Suite{
		Name: "start",
		Rows: []harness.Row{
			{ID: "start.identifiers", What: what, Unit: "ms", Peer: "encoding/json, the same facts", Must: harness.AtMost(0.1)},
			{ID: "start.identifiers.compact", What: what, Unit: "ms", Peer: "encoding/json, combinations and numbers"},
		},
		Measure: measure,
	}
}

func measure(ctx context.Context, env *harness.Env, asked harness.Asked) (map[string]harness.Samples, error) {
	p := people.Population{Count: env.Size(1_000_000, 3_000), Seed: env.Seed, Expiring: people.Expiring}
	env.Say("start: writing a snapshot of %d people", p.Count)
	tags, err := ours.Tags(p.Count)
	if err != nil {
		return nil, err
	}
	snapshot, err := snapshotOf(p, tags)
	if err != nil {
		return nil, err
	}
	l, err := serve(snapshot)
	if err != nil {
		return nil, err
	}
	defer l.close()
	sides := []harness.Side{{Name: "ours", Run: func(int) (float64, error) { return l.follow(ctx, p) }}}
	sizes := map[string]float64{"people": float64(p.Count), "bytes a person, snapshot": float64(len(snapshot)) / float64(p.Count)}
	if asked("start.identifiers") {
		plain, err := plainOf(p, tags)
		if err != nil {
			return nil, err
		}
		sizes["bytes a person, JSON"] = float64(len(plain)) / float64(p.Count)
		sides = append(sides, harness.Side{Name: "encoding/json", Run: func(int) (float64, error) {
			return decode(plain, func(all *[]person) int { return len(*all) }, p.Count)
		}})
	}
	if asked("start.identifiers.compact") {
		plain, err := compactOf(p, tags)
		if err != nil {
			return nil, err
		}
		sizes["bytes a person, compact JSON"] = float64(len(plain)) / float64(p.Count)
		sides = append(sides, harness.Side{Name: "encoding/json, compact", Run: func(int) (float64, error) {
			return decode(plain, func(all *compact) int { return len(all.People) }, p.Count)
		}})
	}
	env.Say("start: %d rounds", env.Rounds)
	got, err := harness.Turns(ctx, env.Rounds, sides...)
	if err != nil {
		return nil, err
	}
	out := map[string]harness.Samples{}
	at := 1
	for _, id := range []string{"start.identifiers", "start.identifiers.compact"} {
		if asked(id) {
			out[id] = harness.Samples{Ours: got[0], Peer: got[at], Absolutes: sizes}
			at++
		}
	}
	return out, nil
}

// follow gives the milliseconds until a client of its own has everybody and knows that nothing is newer.
func (l *ledger) follow(ctx context.Context, p people.Population) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	runtime.GC()
	from := time.Now()
	feed := client.New(client.Options{
		URL: l.url, Token: func() (string, error) { return "token", nil }, Logger: slog.New(slog.DiscardHandler),
	})
	done := make(chan error, 1)
	go func() { done <- feed.Run(ctx) }()
	for feed.Position() < position || feed.Now().Age < 0 {
		select {
		case err := <-done:
			return 0, errors.Join(errors.New("the client ended"), err)
		case <-ctx.Done():
			return 0, errors.New("the client never had the snapshot")
		case <-time.After(200 * time.Microsecond):
		}
	}
	took := time.Since(from)
	err := check(feed, p)
	cancel()
	return float64(took.Microseconds()) / 1000, errors.Join(err, <-done)
}

// check tells whether the client knows who there is, and nobody else.
func check(feed *client.Feed, p people.Population) error {
	for i := range 100 {
		who := i * p.Count / 80 // some of them are nobody
		x := people.Person{}
		if who < p.Count {
			x = p.Person(who)
		}
		for n := range people.Purposes {
			id := ours.Email(who)
			_, known, err := feed.Lookup(id, people.Purpose(n))
			if err != nil || known != (x.Standing[n] != people.Never) {
				return fmt.Errorf("person %d: known %v, %w", who, known, err)
			}
		}
	}
	return nil
}

// decode gives the milliseconds that encoding/json takes.
func decode[T any](text []byte, count func(*T) int, want int) (float64, error) {
	runtime.GC()
	from := time.Now()
	var all T
	err := json.Unmarshal(text, &all)
	took := time.Since(from)
	if n := count(&all); err == nil && n != want {
		err = fmt.Errorf("%d people instead of %d", n, want)
	}
	return float64(took.Microseconds()) / 1000, err
}
