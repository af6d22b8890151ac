package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"

	"github.com/optup/optup/internal/pods"
)

// spellings are the names under which name servers are asked for a declared host, the one that counts first. They are complete: a name that
// is left for the pod's search domains to complete may find a pod of the application's own, because every namespace answers for the names
// of its headless services (customers.crm.marketing.svc.cluster.local), and these domains come first. Domain is the cluster's; empty outside
// of one, where search domains are the machine's and may be needed.
func spellings(host, domain string) []string {
	dots := strings.Count(host, ".")
	switch {
	case dots == 0:
		return []string{host}
	case domain == "":
		return []string{host + ".", host}
	case dots == 1:
		return []string{host + ".svc." + domain + ".", host + "."}
	case dots == 2 && strings.HasSuffix(host, ".svc"):
		return []string{host + "." + domain + ".", host + "."}
	default:
		return []string{host + "."}
	}
}

// clusterDomain is the domain of the cluster's names, such as cluster.local; empty outside of one.
var clusterDomain = sync.OnceValue(func() string {
	data, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return ""
	}
	return pods.Domain(string(data))
})

type lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// complete gives the addresses of the first spelling of a host that exists, none if none does. It fails where that cannot be told.
func (l lookup) complete(ctx context.Context, host, domain string) ([]netip.Addr, error) {
	for _, name := range spellings(host, domain) {
		if addrs, err := l(ctx, "ip", name); len(addrs) > 0 || (err != nil && !absent(err)) {
			return addrs, err
		}
	}
	return nil, nil
}

// absent tells that a name is known not to exist.
func absent(err error) bool {
	var d *net.DNSError
	return errors.As(err, &d) && d.IsNotFound
}

// complete makes a dialer dial the first spelling of a host that exists.
func complete(d dialer, domain string) dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		if _, err := netip.ParseAddr(host); err == nil {
			return d(ctx, network, addr)
		}
		var c net.Conn
		for _, name := range spellings(strings.TrimSuffix(host, "."), domain) {
			if c, err = d(ctx, network, net.JoinHostPort(name, port)); err == nil || !absent(err) {
				return c, err
			}
		}
		return nil, err
	}
}
