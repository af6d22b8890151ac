package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/proxy"
)

// serveCallbacks listens where services call the application of a sidecar that runs alone. The port that the application itself listens on is
// the one that the bundle names.
func serveCallbacks(ctx context.Context, group *errgroup.Group, p *proxy.Proxy, declared []string) error {
	for _, v := range declared {
		addr, to, ok := strings.Cut(v, "=")
		dst, err := netip.ParseAddrPort(to)
		if !ok || err != nil {
			return fmt.Errorf("--callbacks %q: write address=ip:port, for example 0.0.0.0:9080=127.0.0.1:8080", v)
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return fmt.Errorf("--callbacks %q: %w", v, err)
		}
		group.Go(func() error { return p.ServeCallbacks(ctx, l, dst) })
	}
	return nil
}
