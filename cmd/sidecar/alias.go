package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/metrics"
)

// aliased is a declared host and the address that stands for it in this pod.
type aliased struct {
	address netip.Addr
	host    string
}

func parseAlias(v string) (aliased, error) {
	address, host, ok := strings.Cut(v, "=")
	a, err := netip.ParseAddr(address)
	if !ok || err != nil || !a.IsLoopback() || host == "" {
		return aliased{}, fmt.Errorf("%q: write address=host with an address of the loopback interface, for example 127.64.0.1=api.esp.example", v)
	}
	return aliased{a, strings.ToLower(host)}, nil
}

// door is where connections to one host and port arrive.
type door struct {
	aliased
	port uint16
}

// aliases are doors for every aliased host at the ports that the bundle in force declares for it.
type aliases struct {
	hosts []aliased
	// serve takes connections until the listener is closed.
	serve func(ctx context.Context, l net.Listener, host string, port uint16) error

	mu   sync.Mutex
	open map[door]context.CancelFunc
	// shut could not be opened.
	shut int
}

// follow opens and closes doors, so that they are those of a bundle. One that cannot be opened holds up no other, and no bundle: nobody gets
// through it.
func (d *aliases) follow(ctx context.Context, b *ir.Bundle) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == nil {
		d.open = map[door]context.CancelFunc{}
	}
	wanted := map[door]bool{}
	for _, a := range d.hosts {
		for i := range b.Services {
			for _, h := range b.Services[i].Hosts {
				for _, p := range b.Services[i].Ports {
					if h == a.host {
						wanted[door{a, uint16(p.Port)}] = true //nolint:gosec // validated
					}
				}
			}
		}
	}
	for x, end := range d.open {
		if !wanted[x] {
			end()
			delete(d.open, x)
		}
	}
	d.shut = 0
	for x := range wanted {
		if d.open[x] != nil {
			continue
		}
		l, err := net.Listen("tcp", netip.AddrPortFrom(x.address, x.port).String())
		if err != nil {
			d.shut++
			slog.Error("connections to a governed host cannot be taken; does the application listen on this port of all addresses?",
				"host", x.host, "port", x.port, "error", err)
			continue
		}
		ctx, end := context.WithCancel(ctx)
		d.open[x] = end
		go func() { _ = d.serve(ctx, l, x.host, x.port) }()
	}
}

func (d *aliases) export(r *metrics.Registry) {
	r.Gauge("optup_sidecar_aliases_shut", "Ports of governed hosts whose connections could not be taken under Alias, because something else listens there.",
		func() []metrics.Value {
			d.mu.Lock()
			defer d.mu.Unlock()
			return metrics.One(float64(d.shut))
		})
}
