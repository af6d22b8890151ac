package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/capture"
	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/metrics"
	"github.com/optup/optup/internal/proxy"
	"github.com/optup/optup/internal/proxy/follow"
)

type options struct {
	manager, trust, managerToken, ledgerToken, state string
	bundle, ledger, interceptCA                      string
	authorities, privateAuthorities                  string
	capture, outbound, inbound, admin                string
	listen, callbacks                                []string
	aliases                                          []aliased
	stopTime, stallTime, factsTime                   time.Duration
	usesSpool                                        int64
	traces                                           string
	credentials                                      credential.Files
	doors                                            doorOptions
}

func runCommand(ctx context.Context, args []string, out io.Writer) error {
	var o options
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	o.flags(f)
	done, err := parse(f, `Run the sidecar: with --manager as injected into a pod, or alone with --bundle.

Alone, each --listen stands for one declared host: point the application's base URL at it.

Example:
  optup-sidecar run --bundle bundle.json --ledger https://ledger.example:8443 --ledger-token token --trust ca.crt \
      --listen 127.0.0.1:9000=api.esp.example:80
`, args, out)
	if done || err != nil {
		return err
	}
	switch {
	case (o.manager == "") == (o.bundle == ""):
		return errors.New("give --manager or --bundle, and not both")
	case o.manager != "" && o.interceptCA != "":
		return errors.New("--intercept-ca is for a sidecar that runs alone; a manager has authorities of its own")
	}
	if o.manager != "" && len(o.credentials) > 0 {
		return errors.New("--credential is for --bundle; a manager sends what is in Secrets")
	}
	if err := keepMemory(); err != nil {
		return err
	}
	return run(ctx, o)
}

func (o *options) flags(f *flag.FlagSet) {
	f.StringVar(&o.manager, "manager", "", "base `URL` of the manager that sends bundles")
	f.StringVar(&o.trust, "trust", "", "`file` with the authorities (PEM) of manager and ledgers; the system's where it is empty")
	f.StringVar(&o.managerToken, "manager-token", "", "`file` with the token for the manager")
	f.StringVar(&o.ledgerToken, "ledger-token", "", "`file` with the token for ledgers")
	f.StringVar(&o.state, "state", "", "`folder` that keeps the last good bundle, and use records that no ledger has taken yet, over restarts")
	f.StringVar(&o.bundle, "bundle", "", "`file` with a bundle to run alone with")
	f.StringVar(&o.ledger, "ledger", "", "`URL` of the ledger, instead of those in the bundle (alone only)")
	f.StringVar(&o.interceptCA, "intercept-ca", "", "`certificate,key`: files (PEM) of an authority that applications trust, to end their TLS with (alone only)")
	o.credentials = credential.Files{}
	f.Func("credential", "`namespace/secret/key=file`: a value that the bundle names and never holds (alone only); may be repeated", o.credentials.Set)
	f.StringVar(&o.capture, "capture", "none", "how connections come: redirect, alias, none")
	f.StringVar(&o.privateAuthorities, "private-authorities", "", "`folder` with certificates (PEM) of authorities that applications trust besides the public ones")
	f.StringVar(&o.authorities, "authorities", "", "`folder` to write what applications trust into, before they start (with --manager)")
	f.StringVar(&o.outbound, "listen-outbound", "127.0.0.1:15001,[::1]:15001", "`addresses` for redirected connections, with commas between")
	f.StringVar(&o.inbound, "listen-inbound", "", "`address` for redirected connections to the pod, with all of its addresses, for example :15006; none where it is empty")
	f.Func("listen", "`address=host:port`: connections to address are to this declared host; may be repeated", func(v string) error {
		o.listen = append(o.listen, v)
		return nil
	})
	f.Func("callbacks", "`address=ip:port`: connections to address are calls of the application at ip:port, whose callbacks are checked; may be repeated", func(v string) error {
		o.callbacks = append(o.callbacks, v)
		return nil
	})
	f.Func("alias", "`address=host`: with --capture alias, the name of this host leads to the address; may be repeated", func(v string) error {
		a, err := parseAlias(v)
		o.aliases = append(o.aliases, a)
		return err
	})
	f.StringVar(&o.admin, "admin", "127.0.0.1:15020", "`address` of probes, metrics and summary")
	f.DurationVar(&o.stopTime, "stop-time", 5*time.Second, "how long requests that have begun may take when stopping; a quarter of it, at most 2s, is kept for use records")
	f.DurationVar(&o.stallTime, "stall-time", time.Minute, "how long an application or a service may make no progress within a message, and a service until it begins its answer, before it is given up; lines and events may be silent 15 times as long")
	f.DurationVar(&o.factsTime, "facts-time", 10*time.Second, "how long /startup waits for the first facts of the bundle's ledgers; then the application starts without, and what rests on a record is denied")
	f.Int64Var(&o.usesSpool, "uses-spool", 64, "how many `MiB` of use records may wait for each ledger; what comes after that is lost, and counted")
	f.StringVar(&o.traces, "traces", "", "`URL` that traces are sent to (OTLP over HTTP); none without it and without OTEL_EXPORTER_OTLP_ENDPOINT")
	o.doors.flags(f)
}

func run(ctx context.Context, o options) error {
	group, ctx := errgroup.WithContext(ctx)
	s, err := newSidecar(ctx, group, o)
	if err != nil {
		return err
	}
	p := s.proxy
	if err := serveAdmin(ctx, group, o.admin, s, s.registry); err != nil {
		return err
	}
	listeners, err := o.listeners()
	if err != nil {
		return err
	}
	if err := o.doors.serve(ctx, group, p); err != nil {
		return err
	}
	for _, l := range listeners {
		switch {
		case l.inbound:
			group.Go(func() error { return p.ServeInbound(ctx, l) })
		case l.host == "":
			group.Go(func() error { return p.ServeRedirected(ctx, l) })
		default:
			group.Go(func() error { return p.ServeHost(ctx, l, l.host, l.port) })
		}
	}
	if err := serveCallbacks(ctx, group, p, o.callbacks); err != nil {
		return err
	}
	apply := func(u client.Update) error {
		s.interception.take(u) // what a bundle needs comes before the bundle
		if u.Bundle != nil {
			s.aliases.follow(ctx, u.Bundle)
		}
		return s.Apply(u)
	}
	if o.bundle != "" {
		if err := applyFile(o.bundle, o.credentials, apply); err != nil {
			return err
		}
	} else {
		group.Go(func() error {
			return client.Run(ctx, client.Options{
				Manager: o.manager, TrustFile: o.trust, TokenFile: o.managerToken, StateDir: o.state, Version: version, Apply: apply,
				InterceptionKey: s.interception.leaves.PublicKey(), Trusted: s.interception.trusted, Untrusting: p.Untrusting,
				Callers: p.Callers,
			})
		})
	}
	group.Go(func() error {
		s.giveBack(ctx)
		return nil
	})
	s.stopWith(ctx, group, o)
	err = group.Wait()
	slog.Info("stopped")
	return err
}

// newSidecar makes the parts of a sidecar, with their metrics. Nothing listens yet.
func newSidecar(ctx context.Context, group *errgroup.Group, o options) (*sidecar, error) {
	registry := metrics.New()
	registry.Process()
	current := &proxy.Current{}
	credentials := &credential.Store{}
	p := &proxy.Proxy{Current: current, Metrics: proxy.NewMetrics(registry), Original: capture.Original, StallTime: o.stallTime, Credentials: credentials}
	s := &sidecar{Follower: follow.New(ctx, group, current, o.follow(credentials)), current: current, metrics: p.Metrics, proxy: p, registry: registry, startup: startup{limit: o.factsTime}}
	var err error
	if p.Uses, err = newRecorder(o, s.Follower); err != nil {
		return nil, fmt.Errorf("the folder for use records: %w", err)
	}
	if s.interception, err = newInterception(o.authorities, o.privateAuthorities); err != nil {
		return nil, err
	}
	p.Leaves = s.interception.leaves
	if o.interceptCA != "" {
		if p.Leaves, err = localLeaves(o.interceptCA); err != nil {
			return nil, fmt.Errorf("--intercept-ca: %w", err)
		}
	}
	if p.Tracer, s.traced, err = newTracer(o); err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	p.Tell = s.Tell
	// Callers of a service that the workload provides prove who they are, also where something calls the same port.
	p.Inbound = func(ctx context.Context, c net.Conn, dst netip.AddrPort) bool {
		return p.Arrive(ctx, c, dst) || p.Callback(ctx, c, dst)
	}
	s.aliases = &aliases{hosts: o.aliases, serve: p.ServeHost}
	s.export(registry)
	s.aliases.export(registry)
	exportUses(registry, p.Uses)
	return s, nil
}

// stopWith ends requests when ctx ends, and delivers use records until then and after.
func (s *sidecar) stopWith(ctx context.Context, group *errgroup.Group, o options) {
	ended := make(chan struct{})
	group.Go(func() error { return s.proxy.Uses.Run(ctx, untilStopped(ctx, ended, o)) })
	group.Go(func() error {
		defer close(ended)
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.stopTime-o.delivery())
		defer cancel()
		_ = s.proxy.Shutdown(end)
		s.traced(end)
		return nil
	})
}

func (o options) follow(credentials *credential.Store) follow.Options {
	f := follow.Options{
		TrustFile: o.trust, Granted: o.manager != "", Credentials: credentials,
		Token: func() (string, error) {
			data, err := os.ReadFile(o.ledgerToken)
			return string(data), err
		},
	}
	if o.ledger != "" {
		f.Ledgers = follow.Everywhere(o.ledger)
	}
	return f
}

// listener is for redirected connections, to the pod or from it, or for one declared host.
type listener struct {
	net.Listener
	inbound bool
	host    string
	port    uint16
}

func (o options) listeners() ([]listener, error) {
	var out []listener
	switch o.capture {
	case "redirect":
		for addr := range strings.SplitSeq(o.outbound, ",") {
			l, err := net.Listen("tcp", addr)
			if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
				// A pod without IPv6 has no IPv6 connections either; where it had, they would find a closed port.
				slog.Info("an address family is not available", "address", addr)
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("listen for redirected connections: %w", err)
			}
			out = append(out, listener{Listener: l})
		}
	case "alias":
		// Where there are none, nothing was governed when the pod was made.
	case "none":
		if len(o.listen) == 0 && o.inbound == "" && !o.doors.open() {
			return nil, errors.New("nothing to listen on: give --capture redirect, --listen address=host:port, or a door: --authzen or --ext-authz")
		}
	default:
		return nil, fmt.Errorf("--capture %q is unknown; use redirect, alias or none", o.capture)
	}
	if o.inbound != "" {
		l, err := net.Listen("tcp", o.inbound)
		if err != nil {
			return nil, fmt.Errorf("listen for connections to the pod: %w", err)
		}
		out = append(out, listener{Listener: l, inbound: true})
	}
	for _, v := range o.listen {
		l, err := declaredListener(v)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func declaredListener(v string) (listener, error) {
	addr, target, ok := strings.Cut(v, "=")
	host, port, err := net.SplitHostPort(target)
	n, perr := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil || perr != nil || host == "" {
		return listener{}, fmt.Errorf("--listen %q: write address=host:port, for example 127.0.0.1:9000=api.esp.example:80", v)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return listener{}, fmt.Errorf("--listen %q: %w", v, err)
	}
	return listener{Listener: l, host: strings.ToLower(host), port: uint16(n)}, nil
}

func applyFile(name string, credentials credential.Files, apply func(client.Update) error) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	b, err := ir.Decode(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	wanted := ir.Values(b)
	if err := credentials.Check(wanted); err != nil {
		return err
	}
	values, err := credentials.Read(wanted)
	if err != nil {
		return err
	}
	return apply(client.Update{Generation: 1, Hash: ir.Hash(data), Bundle: b, Encoded: data, Credentials: values})
}
