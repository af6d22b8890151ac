package pages

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// errBusy reports a client that asks too often.
var errBusy = errors.New("too many requests")

// limits are those of one client address.
type limits struct {
	now func() time.Time
	// general is for every request, asking for what makes the ledger send a mail, guessing for tokens that do not count.
	general, asking, guessing bucket
}

// bucket lets a client do something a number of times at once, and again as time goes by. It forgets whoever has been quiet, so its
// memory is bounded by who has been busy lately; while it is full of those, strangers share one place.
type bucket struct {
	limits *limits
	burst  float64
	every  time.Duration

	mu      sync.Mutex
	clients map[netip.Addr]*level
}

type level struct {
	left float64
	at   time.Time
}

// maxClients bounds the clients that a bucket remembers.
const maxClients = 1 << 16

func newLimits(now func() time.Time) *limits {
	l := &limits{now: now}
	set := func(b *bucket, burst float64, every time.Duration) {
		b.limits, b.burst, b.every, b.clients = l, burst, every, map[netip.Addr]*level{}
	}
	set(&l.general, 240, time.Second/4)
	set(&l.asking, 12, 20*time.Second)
	set(&l.guessing, 30, 10*time.Second)
	return l
}

// take gives errBusy to a client that has used up what it has.
func (b *bucket) take(client netip.Addr) error {
	now := b.limits.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.clients[client]
	if l == nil {
		if len(b.clients) >= maxClients && !b.sweep(now) {
			client = netip.Addr{}
		}
		if l = b.clients[client]; l == nil {
			l = &level{left: b.burst, at: now}
			b.clients[client] = l
		}
	}
	l.left = min(b.burst, l.left+float64(now.Sub(l.at))/float64(b.every))
	l.at = now
	if l.left < 1 {
		return errBusy
	}
	l.left--
	return nil
}

// sweep forgets whoever has everything back, and tells whether that made room.
func (b *bucket) sweep(now time.Time) bool {
	for c, l := range b.clients {
		if l.left+float64(now.Sub(l.at))/float64(b.every) >= b.burst {
			delete(b.clients, c)
		}
	}
	return len(b.clients) < maxClients
}

// client is the address that a request counts for: that of the connection, or what the nearest proxy that is believed says about it. An
// IPv6 network counts as one client, because whoever has one address there has all of them.
func (p *Pages) client(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, _ := netip.ParseAddr(host)
	addr = addr.Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.proxy(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = next.Unmap()
	}
	if addr.Is6() {
		if net64, err := addr.WithZone("").Prefix(64); err == nil {
			return net64.Addr()
		}
	}
	return addr
}

func (p *Pages) proxy(addr netip.Addr) bool {
	return slices.ContainsFunc(p.Proxies, func(n netip.Prefix) bool { return n.Contains(addr) })
}
