package main

import (
	"context"
	"flag"
	"fmt"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/doors/local"
	"github.com/optup/optup/internal/proxy"
)

// doorOptions say where decisions are asked for by whoever enforces them without the proxy. Nothing listens unless somebody says where.
type doorOptions struct {
	authzen, extAuthz string
	rate              int
}

func (o *doorOptions) flags(f *flag.FlagSet) {
	f.StringVar(&o.authzen, "authzen", "", "loopback `address` of the AuthZEN door, for example 127.0.0.1:15021; none if it is empty")
	f.StringVar(&o.extAuthz, "ext-authz", "", "loopback `address` of the door for Envoy's external authorization (gRPC), for example 127.0.0.1:15022; none if it is empty")
	f.IntVar(&o.rate, "authzen-rate", local.DefaultRate, "how many AuthZEN `questions` are answered in a second; ten times as many may come at once")
}

func (o *doorOptions) open() bool { return o.authzen != "" || o.extAuthz != "" }

// serve opens the doors, each on a loopback address: they take no token, so that whoever reaches them has to be of this pod.
func (o *doorOptions) serve(ctx context.Context, group *errgroup.Group, p *proxy.Proxy) error {
	if !o.open() {
		return nil
	}
	if o.rate < 1 {
		return fmt.Errorf("--authzen-rate %d: give at least 1", o.rate)
	}
	d := &local.Doors{Proxy: p, Rate: o.rate}
	for _, door := range []struct {
		flag, address string
		serve         func(context.Context, net.Listener) error
	}{
		{"--authzen", o.authzen, d.ServeAuthZEN},
		{"--ext-authz", o.extAuthz, d.ServeExtAuthz},
	} {
		if door.address == "" {
			continue
		}
		if !local.Loopback(door.address) {
			return fmt.Errorf("%s %q: a door opens on a loopback address only, for example 127.0.0.1:15021, because it asks for no token", door.flag, door.address)
		}
		l, err := net.Listen("tcp", door.address)
		if err != nil {
			return fmt.Errorf("%s: %w", door.flag, err)
		}
		group.Go(func() error { return door.serve(ctx, l) })
	}
	return nil
}
