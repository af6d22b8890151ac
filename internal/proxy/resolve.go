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
	mu     sync.Mutex
	asked  time.Time
	byAddr map[netip.Addr][]string
	names  []string
	// running is closed when the refresh that is under way has ended; nil if none is.
	running chan struct{}
	// unknown are names that no answer has come for yet, neither addresses nor that there are none.
	unknown map[string]bool
	lookup  lookup
}

func newResolver(b *ir.Bundle, previous *State) *resolver {
	r := &resolver{byAddr: map[netip.Addr][]string{}, unknown: map[string]bool{}, lookup: net.DefaultResolver.LookupNetIP}
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
	for _, n := range r.names {
		r.unknown[n] = true
	}
	return r
}

// namesOf gives the declared names that an address belongs to. Certain is false if it has none and some name's addresses are not
// known: the address may be that name's. It asks DNS where the last answer is old, and waits for answers about an unknown address.
func (r *resolver) namesOf(addr netip.Addr) (names []string, certain bool) {
	addr = addr.Unmap()
	r.mu.Lock()
	names = r.byAddr[addr]
	if time.Since(r.asked) > resolveAgain && r.running == nil {
		r.asked, r.running = time.Now(), make(chan struct{})
		go r.refresh(r.running)
	}
	running := r.running
	r.mu.Unlock()
	if len(names) > 0 {
		return names, true
	}
	if running != nil {
		// The address may be a governed name's new one, whoever asked first.
		<-running
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	names = r.byAddr[addr]
	return names, len(names) > 0 || len(r.unknown) == 0
}

// refresh asks for every name and closes done. A name that does not exist is known to have no address.
func (r *resolver) refresh(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), resolveTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for _, name := range r.names {
		wg.Go(func() {
			if addr, err := netip.ParseAddr(name); err == nil {
				r.add(name, addr)
				return
			}
			if addrs, err := r.lookup.complete(ctx, name, clusterDomain()); err == nil {
				r.add(name, addrs...)
			}
		})
	}
	wg.Wait()
	r.mu.Lock()
	r.running = nil
	r.mu.Unlock()
	close(done)
}

func (r *resolver) add(name string, addrs ...netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.unknown, name)
	for _, a := range addrs {
		a = a.Unmap()
		if !slices.Contains(r.byAddr[a], name) {
			r.byAddr[a] = append(r.byAddr[a], name)
		}
	}
}
