package follow_test

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/credential"
	config "github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/pods"
	"github.com/optup/optup/internal/proxy"
	"github.com/optup/optup/internal/proxy/follow"
)

const anna = "anna@example.org"

// knows waits until the facts in force hold a grant of Anna's.
func knows(t *testing.T, c *proxy.Current, purpose consent.PurposeID) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		fact, known, err := c.Load().Facts[ledgertest.Controller].Lookup(ledgertest.Email(anna), purpose)
		if err == nil && known && len(fact.Grants) == 1 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %+v, %v, %v", purpose, fact, known, err)
		}
	}
}

func TestLedgersAreFollowedAsBundlesNameThem(t *testing.T) {
	l := ledgertest.New(t).Start()
	l.Append(anna, ledgertest.Given("newsletter"))
	l.Append(anna, ledgertest.Given("advice"))
	ctx, cancel := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	defer func() {
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	}()
	current := &proxy.Current{}
	f := follow.New(ctx, group, current, follow.Options{
		Token: func() (string, error) { return ledgertest.DevToken, nil }, Logger: slog.New(slog.DiscardHandler),
	})
	apply := func(generation int64, change func(*ir.Bundle), purposes ...consent.PurposeID) {
		t.Helper()
		b := ledgertest.NewBundle(purposes...)
		b.Ledgers = []ir.Ledger{{Controller: ledgertest.Controller, URL: l.URL}}
		if change != nil {
			change(b)
		}
		if err := f.Apply(config.Update{Generation: generation, Bundle: b}); err != nil {
			t.Fatal(err)
		}
		if g, _ := f.InForce(); g != generation {
			t.Errorf("generation %d is in force, not %d", g, generation)
		}
	}

	apply(1, nil, "newsletter")
	knows(t, current, "newsletter")
	_, before := f.InForce()

	apply(2, nil, "newsletter", "advice")
	knows(t, current, "advice")
	if _, after := f.InForce(); !maps.Equal(before, after) {
		t.Error("another purpose began the facts anew")
	}

	apply(3, func(b *ir.Bundle) { b.Ledgers = nil }, "newsletter")
	if _, feeds := f.InForce(); len(feeds) != 0 || len(current.Load().Facts) != 0 {
		t.Errorf("a ledger that no bundle names is followed: %v", feeds)
	}
	if err := f.Apply(config.Update{Grant: "another"}); err != nil {
		t.Fatal(err)
	}
	if g, _ := f.InForce(); g != 3 {
		t.Errorf("a grant alone made it generation %d", g)
	}
}

// TestALedgerIsToldTheBound: it waits for a sidecar that went for as long as the bundle's bound says, and no longer.
func TestALedgerIsToldTheBound(t *testing.T) {
	l := ledgertest.New(t).Start()
	ctx, cancel := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	f := follow.New(ctx, group, &proxy.Current{}, follow.Options{
		Token: func() (string, error) { return ledgertest.DevToken, nil }, Logger: slog.New(slog.DiscardHandler),
	})
	b := ledgertest.NewBundle("newsletter")
	b.Ledgers, b.FreshnessBoundMillis = []ir.Ledger{{Controller: ledgertest.Controller, URL: l.URL}}, 1500
	if err := f.Apply(config.Update{Generation: 1, Bundle: b}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); l.Hub.Stats().Proven == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody follows the ledger")
		}
	}
	cancel()
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	wait, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	began := time.Now()
	if n := l.Stream.Enforced(wait, l.Append(anna, ledgertest.Given("newsletter"))); n != 0 || time.Since(began) < 100*time.Millisecond {
		t.Fatalf("%d are waited for after %v", n, time.Since(began))
	}
}

func TestOneLedgerForEveryController(t *testing.T) {
	b := ledgertest.NewBundle("a", "b", "c")
	b.Purposes[2].Controller = "partner-gmbh"
	b.Ledgers = []ir.Ledger{{Controller: "x", URL: "https://x"}}
	got := follow.Everywhere("http://here")(b)
	want := []ir.Ledger{{Controller: ledgertest.Controller, URL: "http://here"}, {Controller: "partner-gmbh", URL: "http://here"}}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// TestCredentialsAreKeptWhileABundleNeedsThem, and no longer.
func TestCredentialsAreKeptWhileABundleNeedsThem(t *testing.T) {
	group, ctx := errgroup.WithContext(t.Context())
	store := &credential.Store{}
	f := follow.New(ctx, group, &proxy.Current{}, follow.Options{Credentials: store, Logger: slog.New(slog.DiscardHandler)})
	key := ir.Value{Service: "esp/mail", ID: "mail/key"}
	with := ledgertest.NewBundle("newsletter")
	with.Ledgers = nil
	with.Services = []ir.Service{{
		Name: key.Service, Hosts: []string{"a"}, Ports: []ir.Port{{Port: 80, Protocol: "HTTP"}},
		Credential: &ir.Credential{ID: key.ID, Type: ir.CredentialBasic, Own: ir.OwnRefuse},
	}}
	with.Rules = []ir.Rule{{Service: key.Service, Purpose: "newsletter"}}
	without := ledgertest.NewBundle("newsletter")
	without.Ledgers = nil
	for i, step := range []struct {
		update config.Update
		want   string
	}{
		{config.Update{Bundle: with, Credentials: map[ir.Value]credential.Secret{key: credential.New("first")}}, "first"},
		{config.Update{Bundle: with}, "first"},
		{config.Update{Credentials: map[ir.Value]credential.Secret{key: credential.New("second")}}, "second"},
		{config.Update{Credentials: map[ir.Value]credential.Secret{key: {}}}, ""},
		{config.Update{Credentials: map[ir.Value]credential.Secret{key: credential.New("third")}}, "third"},
		{config.Update{Bundle: without}, ""},
	} {
		if err := f.Apply(step.update); err != nil {
			t.Fatal(err)
		}
		if got, _ := store.Get(key.Service, key.ID); got.Reveal() != step.want {
			t.Errorf("step %d: %q", i, got.Reveal())
		}
	}
}

// TestWherePodsAreIsKeptWhileABundleNeedsIt: it holds from before the bundle that came with it, and goes with the host.
func TestWherePodsAreIsKeptWhileABundleNeedsIt(t *testing.T) {
	group, ctx := errgroup.WithContext(t.Context())
	current := &proxy.Current{}
	var log bytes.Buffer
	f := follow.New(ctx, group, current, follow.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	at := netip.MustParseAddrPort("10.0.0.1:8080")
	set := pods.Set{Host: "a.crm", Groups: []pods.Group{{Addresses: []netip.Addr{at.Addr()}, Ports: []pods.Port{{Port: 80, Target: 8080}}}}}
	with := func(host string) *ir.Bundle {
		b := ledgertest.NewBundle("newsletter")
		b.Ledgers = nil
		b.Services = []ir.Service{{Name: "crm/a", Hosts: []string{host}, Ports: []ir.Port{{Port: 80, Protocol: "HTTP"}}}}
		return b
	}
	for i, step := range []struct {
		update config.Update
		want   []string
	}{
		{config.Update{Pods: []pods.Set{set}}, []string{"a.crm"}},
		{config.Update{Bundle: with("a.crm")}, []string{"a.crm"}},
		{config.Update{Grant: "another"}, []string{"a.crm"}},
		{config.Update{Pods: []pods.Set{{Host: "b.crm", Groups: set.Groups}}}, []string{"a.crm", "b.crm"}},
		{config.Update{Bundle: with("b.crm")}, []string{"b.crm"}},
		{config.Update{Bundle: with("c.crm")}, []string{}},
	} {
		if err := f.Apply(step.update); err != nil {
			t.Fatal(err)
		}
		if got := current.Pods.Load().Of(at, time.Now()).Hosts(); !slices.Equal(got, step.want) {
			t.Errorf("step %d: %v", i, got)
		}
	}
	if strings.Contains(log.String(), "not all pods") {
		t.Error("it complains where nothing is missing")
	}
	if err := f.Apply(config.Update{Pods: []pods.Set{{Host: "a.crm", Incomplete: true}}}); err != nil || !strings.Contains(log.String(), "not all pods") {
		t.Errorf("nobody is told that pods are missing: %v", err)
	}
}
