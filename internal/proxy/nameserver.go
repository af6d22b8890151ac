package proxy

import (
	"net/netip"
	"os"
	"strings"
	"sync"
)

// nameserver tells whether a destination is one of the pod's own name servers: answers that do not fit a datagram come by TCP
// (RFC 7766), and without them the application would fail in ways that nobody could explain.
func nameserver(dst netip.AddrPort) bool {
	if dst.Port() != 53 {
		return false
	}
	for _, a := range nameservers() {
		if a == dst.Addr().Unmap() {
			return true
		}
	}
	return false
}

var nameservers = sync.OnceValue(func() []netip.Addr {
	data, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "nameserver" {
			if a, err := netip.ParseAddr(f[1]); err == nil {
				out = append(out, a.Unmap())
			}
		}
	}
	return out
})
