package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/test/bench/harness"
	run "github.com/optup/optup/test/process"
)

const (
	// checkRate is in calls of Envoy a second, over checkConnections, as many as it has workers.
	checkRate, checkConnections = 1000, 2
	// questionRate is in AuthZEN questions a second, batch how many of them come together.
	questionRate, batch = 1000, 100

	peerEmpty   = "grpc-go, a Check handler that does nothing"
	peerSingles = "the same door, one question a request"

	authzen, emptyHandler = "authzen", "extauthz"
)

// Doors measures the sidecar's decisions for those who enforce them themselves.
func Doors() harness.Suite {
	check := fmt.Sprintf(", ext_authz at %d calls/s over %d connections, decision, metrics and use records on", checkRate, checkConnections)
	return harness.Suite{Name: "doors", Measure: measureDoors, Rows: []harness.Row{
		{ID: "doors.extauthz.latency", What: "whole latency, median" + check, Unit: "us", Peer: peerEmpty, Must: harness.AtMost(1.3)},
		{ID: "doors.extauthz.cpu", What: "processor time for a call" + check, Unit: "us/call", Peer: peerEmpty, Must: harness.AtMost(1.3)},
		{
			ID: "doors.authzen.batch", What: fmt.Sprintf("processor time for an AuthZEN question of %d in a request, %d questions/s", batch, questionRate),
			Unit: "us/question", Peer: peerSingles, Must: harness.AtMost(0.1),
		},
	}}
}

func measureDoors(ctx context.Context, env *harness.Env, asked harness.Asked) (out map[string]harness.Samples, err error) {
	out = map[string]harness.Samples{}
	d, err := openDoors(ctx, env)
	if err != nil {
		return out, err
	}
	defer d.close()
	if asked.Any("doors.extauthz.latency", "doors.extauthz.cpu") {
		if err := d.checks(out); err != nil {
			return out, err
		}
	}
	if asked("doors.authzen.batch") {
		err = d.batches(out)
	}
	return out, err
}

// doorsWorld has a sidecar with its doors, the handler that does nothing, and a client of both.
type doorsWorld struct {
	*world
	grpc *client
}

func openDoors(ctx context.Context, env *harness.Env) (d *doorsWorld, err error) {
	d = &doorsWorld{world: &world{ctx: ctx, env: env, people: env.Size(10_000, 200), proxies: map[string]*proxy{}}}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	binary := map[string]string{}
	for _, name := range []string{"ledger", ours, emptyHandler} {
		if binary[name], err = build(ctx, env, name); err != nil {
			return d, err
		}
	}
	if err := errors.Join(d.startService(), d.startClient()); err != nil {
		return d, err
	}
	if d.grpc, err = d.startClientOf("checks", binary[emptyHandler], "client"); err != nil {
		return d, err
	}
	ledger, token, err := d.startLedger(binary["ledger"])
	if err != nil {
		return d, err
	}
	return d, errors.Join(d.startDoors(binary[ours], ledger, token), d.startEmptyHandler(binary[emptyHandler]))
}

// startDoors starts a sidecar whose AuthZEN door answers as much as it is asked.
func (d *doorsWorld) startDoors(binary, ledger, token string) error {
	var listen [2]string
	for i := range listen {
		var err error
		if listen[i], err = run.Free(); err != nil {
			return err
		}
	}
	err := d.startSidecarWith(binary, ledger, token, func(*ir.Bundle) {}, "--ext-authz", listen[0], "--authzen", listen[1], "--authzen-rate", "1000000")
	if err != nil {
		return err
	}
	sidecar := d.proxies[ours].process
	d.proxies[ours], d.proxies[authzen] = &proxy{process: sidecar, address: listen[0]}, &proxy{process: sidecar, address: listen[1]}
	return nil
}

func (d *doorsWorld) startEmptyHandler(binary string) error {
	listen, err := run.Free()
	if err != nil {
		return err
	}
	p, err := d.start("handler", coreProxy, nil, binary, "serve", listen)
	if err != nil {
		return err
	}
	d.proxies[emptyHandler] = &proxy{process: p, address: listen}
	return p.listens(d.ctx, listen)
}

// checkOrder is what the client of ext_authz is to do, checkTold what came of it (see peers/extauthz).
type checkOrder struct {
	Address, Host            string
	Paths                    []string
	Rate, Calls, Connections int
	Decided                  bool
}

type checkTold struct {
	Latencies []int64
	Message   int
	Error     string
}

func (d *doorsWorld) checks(out map[string]harness.Samples) error {
	calls := checkRate * d.env.Size(24, 4) / 10 / shorter
	names := []string{ours, emptyHandler}
	rounds, message := make([][]one, len(names)), 0
	var sides []harness.Side
	for i, name := range names {
		sides = append(sides, harness.Side{Name: name, Run: func(round int) (float64, error) {
			r, size, err := d.checkRound(name, (round+1)*calls, calls)
			if err == nil && round >= 0 {
				rounds[i], message = append(rounds[i], r), size
			}
			return r.p50, err
		}})
	}
	d.env.Say("doors: %d calls/s of ext_authz, %d rounds of %d calls to each of %d", checkRate, d.env.Rounds*shorter, calls, len(names))
	if _, err := harness.Turns(d.ctx, d.env.Rounds*shorter, sides...); err != nil {
		return err
	}
	var latency, cpu harness.Samples
	for r := range rounds[0] {
		latency.Add(rounds[0][r].p50, rounds[1][r].p50)
		cpu.Add(rounds[0][r].cpu, rounds[1][r].cpu)
	}
	latency.Absolutes = map[string]float64{"bytes of a message": float64(message)}
	for i, name := range names {
		var all []float64
		for _, r := range rounds[i] {
			all = append(all, r.all...)
		}
		latency.Absolutes[name+" us p50"], latency.Absolutes[name+" us p99"] = harness.Median(all), harness.Quantile(all, 0.99)
	}
	out["doors.extauthz.latency"], out["doors.extauthz.cpu"] = latency, cpu
	return nil
}

// checkRound asks one of the two for a while.
func (d *doorsWorld) checkRound(name string, first, calls int) (out one, message int, err error) {
	p := d.proxies[name]
	o := checkOrder{Address: p.address, Host: d.host(), Rate: checkRate, Calls: calls, Connections: checkConnections, Decided: name == ours}
	for i := range calls {
		o.Paths = append(o.Paths, "/v1/"+aboutOffers+"/"+url.PathEscape(address((first+i)%d.people)))
	}
	var t checkTold
	out.cpu, err = p.spent(calls, func() error { return d.grpc.exchange(o, &t) })
	if err == nil && t.Error != "" {
		err = errors.New(t.Error)
	}
	if err != nil {
		return out, 0, fmt.Errorf("%s: %w", name, err)
	}
	for _, ns := range t.Latencies {
		out.all = append(out.all, float64(ns)/1000)
	}
	out.p50 = harness.Median(out.all)
	return out, t.Message, nil
}

// spent gives the processor time in microseconds that each of n took.
func (p *process) spent(n int, fn func() error) (float64, error) {
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	if err := fn(); err != nil {
		return 0, err
	}
	after, err := p.cpu()
	return float64((after - before).Microseconds()) / float64(n), err
}

// batches compares questions that come together with such that come one by one, as many in the same time.
func (d *doorsWorld) batches(out map[string]harness.Samples) error {
	p, questions := d.proxies[authzen], questionRate*d.env.Size(24, 4)/10/shorter
	side := func(together int) harness.Side {
		name := fmt.Sprintf("%d together", together)
		return harness.Side{Name: name, Run: func(round int) (float64, error) {
			return p.spent(questions, func() error {
				_, err := d.client.ask(order{
					Address: p.address, Host: p.address, Rate: questionRate / together, Requests: questions / together, Connections: connections,
					People: d.people, First: (round + 1) * questions, Ask: together,
				})
				return err
			})
		}}
	}
	d.env.Say("doors: %d AuthZEN questions/s, %d rounds of %d to each of 2", questionRate, d.env.Rounds*shorter, questions)
	got, err := harness.Turns(d.ctx, d.env.Rounds*shorter, side(batch), side(1))
	if err != nil {
		return err
	}
	out["doors.authzen.batch"] = harness.Samples{Ours: got[0], Peer: got[1]}
	return nil
}

// questions is an AuthZEN request about so many people, from one on.
func (o order) questions(first int) []byte {
	type object = map[string]any
	person := func(i int) object { return object{"resource": object{"type": "email", "id": address(i % o.People)}} }
	q, path := object{
		"subject": object{"type": "workload", "id": "shop/dashboard"}, "action": object{"name": string(ir.ProcessingShow)},
		"context": object{"purpose": profile},
	}, "/access/v1/evaluations"
	if o.Ask == 1 {
		path, q["resource"] = "/access/v1/evaluation", person(first)["resource"]
	} else {
		var all []object
		for i := range o.Ask {
			all = append(all, person(first+i))
		}
		q["evaluations"] = all
	}
	body, err := json.Marshal(q)
	if err != nil {
		panic(err) // it is made of texts
	}
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, o.Host, len(body), body)
}

// decided reads the answers to AuthZEN questions: everybody agreed.
func (o order) decided(res *http.Response) error {
	type answer struct {
		Decision bool
	}
	var got struct {
		answer
		Evaluations []answer
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &got); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("an answer with status %d: %.200s", res.StatusCode, text)
	}
	if o.Ask == 1 {
		got.Evaluations = []answer{got.answer}
	}
	for _, one := range got.Evaluations {
		if !one.Decision {
			return fmt.Errorf("somebody who agreed is refused: %.200s", text)
		}
	}
	if len(got.Evaluations) != o.Ask {
		return fmt.Errorf("%d answers to %d questions", len(got.Evaluations), o.Ask)
	}
	return nil
}
