package provider

import (
	"strings"
	"testing"
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
