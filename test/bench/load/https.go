package load

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/test/bench/harness"
	run "github.com/optup/optup/test/process"
)

const (
	// httpsRate is in requests a second.
	httpsRate = 500
	// peerIntercepts ends TLS, begins it and decides about nothing.
	peerIntercepts = "httputil.ReverseProxy, TLS on both sides"
	kept, fresh    = "kept", "fresh"
)

// HTTPS measures the sidecar between an application and a service that both speak TLS.
func HTTPS() harness.Suite {
	load := fmt.Sprintf(", 1 KB at %d requests/s over kept connections, TLS 1.3 on both sides, decision, metrics and use records on", httpsRate)
	return harness.Suite{Name: "https", Measure: measureHTTPS, Rows: []harness.Row{
		{ID: "https.latency", What: "whole latency, median" + load, Unit: "us", Peer: peerIntercepts, Must: harness.AtMost(1.15)},
		{ID: "https.cpu", What: "processor time for a request" + load, Unit: "us/request", Peer: peerIntercepts, Must: harness.AtMost(1.15)},
		{ID: "https.resumed.cpu", What: "processor time for a connection whose session resumes, and one request", Unit: "us/connection", Peer: peerIntercepts},
	}}
}

func measureHTTPS(ctx context.Context, env *harness.Env, asked harness.Asked) (out map[string]harness.Samples, err error) {
	out = map[string]harness.Samples{}
	w, err := openHTTPS(ctx, env)
	if err != nil {
		return out, err
	}
	defer w.close()
	if asked.Any("https.latency", "https.cpu") {
		latency, cpu, err := w.turns(kept, httpsRate*env.Size(24, 4)/10/shorter)
		if err != nil {
			return out, err
		}
		out["https.latency"], out["https.cpu"] = latency, cpu
	}
	if asked("https.resumed.cpu") {
		_, cpu, err := w.turns(fresh, env.Size(200, 20))
		if err != nil {
			return out, err
		}
		out["https.resumed.cpu"] = cpu
	}
	return out, nil
}

// turns lets both take turns, with connections that are kept or that are fresh.
func (w *world) turns(how string, requests int) (latency, cpu harness.Samples, err error) {
	names := []string{ours, reverseProxy}
	rounds := make([][]one, len(names))
	var sides []harness.Side
	for i, name := range names {
		sides = append(sides, harness.Side{Name: name, Run: func(round int) (float64, error) {
			w.first = (round + 1) * requests
			r, err := w.secureRound(name, how, requests)
			if err == nil && round >= 0 {
				rounds[i] = append(rounds[i], r)
			}
			return r.p50, err
		}})
	}
	w.env.Say("https: %s connections, %d rounds of %d requests to each of %d", how, w.env.Rounds*shorter, requests, len(names))
	if _, err := harness.Turns(w.ctx, w.env.Rounds*shorter, sides...); err != nil {
		return latency, cpu, err
	}
	for r := range rounds[0] {
		latency.Add(rounds[0][r].p50, rounds[1][r].p50)
		cpu.Add(rounds[0][r].cpu, rounds[1][r].cpu)
	}
	latency.Absolutes = map[string]float64{}
	for i, name := range names {
		var all []float64
		for _, r := range rounds[i] {
			all = append(all, r.all...)
		}
		latency.Absolutes[name+" us p50"], latency.Absolutes[name+" us p99"] = harness.Median(all), harness.Quantile(all, 0.99)
	}
	return latency, cpu, nil
}

func (w *world) secureRound(name, how string, requests int) (one, error) {
	var out one
	p := w.proxies[name]
	before, err := p.cpu()
	if err != nil {
		return out, err
	}
	t, err := w.client.ask(order{
		Address: p.address, Host: w.host(), Rate: httpsRate, Requests: requests, Connections: connections, People: w.people, First: w.first,
		About: aboutOffers, Roots: filepath.Join(w.env.Dir, "ca.crt"), Fresh: how == fresh,
	})
	if err != nil {
		return out, fmt.Errorf("%s, %s connections: %w", name, how, err)
	}
	if how == fresh && t.Resumed < requests-1 {
		return out, fmt.Errorf("%s resumed %d of %d sessions", name, t.Resumed, requests)
	}
	after, err := p.cpu()
	if err != nil {
		return out, err
	}
	for _, ns := range t.Latencies {
		out.all = append(out.all, float64(ns)/1000)
	}
	out.cpu, out.p50 = float64((after-before).Microseconds())/float64(requests), harness.Median(out.all)
	return out, nil
}

// openHTTPS starts a world whose service and proxies speak TLS.
func openHTTPS(ctx context.Context, env *harness.Env) (w *world, err error) {
	w = &world{ctx: ctx, env: env, people: env.Size(10_000, 200), proxies: map[string]*proxy{}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	binary := map[string]string{}
	for _, name := range []string{"ledger", ours, reverseProxy} {
		if binary[name], err = build(ctx, env, name); err != nil {
			return w, err
		}
	}
	authorities, err := w.certificates()
	if err != nil {
		return w, err
	}
	if err := errors.Join(w.startSecureService(), w.startClient()); err != nil {
		return w, err
	}
	ledger, token, err := w.startLedger(binary["ledger"])
	if err != nil {
		return w, err
	}
	return w, errors.Join(w.startInterceptor(binary[ours], ledger, token, authorities), w.startSecureProxy(binary[reverseProxy]))
}

// certificates makes those of the service and of the proxies, whose authority is the client's, and gives the authority of the service.
func (w *world) certificates() (authorities []byte, err error) {
	for name, holder := range map[string]string{"ca": "peer", "service-ca": "service"} {
		a, err := intercept.NewAuthority(name, []string{serviceHost}, time.Now())
		if err != nil {
			return nil, err
		}
		public, private, err := a.PEM()
		if err != nil {
			return nil, err
		}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		leaf, err := a.Leaf(serviceHost, key.Public(), time.Now())
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
		for file, content := range map[string][]byte{name + ".crt": public, name + ".key": private, holder + ".pem": both} {
			if err := os.WriteFile(filepath.Join(w.env.Dir, file), content, 0o600); err != nil {
				return nil, err
			}
		}
		if holder == "service" {
			authorities = public
		}
	}
	return authorities, nil
}

func (w *world) startSecureService() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if w.service, err = run.Free(); err != nil {
		return err
	}
	p, err := w.start("service", coreOthers, nil, self, "child", "service", w.service, filepath.Join(w.env.Dir, "service.pem"))
	if err != nil {
		return err
	}
	return p.listens(w.ctx, w.service)
}

func (w *world) startInterceptor(binary, ledger, token string, authorities []byte) error {
	return w.startSidecarWith(binary, ledger, token, func(b *ir.Bundle) {
		s := &b.Services[0]
		s.Ports[0].Protocol, s.Ports[0].Intercept, s.Authorities = "HTTPS", true, string(authorities)
	}, "--intercept-ca", filepath.Join(w.env.Dir, "ca.crt")+","+filepath.Join(w.env.Dir, "ca.key"))
}

func (w *world) startSecureProxy(binary string) error {
	listen, err := run.Free()
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(w.service)
	if err != nil {
		return err
	}
	p, err := w.start(reverseProxy, coreProxy, nil, binary, "-listen", listen, "-to", "https://"+net.JoinHostPort(serviceHost, port),
		"-certificate", filepath.Join(w.env.Dir, "peer.pem"), "-roots", filepath.Join(w.env.Dir, "service-ca.crt"))
	if err != nil {
		return err
	}
	w.proxies[reverseProxy] = &proxy{process: p, address: listen}
	return p.listens(w.ctx, listen)
}
