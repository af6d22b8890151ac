package standalone

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/credential"
	config "github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/metrics"
	"github.com/optup/optup/internal/proxy"
	"github.com/optup/optup/internal/proxy/follow"
	"github.com/optup/optup/internal/uses"
)

// sidecar is that of one workload.
type sidecar struct {
	id       string
	proxy    *proxy.Proxy
	follower *follow.Follower
	// forget ends the feeds, and recorded is closed once use records have reached the ledger after that, or could not.
	forget   context.CancelFunc
	recorded chan struct{}
	bundle   compile.Bundle
	routes   map[string]*route // by declared host:port
}

// route is one declared host and port, and where it is served.
type route struct {
	service  *ir.Service
	host     string
	port     int
	listener net.Listener
	stop     context.CancelFunc
}

// stopTime is how long requests that have begun may take when something stops.
const stopTime = 5 * time.Second

func (x *Instance) newSidecar(b compile.Bundle) *sidecar {
	ctx, forget := context.WithCancel(x.life)
	current, credentials := &proxy.Current{}, &credential.Store{}
	s := &sidecar{
		id: idOf(b.Workload), forget: forget, recorded: make(chan struct{}), routes: map[string]*route{},
		proxy: &proxy.Proxy{Current: current, Metrics: proxy.NewMetrics(metrics.New()), Logger: x.o.Logger, Dial: x.dial, Credentials: credentials},
		follower: follow.New(ctx, x.group, current, follow.Options{
			Token: func() (string, error) { return x.token, nil }, Ledgers: x.followed, Logger: x.o.Logger, Credentials: credentials,
		}),
	}
	x.record(ctx, s)
	return s
}

// recordTime is how long use records may take to reach the ledger when a sidecar stops.
const recordTime = 500 * time.Millisecond

// record keeps what a sidecar decides in the ledger of the same process, so that a decision can be explained by its id.
func (x *Instance) record(ctx context.Context, s *sidecar) {
	r, err := uses.New(uses.Options{Send: s.follower.SendUses, Logger: x.o.Logger})
	if err != nil {
		close(s.recorded)
		return // only a folder fails, and there is none
	}
	s.proxy.Uses = r
	x.group.Go(func() error {
		defer close(s.recorded)
		return r.Run(ctx, func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.WithoutCancel(ctx), recordTime)
		})
	})
}

// close lets requests that have begun end, forgets what people agreed to, and waits until what was decided is recorded.
func (s *sidecar) close(ctx context.Context) error {
	for _, r := range s.routes {
		r.stop()
	}
	err := s.proxy.Shutdown(ctx)
	s.forget()
	<-s.recorded
	return err
}

// routesOf gives the routes that a bundle asks for: the first host of each service and port, which stands for all of them, and
// those that somebody gave an address.
func (x *Instance) routesOf(b *ir.Bundle) map[string]*route {
	out := map[string]*route{}
	for i := range b.Services {
		s := &b.Services[i]
		for _, p := range s.Ports {
			for n, h := range s.Hosts {
				key := hostPort(h, p.Port)
				if _, fixed := x.o.listen[key]; n == 0 || fixed {
					out[key] = &route{service: s, host: h, port: p.Port}
				}
			}
		}
	}
	return out
}

// apply takes policies into force, all of them or none: it first opens whatever can fail to open, and then swaps. It gives the
// workloads for which something has changed.
func (x *Instance) apply(ctx context.Context, p *policies) (changed []string, err error) {
	if err := x.openLedgers(ctx, p); err != nil {
		return nil, err
	}
	wanted, err := x.openRoutes(ctx, p)
	if err != nil {
		return nil, err
	}
	upstreams := x.upstreamsOf(p)
	x.upstreams.Store(&upstreams)
	x.inform(p)
	x.generation++
	next := map[string]*sidecar{}
	values := map[string]map[ir.Value]credential.Secret{}
	for _, b := range p.result.Bundles {
		if values[idOf(b.Workload)], err = x.o.credentials.Read(ir.Values(b.Bundle)); err != nil {
			return nil, err
		}
	}
	for _, b := range p.result.Bundles {
		id := idOf(b.Workload)
		s := x.sidecars[id]
		if s == nil {
			s = x.newSidecar(b)
		}
		next[id] = s
		if s.bundle.Hash != b.Hash {
			changed = append(changed, id)
		}
		if err := s.follower.Apply(config.Update{Generation: x.generation, Hash: b.Hash, Bundle: b.Bundle, Encoded: b.Encoded, Credentials: values[id]}); err != nil {
			return nil, err // only if the compiler and the sidecar disagree about what a bundle is
		}
		x.serve(s, b, wanted[id])
	}
	changed = append(changed, x.retire(next)...)
	x.mu.Lock()
	x.sidecars = next
	x.mu.Unlock()
	return changed, nil
}

// openRoutes gives the routes by workload, with listeners for those that are new. If one cannot be opened, none is.
func (x *Instance) openRoutes(ctx context.Context, p *policies) (_ map[string]map[string]*route, err error) {
	var opened []net.Listener
	defer func() {
		if err != nil {
			for _, l := range opened {
				err = errors.Join(err, l.Close())
			}
		}
	}()
	wanted := map[string]map[string]*route{}
	for _, b := range p.result.Bundles {
		id := idOf(b.Workload)
		wanted[id] = x.routesOf(b.Bundle)
		for _, key := range slices.Sorted(maps.Keys(wanted[id])) {
			if old := x.sidecars[id]; old != nil && old.routes[key] != nil {
				continue
			}
			l, err := x.listen(ctx, id, key)
			if err != nil {
				return nil, err
			}
			opened = append(opened, l)
			wanted[id][key].listener = l
		}
	}
	return wanted, nil
}

// serve starts the routes that are new and stops those that nobody declares any more.
func (x *Instance) serve(s *sidecar, b compile.Bundle, wanted map[string]*route) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s.bundle = b
	for key, r := range s.routes {
		if wanted[key] == nil {
			r.stop()
			delete(s.routes, key)
		}
	}
	for key, r := range wanted {
		if old := s.routes[key]; old != nil {
			old.service = r.service
			continue
		}
		ctx, stop := context.WithCancel(x.life)
		r.stop = stop
		s.routes[key] = r
		x.group.Go(func() error { return s.proxy.ServeHost(ctx, r.listener, r.host, uint16(r.port)) })
	}
}

// retire closes the sidecars of workloads that are gone.
func (x *Instance) retire(next map[string]*sidecar) []string {
	var gone []string
	for id, s := range x.sidecars {
		if next[id] != nil {
			continue
		}
		gone = append(gone, id)
		x.group.Go(func() error {
			end, cancel := context.WithTimeout(context.WithoutCancel(x.life), stopTime)
			defer cancel()
			_ = s.close(end) // what has not ended by then is cut
			return nil
		})
	}
	slices.Sort(gone)
	return gone
}

// listen opens the address of a route: the one that somebody fixed, the one that it had before, or the next that is free.
func (x *Instance) listen(ctx context.Context, id, key string) (net.Listener, error) {
	var lc net.ListenConfig
	if addr := x.o.listen[key]; addr != "" {
		l, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("--listen %s=%s: %w", key, addr, err)
		}
		return l, nil
	}
	had := id + " " + key
	if addr := x.addresses[had]; addr != "" {
		if l, err := lc.Listen(ctx, "tcp", addr); err == nil {
			return l, nil
		}
	}
	l, err := x.hostPorts.listen(ctx)
	if err == nil {
		x.addresses[had] = l.Addr().String()
	}
	return l, err
}

// checkFlags fails for flags that stand for nothing in the folder. It is for the start: an edit may make them stand for something.
func (x *Instance) checkFlags(p *policies) error {
	if len(x.o.listen) > 0 && len(p.result.Bundles) > 1 {
		var all []string
		for _, b := range p.result.Bundles {
			all = append(all, idOf(b.Workload))
		}
		return fmt.Errorf("--listen needs one workload; choose it with --workload: %s", strings.Join(all, ", "))
	}
	declared := map[string]bool{}
	var wanted []ir.Value
	for _, b := range p.result.Bundles {
		wanted = append(wanted, ir.Values(b.Bundle)...)
		for _, s := range b.Bundle.Services {
			if host, port := tokenEndpoint(s.Credential); host != "" {
				declared[host], declared[hostPort(host, port)] = true, true
			}
			for _, h := range s.Hosts {
				declared[h] = true
				for _, port := range s.Ports {
					declared[hostPort(h, port.Port)] = true
				}
			}
		}
	}
	for flag, keys := range map[string]map[string]string{"--listen": x.o.listen, "--upstream": x.o.upstreams} {
		for key := range keys {
			if !declared[key] {
				return fmt.Errorf("%s %s: no DataService that the workloads may see declares this host and port", flag, key)
			}
		}
	}
	return x.o.credentials.Check(wanted)
}
