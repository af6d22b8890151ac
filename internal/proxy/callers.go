package proxy

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/optup/optup/internal/peer"
)

const (
	// maxCallers bounds who is remembered, and callerTime for how long.
	maxCallers = 64
	callerTime = 24 * time.Hour
)

// callers remembers who called the services that are provided here, so that nobody closes one blindly. It holds names and addresses of
// workloads, and nothing of what they asked for.
type callers struct {
	mu   sync.Mutex
	seen map[caller]time.Time
}

// caller is one of them; one that proved nothing is known by its address.
type caller struct {
	service, namespace, workload, proof string
	address                             netip.Addr
}

// note remembers one request.
func (c *callers) note(service string, a *arrival, remote string) {
	one := caller{service: service, proof: peer.ProofNone}
	switch {
	case a.caller == nil:
		if at, err := netip.ParseAddrPort(remote); err == nil {
			one.address = at.Addr().Unmap().WithZone("")
		}
	case a.token:
		one.namespace, one.workload, one.proof = a.caller.Name.Namespace, a.caller.Name.Workload, peer.ProofToken
	default:
		one.namespace, one.workload, one.proof = a.caller.Name.Namespace, a.caller.Name.Workload, peer.ProofCertificate
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[caller]time.Time{}
	}
	if _, known := c.seen[one]; !known && len(c.seen) >= maxCallers {
		c.forget(now)
	}
	c.seen[one] = now
}

// forget makes room: for who did not call for long, else for who called longest ago.
func (c *callers) forget(now time.Time) {
	var oldest caller
	at := now
	for one, seen := range c.seen {
		if now.Sub(seen) > callerTime {
			delete(c.seen, one)
		} else if !seen.After(at) {
			oldest, at = one, seen
		}
	}
	if len(c.seen) >= maxCallers {
		delete(c.seen, oldest)
	}
}

// Callers gives who called in the last day the services that the workload provides.
func (p *Proxy) Callers() []peer.Observed {
	c := &p.callers
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []peer.Observed
	for one, seen := range c.seen {
		if time.Since(seen) > callerTime {
			continue
		}
		x := peer.Observed{Service: one.service, Namespace: one.namespace, Workload: one.workload, Proof: one.proof, Seen: seen}
		if one.address.IsValid() {
			x.Address = one.address.String()
		}
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b peer.Observed) int { return b.Seen.Compare(a.Seen) })
	return out
}
