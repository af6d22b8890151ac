package proxy

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/optup/optup/internal/ir"
)

const (
	resolveTimeout = time.Second
	// resolveAgain is how long an answer is used: the time in which a Service that was made anew gets noticed.
	resolveAgain = 5 * time.Second
)

// resolver knows the addresses of the names that a bundle speaks of, so that a connection is recognised by where it goes even if
// it never says a name. Addresses that a name once had stay its own until the bundle changes.
type resolver struct {
	mu      sync.Mutex
	asked   time.Time
	byAddr  map[netip.Addr][]string
	names   []string
	running bool
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

func newResolver(b *ir.Bundle, previous *State) *resolver {
	r := &resolver{byAddr: map[netip.Addr][]string{}, lookup: net.DefaultResolver.LookupNetIP}
	if previous != nil && previous.resolver != nil {
		r.lookup = previous.resolver.lookup
	}
	for _, s := range b.Services {
		r.names = append(r.names, s.Hosts...)
	}
	for _, h := range b.Ungoverned.Hosts {
		if !strings.ContainsAny(h, "*/") {
			r.names = append(r.names, h)
		}
	}
	slices.Sort(r.names)
	r.names = slices.Compact(r.names)
	return r
}

// namesOf gives the declared names that an address belongs to. It asks DNS where the last answer is old, and waits for the answer
// the first time only.
func (r *resolver) namesOf(addr netip.Addr) []string {
	addr = addr.Unmap()
	r.mu.Lock()
	first := r.asked.IsZero()
	stale := time.Since(r.asked) > resolveAgain && !r.running
	if stale {
		r.running, r.asked = true, time.Now()
	}
	names := r.byAddr[addr]
	r.mu.Unlock()
	switch {
	case stale && (first || names == nil):
		// An address that nobody knows may be a governed name's new one.
		r.refresh()
		r.mu.Lock()
		names = r.byAddr[addr]
		r.mu.Unlock()
	case stale:
		go r.refresh()
	}
	return names
}

func (r *resolver) refresh() {
	ctx, cancel := context.WithTimeout(context.Background(), resolveTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for _, name := range r.names {
		wg.Go(func() {
			if addr, err := netip.ParseAddr(name); err == nil {
				r.add(addr, name)
				return
			}
			// Every name of a bundle is absolute; a search list must not make it another's.
			addrs, err := r.lookup(ctx, "ip", name)
			if err != nil {
				return
			}
			for _, a := range addrs {
				r.add(a, name)
			}
		})
	}
	wg.Wait()
	r.mu.Lock()
	r.running = false
	r.mu.Unlock()
}

func (r *resolver) add(addr netip.Addr, name string) {
	addr = addr.Unmap()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.byAddr[addr], name) {
		r.byAddr[addr] = append(r.byAddr[addr], name)
	}
}
