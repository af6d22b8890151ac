package pages

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/optup/optup/internal/ledger/limit"
)

// errBusy reports a client that asks too often.
var errBusy = errors.New("too many requests")

// limits are those of one client address.
type limits struct {
	// general is for every request, asking for what makes the ledger send a mail, guessing for tokens that do not count.
	general, asking, guessing bucket
}

// bucket gives errBusy to a client that has used up what it has.
type bucket struct{ *limit.Bucket[netip.Addr] }

func (b bucket) take(client netip.Addr) error {
	if b.Take(client) > 0 {
		return errBusy
	}
	return nil
}

func newLimits(now func() time.Time) *limits {
	of := func(burst int, every time.Duration) bucket { return bucket{limit.New[netip.Addr](now, burst, every)} }
	return &limits{general: of(240, time.Second/4), asking: of(12, 20*time.Second), guessing: of(30, 10*time.Second)}
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
