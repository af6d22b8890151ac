package pods

import "testing"

// TestHostsThatNameServices: those that name servers of the cluster complete, and no others.
func TestHostsThatNameServices(t *testing.T) {
	for host, want := range map[string]bool{
		"customers.crm": true, "customers.crm.svc": true, "customers.crm.svc.cluster.local": true,
		"customers": false, "customers.": false, ".crm": false, "customers.crm.svc.other.example": false, "pod-0.customers.crm.svc": false,
		"customers.crm.svc.cluster.local.example": false, "api.esp.example": false,
	} {
		namespace, name, ok := ServiceOf(host, "cluster.local")
		if ok != want || (ok && (namespace != "crm" || name != "customers")) {
			t.Errorf("%s: %s/%s, %v", host, namespace, name, ok)
		}
	}
	if _, _, ok := ServiceOf("customers.crm.svc.cluster.local", ""); ok {
		t.Error("an unknown domain counts as the cluster's")
	}
}
