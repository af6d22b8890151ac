package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/optup/optup/test/bypass/attack"
	"github.com/optup/optup/test/bypass/liberal"
	"github.com/optup/optup/test/bypass/world"
	"github.com/optup/optup/test/process"
)

// harness runs a world and one sidecar after the other.
type harness struct {
	options
	dir   string
	world *world.World
	// product is the sidecar without a defect.
	product *world.Sidecar
	// fuzzers are told of mails, by their label.
	fuzzers sync.Map
	// last takes the mails whose label was lost on the way.
	last   atomic.Pointer[fuzzer]
	labels atomic.Uint64
}

func (h *harness) open(ctx context.Context) error {
	ledger, err := process.Build(ctx, h.dir, "ledger", "")
	if err != nil {
		return fmt.Errorf("build the ledger: %w", err)
	}
	h.world, err = world.Processes(ctx, h.seed, h.servers, ledger, h.sent)
	return err
}

// sent gives a mail to the fuzzer whose request it came from.
func (h *harness) sent(m liberal.Mail) {
	label, _, _ := strings.Cut(m.Attack, "-")
	if f, ok := h.fuzzers.Load(label + "-"); ok {
		f.(*fuzzer).sent(m)
	} else if f := h.last.Load(); f != nil {
		f.sent(m)
	}
}

func (h *harness) fuzzer(addresses map[string]string, progress io.Writer) *fuzzer {
	f := &fuzzer{
		market: h.world.Market, addresses: addresses, seed: h.seed, workers: h.workers, progress: progress,
		label: fmt.Sprintf("run%d-", h.labels.Add(1)),
	}
	f.prepare()
	h.fuzzers.Store(f.label, f)
	h.last.Store(f)
	return f
}

// all attacks the services without a sidecar, the product, and the product without one defence each.
func (h *harness) all(ctx context.Context) (err error) {
	if err := h.withoutSidecar(ctx); err != nil {
		return err
	}
	program, err := process.Build(ctx, h.dir, "sidecar", h.tag)
	if err != nil {
		return fmt.Errorf("build the sidecar: %w", err)
	}
	if h.product, err = h.world.Sidecar(ctx, program); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.product.Stop()) }()
	err = h.attack(ctx)
	if len(h.defects) == 0 || ctx.Err() != nil {
		return err
	}
	return errors.Join(err, h.planted(ctx))
}

// withoutSidecar shows that markers are found where nothing holds them back.
func (h *harness) withoutSidecar(ctx context.Context) error {
	for _, language := range h.servers {
		f := h.fuzzer(map[string]string{language: h.world.Direct(language)}, nil)
		f.requests, f.first = 200, true
		f.run(ctx)
		if _, found := f.firstLeak(); !found {
			return fmt.Errorf("without a sidecar, nothing is found behind the server for %s: the search is broken", language)
		}
		fmt.Printf("without a sidecar, %s: a marker after %d requests\n", language, f.foundAt)
	}
	return nil
}

// attack attacks the product for its time.
func (h *harness) attack(ctx context.Context) error {
	f := h.fuzzer(h.product.Addresses, os.Stdout)
	f.known, f.requests = true, h.requests
	timed, cancel := context.WithTimeout(ctx, h.time)
	f.run(timed)
	cancel()
	return errors.Join(f.control(), h.report(f, h.tag))
}

// control fails if people with permission did not come through: then nothing was shown.
func (f *fuzzer) control() error {
	var err error
	for _, l := range f.languages {
		if f.through[l] == 0 {
			err = errors.Join(err, fmt.Errorf("nobody with permission came through from the server for %s", l))
		}
	}
	if f.mailed.Load() == 0 {
		err = errors.Join(err, errors.New("no mail to people with permission came through"))
	}
	return err
}

// report keeps and prints one leak of each kind.
func (h *harness) report(f *fuzzer, tag string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(f.leaks)) {
		l := f.leaks[key][0]
		file, err := newRecord(h.seed, tag, f.label, l).keep(h.out)
		if err != nil {
			return err
		}
		fmt.Printf("LEAK %s (%d seen)\n  attack %s: %s\n  %s\n  send it again: go run ./test/bypass --replay %s\n", key, len(f.leaks[key]), number(l.attack), l.attack.Name, l.detail, file)
	}
	if n := len(f.leaks); n > 0 {
		return fmt.Errorf("%d kinds of leaks in %d attacks", n, f.done.Load())
	}
	fmt.Printf("no leak in %d attacks\n", f.done.Load())
	return nil
}

func number(a *attack.Attack) string {
	if a.Number >= attack.FirstKnown {
		return fmt.Sprintf("known %d", a.Number-attack.FirstKnown)
	}
	return fmt.Sprint(a.Number)
}

// planted attacks sidecars that lack one defence each, with mixtures alone.
func (h *harness) planted(ctx context.Context) error {
	type row struct {
		name, found string
		after       uint64
	}
	var rows []row
	missed := 0
	for _, name := range h.defects {
		one := row{name: name, found: "not found"}
		f, err := h.defect(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		one.after = f.done.Load()
		if l, found := f.firstLeak(); found {
			one.after = f.foundAt
			one.found = fmt.Sprintf("found: %s, %s, by %s", l.kind, l.attack.Language, l.attack.Name)
		} else {
			missed++
		}
		rows = append(rows, one)
	}
	fmt.Printf("\n%-24s %10s  %s\n", "planted defect", "requests", "")
	for _, r := range rows {
		fmt.Printf("%-24s %10d  %s\n", r.name, r.after, r.found)
	}
	if missed > 0 {
		return fmt.Errorf("%d of %d planted defects were not found", missed, len(rows))
	}
	return nil
}

func (h *harness) defect(ctx context.Context, name string) (*fuzzer, error) {
	started := time.Now()
	program, err := process.Build(ctx, h.dir, "sidecar", "defect_"+name)
	if err != nil {
		return nil, fmt.Errorf("build the sidecar: %w", err)
	}
	defer func() { _ = os.Remove(program) }()
	built := time.Since(started)
	s, err := h.world.Sidecar(ctx, program)
	if err != nil {
		return nil, err
	}
	f := h.fuzzer(s.Addresses, nil)
	f.requests, f.first, f.confirm = h.bound, true, h.holds
	f.run(ctx)
	fmt.Printf("%s: built in %.1f s, attacked for %.1f s\n", name, built.Seconds(), (time.Since(started) - built).Seconds())
	return f, s.Stop()
}

// holds tells whether the product holds what got through without a defence. What gets through there too shows nothing about a defect.
func (h *harness) holds(l leak) bool {
	f := h.fuzzer(h.product.Addresses, nil)
	defer h.fuzzers.Delete(f.label)
	f.one(f.make(l.attack.Number))
	time.Sleep(100 * time.Millisecond) // for what the service tells of mails
	_, found := f.firstLeak()
	return !found
}

// again sends a kept request.
func (h *harness) again(ctx context.Context, file string) error {
	kept, err := readRecord(file)
	if err != nil {
		return err
	}
	h.seed, h.servers = kept.Seed, []string{kept.Language}
	if h.tag == "" {
		h.tag = kept.Tag
	}
	if err := h.open(ctx); err != nil {
		return err
	}
	defer func() { _ = h.world.Stop() }()
	program, err := process.Build(ctx, h.dir, "sidecar", h.tag)
	if err != nil {
		return err
	}
	s, err := h.world.Sidecar(ctx, program)
	if err != nil {
		return err
	}
	defer func() { _ = s.Stop() }()
	f := h.fuzzer(s.Addresses, nil)
	f.label, _, _ = strings.Cut(kept.Label, "-")
	f.label += "-"
	h.fuzzers.Store(f.label, f)
	leaks := f.replay(kept, os.Stdout)
	for _, l := range leaks {
		fmt.Printf("LEAK %s: %s\n", l.kind, l.detail)
	}
	if len(leaks) > 0 {
		return errors.New("the request gets through")
	}
	fmt.Println("the request does not get through")
	return nil
}

// replay sends a kept request, shows what comes back, and judges it as before.
func (f *fuzzer) replay(kept record, out io.Writer) []leak {
	a, request := kept.attack(), fromCharacters(kept.Request)
	r := send(f.addresses[kept.Language], kept.Protocol, kept.Method, request, true)
	_, _ = fmt.Fprintf(out, "%q\n\n%q\n\n", request, r.raw)
	leaks, _ := judge(f.market, a, request, r)
	if kept.Twin != "" {
		absent := send(f.addresses[kept.Language], kept.Protocol, kept.Method, fromCharacters(kept.Twin), true)
		if r.shape() != absent.shape() {
			leaks = append(leaks, leak{a, "refused and absent differ", oneLine(r.shape()) + "; absent: " + oneLine(absent.shape())})
		}
	}
	time.Sleep(200 * time.Millisecond) // for what the service tells of mails
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, all := range f.leaks {
		leaks = append(leaks, all...)
	}
	return leaks
}
