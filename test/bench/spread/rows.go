package spread

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/optup/optup/test/bench/database"
	"github.com/optup/optup/test/bench/harness"
	run "github.com/optup/optup/test/process"
)

// The sides.
const (
	sideOurs   = "ours"
	sideNATS   = "nats"
	sideListen = "listen"
)

const rate = 100

// Suite measures how withdrawals spread, and what subscribers cost.
func Suite() harness.Suite {
	const nats, listen = "embedded NATS, the same bytes", "one LISTEN over TLS for each subscriber"
	return harness.Suite{
		Name: "spread",
		Rows: []harness.Row{
			{ID: "spread.p50.nats", What: "committed withdrawal to 1,000 TLS subscribers, median", Unit: "ms", Peer: nats, Must: harness.AtMost(2)},
			{ID: "spread.p99.nats", What: "committed withdrawal to 1,000 TLS subscribers, p99", Unit: "ms", Peer: nats, Must: harness.AtMost(2)},
			{ID: "spread.p99.listen", What: "committed withdrawal to 1,000 TLS subscribers, p99", Unit: "ms", Peer: listen, Must: harness.AtMost(0.1)},
			{ID: "spread.memory", What: "resident size of the ledger for a TLS subscriber", Unit: "KiB", Must: harness.OwnAtMost(64)},
			{ID: "spread.memory.history", What: "the same after as many events again as fill the ring", Unit: "KiB", Peer: "before them", Must: harness.AtMost(1.25)},
		},
		Measure: measure,
	}
}

func measure(ctx context.Context, env *harness.Env, asked harness.Asked) (map[string]harness.Samples, error) {
	w := &world{ctx: ctx, env: env, count: env.Size(1000, 20), people: env.Size(1_000_000, 500), sides: map[string]*side{}}
	defer w.close()
	if err := w.prepare(); err != nil {
		return nil, err
	}
	out := map[string]harness.Samples{}
	if asked.Any("spread.memory", "spread.memory.history") {
		if err := w.weigh(out); err != nil {
			return out, err
		}
	}
	if !asked.Any("spread.p50.nats", "spread.p99.nats", "spread.p99.listen") {
		return out, nil
	}
	names := []string{sideOurs}
	if asked.Any("spread.p50.nats", "spread.p99.nats") {
		names = append(names, sideNATS)
	}
	if asked("spread.p99.listen") {
		names = append(names, sideListen)
	}
	got, err := w.rounds(names)
	if err != nil {
		return out, err
	}
	mine := got[sideOurs]
	all := map[string]float64{}
	for _, r := range got {
		maps.Copy(all, r.absolutes)
	}
	if peer, ok := got[sideNATS]; ok {
		out["spread.p50.nats"] = harness.Samples{Ours: mine.p50, Peer: peer.p50, Absolutes: all}
		out["spread.p99.nats"] = harness.Samples{Ours: mine.p99, Peer: peer.p99, Absolutes: all}
	}
	if peer, ok := got[sideListen]; ok {
		out["spread.p99.listen"] = harness.Samples{Ours: mine.p99, Peer: peer.p99, Absolutes: all}
	}
	return out, nil
}

// world is what all sides share.
type world struct {
	ctx           context.Context //nolint:containedctx // processes end with it
	env           *harness.Env
	count, people int
	folder        string
	sides         map[string]*side
	database      *database.Server
}

// side is a ledger with its subscribers.
type side struct {
	ledger, subscribers *child
	position            uint64
}

// prepare makes the database of all sides, and the certificate.
func (w *world) prepare() error {
	w.folder = filepath.Join(w.env.Dir, "spread")
	if err := errors.Join(os.MkdirAll(w.folder, 0o700), certificate(w.folder)); err != nil {
		return err
	}
	w.env.Say("spread: a ledger of %d people", w.people)
	c, err := startChild(w.ctx, "publisher", publishing{Side: "import", Data: filepath.Join(w.folder, "import"), Folder: w.folder, People: w.people})
	if err != nil {
		return err
	}
	defer c.stop()
	_, err = c.read()
	return err
}

// side starts a side, if it does not run.
func (w *world) side(name string) (*side, error) {
	if s := w.sides[name]; s != nil {
		return s, nil
	}
	data := filepath.Join(w.folder, name)
	if err := os.CopyFS(data, os.DirFS(filepath.Join(w.folder, "import"))); err != nil {
		return nil, err
	}
	address, err := run.Free()
	if err != nil {
		return nil, err
	}
	if name == sideListen {
		if w.database, err = database.Start(w.count); err != nil {
			return nil, err
		}
		if address, err = secured(w.ctx, w.database, w.folder); err != nil {
			return nil, err
		}
	}
	s := &side{}
	w.sides[name] = s
	if s.ledger, err = startChild(w.ctx, "publisher", publishing{Side: name, Data: data, Folder: w.folder, Address: address, People: w.people}); err != nil {
		return nil, err
	}
	head, err := s.ledger.read()
	if err != nil {
		return nil, err
	}
	s.position = head.Position
	s.subscribers, err = startChild(w.ctx, "subscribers", subscribing{Side: name, Folder: w.folder, Address: address, Count: w.count, People: w.people})
	return s, err
}

// publish has events appended and gives what the subscribers saw of them.
func (s *side) publish(n, rate int) (ledger, subscribers told, err error) {
	if _, err := s.subscribers.do(order{Expect: n, First: s.position + 1}); err != nil {
		return told{}, told{}, err
	}
	if ledger, err = s.ledger.do(order{Publish: n, Rate: rate}); err != nil {
		return ledger, told{}, err
	}
	if want := s.position + uint64(n); ledger.Position != want {
		return ledger, told{}, fmt.Errorf("the ledger stands at %d instead of %d", ledger.Position, want)
	}
	s.position = ledger.Position
	subscribers, err = s.subscribers.do(order{Expect: n})
	return ledger, subscribers, err
}

// results of one side.
type results struct {
	p50, p99  []float64
	absolutes map[string]float64
}

// rounds has the sides take turns. Only the subscribers of the side whose turn it is are there.
func (w *world) rounds(names []string) (map[string]*results, error) {
	out := map[string]*results{}
	n := w.env.Size(3*rate, 20)
	var sides []harness.Side
	for _, name := range names {
		r := &results{absolutes: map[string]float64{}}
		out[name] = r
		sides = append(sides, harness.Side{Name: name, Run: func(round int) (float64, error) {
			s, err := w.side(name)
			if err != nil {
				return 0, err
			}
			if _, err := s.subscribers.do(order{Come: true}); err != nil {
				return 0, err
			}
			time.Sleep(time.Second) // handshakes leave garbage behind
			l, got, err := s.publish(n, rate)
			if err != nil {
				return 0, err
			}
			if round >= 0 {
				r.p50, r.p99 = append(r.p50, got.P50), append(r.p99, got.P99)
				r.absolutes[name+" p50 ms"], r.absolutes[name+" p99 ms"] = harness.Median(r.p50), harness.Median(r.p99)
				r.absolutes[name+" max ms"] = max(got.Max, r.absolutes[name+" max ms"])
				maps.Copy(r.absolutes, got.More)
				if name == sideOurs {
					maps.Copy(r.absolutes, l.More)
				}
			}
			_, err = s.subscribers.do(order{Leave: true})
			return got.P99, err
		}})
	}
	w.env.Say("spread: %d rounds, %d events at %d a second to %d subscribers", w.env.Rounds, n, rate, w.count)
	_, err := harness.Turns(w.ctx, w.env.Rounds, sides...)
	return out, err
}

// weigh measures what a subscriber costs the ledger.
func (w *world) weigh(out map[string]harness.Samples) error {
	s, err := w.side(sideOurs)
	if err != nil {
		return err
	}
	// The ledger reads its snapshot and appends before it is weighed, so that only subscribers are added.
	if _, err := s.subscribers.do(order{Come: true}); err != nil {
		return err
	}
	if _, _, err := s.publish(w.env.Size(rate, 10), 0); err != nil {
		return err
	}
	if _, err := s.subscribers.do(order{Leave: true}); err != nil {
		return err
	}
	// The snapshot that those who come together share is let go after some seconds.
	const letGo = 6 * time.Second
	time.Sleep(letGo)
	before, err := s.ledger.do(order{Weigh: true})
	if err != nil {
		return err
	}
	if _, err := s.subscribers.do(order{Come: true}); err != nil {
		return err
	}
	time.Sleep(letGo)
	one := func(n int) (told, float64, error) {
		if _, _, err := s.publish(n, rate); err != nil {
			return told{}, 0, err
		}
		t, err := s.ledger.do(order{Weigh: true})
		return t, (t.Resident - before.Resident) / float64(w.count) / 1024, err
	}
	after, each, err := one(w.env.Size(2*rate, 10))
	if err != nil {
		return err
	}
	memory := harness.Samples{Ours: []float64{each}, Absolutes: map[string]float64{
		"subscribers": float64(w.count), "live heap KiB": (after.Heap - before.Heap) / float64(w.count) / 1024,
		"stacks KiB":      (after.More["stacks"] - before.More["stacks"]) / float64(w.count) / 1024,
		"goroutines":      (after.More["goroutines"] - before.More["goroutines"]) / float64(w.count),
		"uncollected KiB": (after.More["resident as it was"] - before.Resident) / float64(w.count) / 1024,
	}}
	out["spread.memory"] = memory
	// The ring is filled and more.
	if _, _, err := s.publish(w.env.Size(8_000, 50), 1000); err != nil {
		return err
	}
	full, eachFull, err := one(w.env.Size(rate, 10))
	if err != nil {
		return err
	}
	if _, _, err := s.publish(w.env.Size(8_000, 50), 1000); err != nil {
		return err
	}
	_, again, err := one(w.env.Size(rate, 10))
	if err != nil {
		return err
	}
	out["spread.memory.history"] = harness.Samples{Ours: []float64{again}, Peer: []float64{eachFull}, Absolutes: map[string]float64{
		"ring and all, MiB more than before": (full.Resident - after.Resident) / (1 << 20),
	}}
	_, err = s.subscribers.do(order{Leave: true})
	return err
}

func (w *world) close() {
	for _, s := range w.sides {
		for _, c := range []*child{s.subscribers, s.ledger} {
			if c != nil {
				c.stop()
			}
		}
	}
	if w.database != nil {
		w.database.End()
	}
}
