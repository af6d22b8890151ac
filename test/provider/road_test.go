package provider

import (
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/peer"
)

// TestTheServicesOwnSidecarDecides: the caller's sidecar proves who it is and leaves the decision to that of the service, which shows whom
// the caller's policy permits.
func TestTheServicesOwnSidecarDecides(t *testing.T) {
	w := newWorld(t)
	crm := w.guarded()
	caller := w.start(dashboard, "dashboard-0")
	w.until("the caller has an identity", func() bool { return caller.current.Peers.Load() != nil })
	a := caller.get("/v1/customers")
	if a.status != 200 || !strings.Contains(a.body, anna) || strings.Contains(a.body, boris) {
		t.Fatalf("%+v", a)
	}
	if n := caller.counted(`optup_sidecar_connections_total{outcome="delegated"}`); n != "1" {
		t.Errorf("delegated %q times\n%s", n, caller.metrics.Text())
	}
	if n := crm.counted(`optup_sidecar_connections_total{outcome="caller-proven"}`); n != "1" {
		t.Errorf("proven %q times\n%s", n, crm.metrics.Text())
	}
}

// TestWhoCalledIsToldToTheManager: by name where one was proven, else by address.
func TestWhoCalledIsToldToTheManager(t *testing.T) {
	w := newWorld(t)
	crm := w.guarded()
	get(t, crm.by(w.authority.Certificate(w.name(dashboard), nil)), list)
	get(t, to(crm.inbound), list, "OptUp-Caller-Token", w.token(t, stranger, "optup-provider", "pod-1", time.Hour))
	get(t, to(crm.inbound), "/healthz")
	want := map[peer.Observed]bool{
		{Service: "crm/crm", Namespace: "marketing", Workload: dashboard.Config(), Proof: peer.ProofCertificate}: true,
		{Service: "crm/crm", Namespace: "marketing", Proof: peer.ProofToken}:                                     true,
		{Service: "crm/crm", Proof: peer.ProofNone, Address: "127.0.0.1"}:                                        true,
	}
	told := func(all []peer.Observed) bool {
		n := 0
		for _, c := range all {
			if time.Since(c.Seen) > time.Minute {
				t.Fatalf("%+v", c)
			}
			c.Seen = time.Time{}
			if !want[c] {
				t.Fatalf("somebody else called: %+v", c)
			}
			n++
		}
		return n == len(want)
	}
	if !told(crm.proxy.Callers()) {
		t.Errorf("%+v", crm.proxy.Callers())
	}
	w.compile() // another generation is acknowledged, and with it who called
	w.until("the manager knows who called", func() bool {
		for _, s := range w.sessions.Of("crm", crmApp.Config()) {
			if told(s.Callers) {
				return true
			}
		}
		return false
	})
}

// TestTheUseIsRecordedByWhoeverDecides: once, by the service's sidecar, under the caller's policy.
func TestTheUseIsRecordedByWhoeverDecides(t *testing.T) {
	w := newWorld(t)
	crm := w.guarded()
	caller := w.start(dashboard, "dashboard-0")
	w.until("the caller has an identity", func() bool { return caller.current.Peers.Load() != nil })
	theirs, ours := w.record(crm), w.record(caller)
	if a := caller.get(list); a.status != 200 {
		t.Fatalf("%+v", a)
	}
	w.until("the use is recorded", func() bool { return strings.Contains(theirs(), "marketing/dashboard/advice") })
	if got := theirs(); !strings.Contains(got, `"crm/crm"`) || strings.Contains(got, anna) {
		t.Errorf("%s", got)
	}
	if got := ours(); got != "" {
		t.Errorf("the caller recorded the use, too: %s", got)
	}
}
