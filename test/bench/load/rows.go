package load

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/optup/optup/test/bench/harness"
)

const (
	peerReverse = "httputil.ReverseProxy, pooled buffers"
	peerCaddy   = "Caddy reverse_proxy"
	// connections of the client, more than are ever in use at these rates.
	connections = 64
	// ownBytes is what the table may take for one identifier.
	ownBytes = 16
	// limit of the resident size, besides the table, against the plain proxy's.
	memoryLimit = 1.5
)

var rates = []int{500, 1000}

// Suite measures the sidecar as a process.
func Suite() harness.Suite {
	var rows []harness.Row
	for _, rate := range rates {
		load := fmt.Sprintf(", 1 KB at %d requests/s, decision, metrics and use records on", rate)
		id := strconv.Itoa(rate)
		rows = append(rows,
			harness.Row{ID: "proxy.latency." + id, What: "added latency, median" + load, Unit: "us", Peer: peerReverse, Must: harness.AtMost(1.15)},
			harness.Row{ID: "proxy.latency.caddy." + id, What: "added latency, median" + load, Unit: "us", Peer: peerCaddy, Must: harness.Below(1)},
			harness.Row{ID: "proxy.cpu." + id, What: "processor time for a request" + load, Unit: "us/request", Peer: peerReverse, Must: harness.AtMost(1.15)},
			harness.Row{ID: "proxy.cpu.caddy." + id, What: "processor time for a request" + load, Unit: "us/request", Peer: peerCaddy, Must: harness.Below(1)},
			harness.Row{ID: "proxy.p99." + id, What: "whole latency, 99th percentile" + load, Unit: "us", Peer: peerReverse},
			harness.Row{ID: "proxy.filtered.latency." + id, What: "the same with an answer that is filtered: added latency, median" + load, Unit: "us", Peer: peerReverse},
			harness.Row{ID: "proxy.filtered.cpu." + id, What: "the same with an answer that is filtered: processor time for a request" + load, Unit: "us/request", Peer: peerReverse},
		)
	}
	rows = append(rows,
		harness.Row{ID: "proxy.memory", What: "resident size without the table of identifiers, after load and collection", Unit: "MiB", Peer: peerReverse, Must: harness.AtMost(memoryLimit)},
		harness.Row{ID: "proxy.stream", What: "a streamed list of 1 GB, half of the records dropped, two members removed", Unit: "ns/KiB", Peer: "the faster unfiltered pass-through", Must: harness.AtMost(2)},
		harness.Row{ID: "proxy.stream.memory", What: "most resident during a list of 1 GB against one of 64 MB", Unit: "MiB", Peer: "a list of 64 MB", Must: harness.AtMost(1.15)},
	)
	return harness.Suite{Name: "proxy", Rows: rows, Measure: measure}
}

func measure(ctx context.Context, env *harness.Env, asked harness.Asked) (out map[string]harness.Samples, err error) {
	out = map[string]harness.Samples{}
	w, err := open(ctx, env)
	if err != nil {
		return out, err
	}
	defer w.close()
	loaded := false
	for _, rate := range rates {
		id := strconv.Itoa(rate)
		if asked.Any("proxy.latency."+id, "proxy.latency.caddy."+id, "proxy.cpu."+id, "proxy.cpu.caddy."+id, "proxy.p99."+id,
			"proxy.filtered.latency."+id, "proxy.filtered.cpu."+id) {
			if err := w.latency(rate, out); err != nil {
				return out, err
			}
			loaded = true
		}
	}
	if asked("proxy.memory") {
		err = errors.Join(err, w.memory(loaded, out))
	}
	if asked.Any("proxy.stream", "proxy.stream.memory") {
		err = errors.Join(err, w.stream(out))
	}
	return out, err
}

// one is what a round of one proxy came to.
type one struct {
	p50, cpu float64
	all      []float64
	busy     int
}

// round sends for a while to one proxy. Numbers are microseconds.
func (w *world) round(name, about string, rate, requests int) (one, error) {
	var out one
	p := w.proxies[name]
	before, err := p.cpu()
	if err != nil {
		return out, err
	}
	t, err := w.client.ask(order{Address: p.address, Host: w.host(), Rate: rate, Requests: requests, Connections: connections, People: w.people, First: w.first, About: about})
	if err != nil {
		return out, fmt.Errorf("%s at %d requests/s: %w", name, rate, err)
	}
	after, err := p.cpu()
	if err != nil {
		return out, err
	}
	for _, ns := range t.Latencies {
		out.all = append(out.all, float64(ns)/1000)
	}
	out.cpu = float64((after - before).Microseconds()) / float64(requests)
	out.p50, out.busy = harness.Median(out.all), t.Busy
	return out, nil
}

func (w *world) host() string { return strings.Replace(w.service, "127.0.0.1", serviceHost, 1) }

// shorter is how many times more rounds there are, and how much shorter they are: the closer turns follow each other, the less the
// machine has changed between them.
const shorter = 4

func (w *world) latency(rate int, out map[string]harness.Samples) error {
	requests := rate * w.env.Size(24, 4) / 10 / shorter
	names := []string{direct, ours, reverseProxy, caddy, filtered}
	rounds := make([][]one, len(names))
	var sides []harness.Side
	for i, name := range names {
		sides = append(sides, harness.Side{Name: name, Run: func(round int) (float64, error) {
			w.first = (round + 1) * requests
			proxy, about := name, aboutOffers
			if name == filtered {
				proxy, about = ours, aboutPeople
			}
			r, err := w.round(proxy, about, rate, requests)
			if err == nil && round >= 0 {
				rounds[i] = append(rounds[i], r)
			}
			return r.p50, err
		}})
	}
	w.env.Say("proxy: %d requests/s, %d rounds of %d requests to each of %d", rate, w.env.Rounds*shorter, requests, len(names))
	if _, err := harness.Turns(w.ctx, w.env.Rounds*shorter, sides...); err != nil {
		return err
	}
	w.collect(rate, names, rounds, out)
	return nil
}

// collect makes rows of the rounds to each of the names: none, ours, two peers, and ours with an answer that is filtered.
func (w *world) collect(rate int, names []string, rounds [][]one, out map[string]harness.Samples) {
	absolutes := map[string]float64{}
	tails := make([]float64, len(names))
	for i, name := range names {
		var all []float64
		for _, r := range rounds[i] {
			all = append(all, r.all...)
			absolutes[name+" waited for a connection"] += float64(r.busy)
		}
		tails[i] = harness.Quantile(all, 0.99)
		absolutes[name+" us p50"], absolutes[name+" us p99"] = harness.Median(all), tails[i]
		absolutes[name+" us p99.9"] = harness.Quantile(all, 0.999)
	}
	var added, addedCaddy, cpu, cpuCaddy, addedFiltered, cpuFiltered harness.Samples
	for r := range rounds[0] {
		none, sidecar, plain, other, filters := rounds[0][r], rounds[1][r], rounds[2][r], rounds[3][r], rounds[4][r]
		added.Add(sidecar.p50-none.p50, plain.p50-none.p50)
		addedCaddy.Add(sidecar.p50-none.p50, other.p50-none.p50)
		cpu.Add(sidecar.cpu, plain.cpu)
		cpuCaddy.Add(sidecar.cpu, other.cpu)
		addedFiltered.Add(filters.p50-none.p50, plain.p50-none.p50)
		cpuFiltered.Add(filters.cpu, plain.cpu)
	}
	id := strconv.Itoa(rate)
	out["proxy.latency."+id], out["proxy.latency.caddy."+id] = added, addedCaddy
	out["proxy.cpu."+id], out["proxy.cpu.caddy."+id] = cpu, cpuCaddy
	out["proxy.filtered.latency."+id], out["proxy.filtered.cpu."+id] = addedFiltered, cpuFiltered
	out["proxy.p99."+id] = harness.Samples{Ours: tails[1:2], Peer: tails[2:3], Absolutes: absolutes}
}

// memory compares resident sizes after the same load.
func (w *world) memory(loaded bool, out map[string]harness.Samples) error {
	names := []string{ours, reverseProxy, caddy}
	if !loaded {
		for _, name := range names {
			if _, err := w.round(name, aboutOffers, 1000, w.env.Size(2000, 100)); err != nil {
				return err
			}
		}
	}
	table := float64(w.identifiers * ownBytes)
	var s harness.Samples
	var caddySize float64
	for range w.env.Rounds {
		var size [3]float64
		for i, name := range names {
			var err error
			if size[i], err = w.proxies[name].settled(); err != nil {
				return err
			}
		}
		s.Add((size[0]-table)/(1<<20), size[1]/(1<<20))
		caddySize = size[2] / (1 << 20)
	}
	s.Absolutes = map[string]float64{"identifiers": float64(w.identifiers), "MiB table": table / (1 << 20), "MiB Caddy": caddySize}
	out["proxy.memory"] = s
	return nil
}

// watch gives the most that a process held resident while fn ran.
func watch(p *process, fn func() error) (most float64, err error) {
	done := make(chan struct{})
	sampled := make(chan float64)
	go func() {
		most := 0.0
		for {
			if size, err := p.resident(); err == nil {
				most = max(most, size)
			}
			select {
			case <-done:
				sampled <- most
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	err = fn()
	close(done)
	return <-sampled, err
}
