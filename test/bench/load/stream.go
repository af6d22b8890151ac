package load

import (
	"fmt"

	"github.com/optup/optup/test/bench/harness"
)

// stream compares a filtered list with the same list unfiltered: by the sidecar, on an endpoint without personal data, and by the
// plain proxy. The faster of these two is the peer.
func (w *world) stream(out map[string]harness.Samples) error {
	long, short := w.env.Size(1024, 4), w.env.Size(64, 2)
	type side struct {
		name, proxy, path string
		size              int
		most              []float64
		bytes             float64
	}
	sides := []*side{
		{name: "filtered", proxy: ours, path: "list", size: long},
		{name: "sidecar, unfiltered", proxy: ours, path: "open", size: long},
		{name: "plain proxy", proxy: reverseProxy, path: "list", size: long},
		{name: "filtered, short", proxy: ours, path: "list", size: short},
	}
	var turns []harness.Side
	for _, s := range sides {
		turns = append(turns, harness.Side{Name: s.name, Run: func(round int) (float64, error) {
			p := w.proxies[s.proxy]
			var t told
			if _, err := p.settled(); err != nil {
				return 0, err
			}
			most, err := watch(p.process, func() (err error) {
				t, err = w.client.ask(order{Address: p.address, Host: w.host(), Path: fmt.Sprintf("/v1/%s/%d", s.path, s.size)})
				return err
			})
			if round >= 0 {
				s.most = append(s.most, most/(1<<20))
			}
			s.bytes = float64(t.Bytes)
			// For each KiB that the service sent, whatever was left of it.
			return float64(t.Took) / float64(s.size<<10), err
		}})
	}
	got, err := harness.Turns(w.ctx, w.env.Rounds, turns...)
	if err != nil {
		return err
	}
	faster := got[1]
	if harness.Median(got[2]) < harness.Median(got[1]) {
		faster = got[2]
	}
	absolutes := map[string]float64{}
	for i, s := range sides {
		absolutes["MB/s "+s.name] = 1024 / harness.Median(got[i]) * 1000
	}
	absolutes["share of bytes left"] = sides[0].bytes / sides[1].bytes
	out["proxy.stream"] = harness.Samples{Ours: got[0], Peer: faster, Absolutes: absolutes}
	out["proxy.stream.memory"] = harness.Samples{
		Ours: sides[0].most, Peer: sides[3].most, Absolutes: map[string]float64{"MiB unfiltered": harness.Median(sides[1].most)},
	}
	return nil
}
