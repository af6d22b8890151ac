package provider

import (
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/optup/optup/internal/ledger/ledgertest"
)

// TestANameEndsWithItsCertificateOnOpenConnections, and rules with their policy.
func TestANameEndsWithItsCertificateOnOpenConnections(t *testing.T) {
	w := newWorld(t)
	crm := w.guarded()
	ends := time.Now().Add(3 * time.Second)
	c := &http.Client{Transport: &http.Transport{DialContext: crm.by(w.authority.Certificate(w.name(dashboard), func(c *x509.Certificate) { c.NotAfter = ends }))}}
	ask := func() answer {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+list, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer{res.StatusCode, res.Header, string(body)}
	}
	if a := ask(); a.status != 200 {
		t.Fatalf("%+v", a)
	}
	policies := w.snapshot.Policies
	w.snapshot.Policies = nil
	w.compile()
	w.until("the bundle is in force", func() bool { return crm.current.Load().Generation == 2 })
	if a := ask(); a.reason() != "NO_POLICY" {
		t.Errorf("the rules outlive their policy: %+v", a)
	}
	w.snapshot.Policies = policies
	w.compile()
	w.until("the bundle is in force", func() bool { return crm.current.Load().Generation == 3 })
	w.knows(crm)
	time.Sleep(time.Until(ends.Truncate(time.Second).Add(time.Second)))
	if a := ask(); a.reason() != "CALLER_UNKNOWN" || !strings.Contains(a.body, "expired") {
		t.Errorf("the name outlives its certificate: %+v", a)
	}
}

// TestAWithdrawalReachesTheServicesSidecar, and with it all callers that leave the decision to it.
func TestAWithdrawalReachesTheServicesSidecar(t *testing.T) {
	w := newWorld(t)
	w.guarded()
	caller := w.start(dashboard, "dashboard-0")
	w.until("the caller has an identity", func() bool { return caller.current.Peers.Load() != nil })
	if a := caller.get(list); !strings.Contains(a.body, anna) {
		t.Fatalf("%+v", a)
	}
	w.ledger.Append(anna, ledgertest.Withdrawn("advice"))
	w.until("Anna is not shown any more", func() bool { return !strings.Contains(caller.get(list).body, anna) })
	if n := caller.counted(`optup_sidecar_connections_total{outcome="delegated"}`); n == "" {
		t.Error("the caller decided itself")
	}
}

// TestTheApplicationSeesADeclaredName, whatever the client calls it: what is decided about is what it serves.
func TestTheApplicationSeesADeclaredName(t *testing.T) {
	w := newWorld(t)
	crm := w.guarded()
	c := &http.Client{Transport: &http.Transport{DialContext: crm.by(w.authority.Certificate(w.name(dashboard), nil)), DisableKeepAlives: true}}
	for _, h := range []string{"admin.crm.svc", host, "10.0.0.1:8080"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+list, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = h
		res, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	if n := len(w.requests()); n != 3 {
		t.Errorf("the CRM was asked %d times", n)
	}
	for _, r := range w.requests() {
		if r.Host != host {
			t.Errorf("the CRM was called %q", r.Host)
		}
	}
}

// TestAServiceThatWasAwayIsAskedAtOnce: nobody who answers is not somebody without a sidecar.
func TestAServiceThatWasAwayIsAskedAtOnce(t *testing.T) {
	w := newWorld(t)
	gone := w.listen()
	w.door = gone.Addr()
	_ = gone.Close()
	caller := w.start(dashboard, "dashboard-0")
	w.until("the caller has an identity", func() bool { return caller.current.Peers.Load() != nil })
	if a := caller.get(list); a.status != http.StatusBadGateway {
		t.Fatalf("%+v", a)
	}
	w.guarded()
	if a := caller.get(list); a.status != http.StatusOK || !strings.Contains(a.body, anna) {
		t.Errorf("%+v", a)
	}
	if n := caller.counted(`optup_sidecar_connections_total{outcome="delegated"}`); n != "1" {
		t.Errorf("delegated %q times", n)
	}
}

// TestAnApplicationThatWaitsHoldsUpOneRequest: one that takes our hello for the beginning of a request is not asked again with each.
func TestAnApplicationThatWaitsHoldsUpOneRequest(t *testing.T) {
	w := newWorld(t)
	l := w.listen()
	t.Cleanup(func() { _ = l.Close() })
	var hellos atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				first := make([]byte, 1)
				if _, err := io.ReadFull(c, first); err != nil {
					return
				}
				if first[0] == 0x16 {
					hellos.Add(1)
					_, _ = io.Copy(io.Discard, c)
					return
				}
				app, err := net.Dial("tcp", w.app.Listener.Addr().String())
				if err != nil {
					return
				}
				_, _ = app.Write(first)
				go func() { _, _ = io.Copy(app, c) }()
				_, _ = io.Copy(c, app)
			}()
		}
	}()
	w.door = l.Addr()
	caller := w.start(dashboard, "dashboard-0")
	w.until("the caller has an identity", func() bool { return caller.current.Peers.Load() != nil })
	w.knows(caller)
	for range 3 {
		if a := caller.get(list); a.status != http.StatusOK || strings.Contains(a.body, boris) || !strings.Contains(a.body, anna) {
			t.Errorf("%+v", a)
		}
	}
	if n := hellos.Load(); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
}
