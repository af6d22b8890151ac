package proxy

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// TestACallersTokenStaysHere: applications that read headers as CGI has them would find it in other spellings, too.
func TestACallersTokenStaysHere(t *testing.T) {
	h := http.Header{CallerTokenHeader: {"a"}, "OPTUP_CALLER_TOKEN": {"b"}, "Optup_Caller-Token": {"c"}, "X-Else": {"d"}}
	if withoutToken(h); len(h) != 1 || len(h["X-Else"]) != 1 {
		t.Errorf("the application sees %v", h)
	}
}

// TestWhatIsProvidedNoMoreTakesNothing: a connection from before is not decided about by what the workload itself may do.
func TestWhatIsProvidedNoMoreTakesNothing(t *testing.T) {
	p := &Proxy{Current: &Current{}}
	x := &exchange{proxy: p, arrival: &arrival{dst: netip.MustParseAddrPort("10.0.0.1:8080")}}
	for _, provides := range [][]ir.Provided{nil, {{Service: ir.Service{Name: "shop/crm", Hosts: []string{"crm.shop"}}, Ports: []ir.ProvidedPort{{Port: 80, Target: 9090}}}}} {
		p.Current.Store(&State{Index: decide.NewIndex(&ir.Bundle{Provides: provides})})
		if s := x.load(); s != nil {
			t.Errorf("a request to a port of nobody is decided by %+v", s)
		}
	}
	p.Current.Store(&State{Index: decide.NewIndex(&ir.Bundle{Provides: []ir.Provided{{Service: ir.Service{Name: "shop/crm", Hosts: []string{"crm.shop"}}, Ports: []ir.ProvidedPort{{Port: 80, Target: 8080}}}}})})
	if x.load() == nil || x.load() == p.Current.Load() {
		t.Error("a request to the service is not decided by what its callers may do")
	}
}
