package jsonlist

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/optup/optup/test/bench/harness"
)

// The peers, as they are shown.
const (
	peerGeneric = "encoding/json decode-filter-encode"
	peerTokens  = "jsontext token copy"
	peerValues  = "jsontext value copy"
	peerGJSON   = "gjson (does not validate)"
)

// Suite measures the filter.
func Suite() harness.Suite {
	const list = "JSON list filter, 10,000 records of about 600 bytes, half dropped, two members removed"
	return harness.Suite{
		Name: "json",
		Rows: []harness.Row{
			{ID: "json.filter.stdlib", What: list, Unit: "ns/record", Peer: peerGeneric, Must: harness.AtMost(1. / 15)},
			{ID: "json.filter.jsontext", What: list + "; the faster of token copy and value copy", Unit: "ns/record", Peer: "jsontext", Must: harness.AtMost(1. / 3)},
			{ID: "json.filter.gjson", What: list, Unit: "ns/record", Peer: peerGJSON, Must: harness.Below(1)},
			{ID: "json.allocations", What: "objects allocated for each further record of a list", Unit: "objects/record", Must: harness.OwnAtMost(0)},
			{ID: "json.heap", What: "peak of live heap, a streamed list of 100,000 records against one of 1,000", Unit: "KiB", Peer: "1,000 records", Must: harness.AtMost(1.1)},
		},
		Measure: measure,
	}
}

func measure(ctx context.Context, env *harness.Env, asked harness.Asked) (map[string]harness.Samples, error) {
	out := map[string]harness.Samples{}
	if asked.Any("json.filter.stdlib", "json.filter.jsontext", "json.filter.gjson") {
		if err := speed(ctx, env, out); err != nil {
			return out, err
		}
	}
	if asked("json.allocations") {
		if err := allocations(env, out); err != nil {
			return out, err
		}
	}
	if asked("json.heap") {
		return out, heap(env, out)
	}
	return out, nil
}

func speed(ctx context.Context, env *harness.Env, out map[string]harness.Samples) error {
	n := env.Size(10_000, 200)
	list, who := records(n, env.Seed)
	body := document(list)
	names := []string{"ours", peerGeneric, peerTokens, peerValues, peerGJSON}
	own, err := ours(who)
	if err != nil {
		return err
	}
	filters := []side{own.whole(), generic(who), tokens(who), values(who), scanner(who)}
	want, err := filters[1](body)
	if err != nil {
		return err
	}
	sides := make([]harness.Side, len(filters))
	for i, f := range filters {
		got, err := f(body)
		if err == nil {
			err = same(got, want)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
		sides[i] = harness.Side{Name: names[i], Run: func(int) (float64, error) {
			// Short sides run several times, so that a round is no blink.
			times := 1
			if i != 1 {
				times = 5
			}
			var failed error
			ns := harness.Time(n*times, func() {
				for range times {
					if _, err := f(body); err != nil {
						failed = err
					}
				}
			})
			return ns, failed
		}}
	}
	got, err := harness.Turns(ctx, env.Rounds, sides...)
	if err != nil {
		return err
	}
	absolutes := map[string]float64{"records": float64(n), "bytes a record": float64(len(body) / n)}
	for i, name := range names {
		absolutes["MB/s "+name] = float64(len(body)/n) / harness.Median(got[i]) * 1000
	}
	faster := got[2]
	if harness.Median(got[3]) < harness.Median(got[2]) {
		faster = got[3]
	}
	out["json.filter.stdlib"] = harness.Samples{Ours: got[0], Peer: got[1], Absolutes: absolutes}
	out["json.filter.jsontext"] = harness.Samples{Ours: got[0], Peer: faster}
	out["json.filter.gjson"] = harness.Samples{Ours: got[0], Peer: got[4]}
	return nil
}

// allocations tells what each further record costs, whatever a document costs by itself: the difference between a short list and a
// long one. The least of several tries counts, because whatever else runs can only add.
func allocations(env *harness.Env, out map[string]harness.Samples) error {
	count := func(n int) (float64, error) {
		list, who := records(n, env.Seed)
		own, err := ours(who)
		if err != nil {
			return 0, err
		}
		f, body := own.whole(), document(list)
		least := uint64(1) << 62
		for range env.Rounds + 1 {
			var err error
			least = min(least, harness.Allocations(func() { _, err = f(body) }))
			if err != nil {
				return 0, err
			}
		}
		return float64(least), nil
	}
	few, many := env.Size(1_000, 100), env.Size(10_000, 500)
	a, err := count(few)
	if err != nil {
		return err
	}
	b, err := count(many)
	if err != nil {
		return err
	}
	out["json.allocations"] = harness.Samples{
		Ours: []float64{max(0, b-a) / float64(many-few)}, Absolutes: map[string]float64{"objects a short list": a, "objects a long list": b},
	}
	return nil
}

// heap compares the live heap while lists stream through.
func heap(env *harness.Env, out map[string]harness.Samples) error {
	few, many := env.Size(1_000, 50), env.Size(100_000, 500)
	list, who := records(few, env.Seed)
	f, err := ours(who)
	if err != nil {
		return err
	}
	var s harness.Samples
	for round := -1; round < env.Rounds; round++ {
		a, err := peak(f, list, 1)
		if err != nil {
			return err
		}
		b, err := peak(f, list, many/few)
		if err != nil {
			return err
		}
		if round >= 0 {
			s.Add(b, a)
		}
	}
	out["json.heap"] = s
	return nil
}

// peak is the most live heap, in KiB, that a list needs that repeats records.
func peak(f filter, list [][]byte, times int) (float64, error) {
	r := &repeated{list: list, left: len(list) * times, every: max(1, len(list)*times/50)}
	// Buffers that are kept for the next list are let go of at the second collection, so that they count.
	runtime.GC()
	runtime.GC()
	r.before = live()
	if err := f(io.Discard, r); err != nil {
		return 0, err
	}
	// Below a KiB there is nothing to compare.
	return max(1, float64(r.most)/1024), nil
}

func live() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// repeated is a list that is made while it is read, one record at a time. Now and then it looks at the live heap.
type repeated struct {
	list         [][]byte
	part         []byte
	at, left     int
	every        int
	before, most uint64
	state        int
}

// Read implements io.Reader.
func (r *repeated) Read(p []byte) (int, error) {
	if len(r.part) == 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.part)
	r.part = r.part[n:]
	return n, nil
}

func (r *repeated) next() error {
	switch {
	case r.state == 0:
		r.state, r.part = 1, []byte(`{"records":[`)
	case r.state == 1 && r.left > 0:
		if r.left%r.every == 0 {
			runtime.GC()
			if now := live(); now > r.before {
				r.most = max(r.most, now-r.before)
			}
		}
		r.left--
		r.part = r.list[r.at%len(r.list)]
		r.at++
		if r.left > 0 {
			r.state = 2
		}
	case r.state == 2:
		r.state, r.part = 1, []byte{','}
	case r.state == 1:
		r.state, r.part = 3, []byte(`],"next":"c-2"}`)
	default:
		return io.EOF
	}
	return nil
}
