package provider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/peer"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/testkit/peers"
)

const list = "/v1/customers"

func (w *world) name(x policy.Workload) peer.Name {
	return peer.Name{Domain: peers.Domain, Namespace: x.Namespace, Account: x.Accounts[0], Workload: x.Config()}
}

// by dials the CRM's sidecar as a sidecar does, with any certificate, and takes whoever answers.
func (s *sidecar) by(certificates ...tls.Certificate) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		d := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{peer.Protocol}, Certificates: certificates}} //nolint:gosec // a test's
		return d.DialContext(ctx, network, s.inbound.String())
	}
}

// TestWithoutAProvenNameThereIsNoData: the CRM's application is never asked.
func TestWithoutAProvenNameThereIsNoData(t *testing.T) {
	w := newWorld(t)
	crm := w.guarded()
	mine := w.name(dashboard)
	elsewhere := mine
	elsewhere.Domain = "other.test"
	expired := func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(-time.Second)
	}
	other := peers.NewAuthority(t)
	for name, test := range map[string]struct {
		dial func(context.Context, string, string) (net.Conn, error)
		why  string
	}{
		"in plain":                       {to(crm.inbound), "shows no certificate"},
		"no certificate":                 {crm.by(), "shows no certificate"},
		"an expired certificate":         {crm.by(w.authority.Certificate(mine, expired)), "expired"},
		"another trust domain":           {crm.by(w.authority.Certificate(elsewhere, nil)), "another trust domain"},
		"another authority":              {crm.by(other.Certificate(mine, nil)), "nobody trusted"},
		"a certificate of the ledger":    {crm.by(w.authority.Certificate(mine, func(c *x509.Certificate) { c.URIs, c.DNSNames = nil, []string{"main-ledger.consent.svc"} })), "none of a workload"},
		"a certificate with two names":   {crm.by(w.authority.Certificate(mine, func(c *x509.Certificate) { c.URIs = append(c.URIs, w.name(crmApp).URI()) })), "none of a workload"},
		"a certificate for servers only": {crm.by(w.authority.Certificate(mine, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })), "nobody trusted"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{list, "/v1/secrets", "/v1/unknown"} {
				a := get(t, test.dial, path)
				if a.status != http.StatusForbidden || a.reason() != "CALLER_UNKNOWN" || !strings.Contains(a.body, test.why) {
					t.Errorf("%s: %+v", path, a)
				}
			}
			if a := get(t, test.dial, "/healthz"); a.status != http.StatusOK || !strings.Contains(a.body, "ok") {
				t.Errorf("an endpoint without personal data: %+v", a)
			}
		})
	}
	for _, r := range w.requests() {
		if r.URL.Path != "/healthz" {
			t.Errorf("the CRM was asked for %s", r.URL)
		}
	}
}

// TestACallerHasItsOwnRulesOnly: whoever proves a name is decided about by the rules of that name, whatever it says.
func TestACallerHasItsOwnRulesOnly(t *testing.T) {
	w := newWorld(t)
	crm := w.guarded()
	namesake := w.name(dashboard)
	namesake.Namespace = "crm"
	for name, test := range map[string]struct {
		who    peer.Name
		path   string
		header []string
		want   string
	}{
		"a workload without rules":                 {w.name(stranger), list, nil, "NO_POLICY"},
		"a namesake in another namespace":          {namesake, list, nil, "NO_POLICY"},
		"the service itself":                       {w.name(crmApp), list, nil, "NO_POLICY"},
		"a lie about the purpose":                  {w.name(dashboard), list, []string{"OptUp-Purpose", "newsletter"}, "PURPOSE_UNDECLARED"},
		"a purpose twice":                          {w.name(dashboard), list, []string{"OptUp-Purpose", "advice", "optup_purpose", "newsletter"}, "NOT_CANONICAL"},
		"an endpoint that no rule of its uses":     {w.name(dashboard), "/v1/secrets", nil, "PURPOSE_UNDECLARED"},
		"an endpoint that nobody declares":         {w.name(dashboard), "/v1/unknown", nil, "ENDPOINT_UNKNOWN"},
		"a path with two readings":                 {w.name(dashboard), "/v1//customers", nil, "NOT_CANONICAL"},
		"a token of somebody with more rules":      {w.name(stranger), list, []string{"OptUp-Caller-Token", w.token(t, dashboard, "optup-provider", "pod-1", time.Hour)}, "NO_POLICY"},
		"a header that names another caller":       {w.name(stranger), list, []string{"X-Forwarded-Client-Cert", "URI=" + w.name(dashboard).String()}, "NO_POLICY"},
		"the caller's own purpose, in a bad spell": {w.name(dashboard), list, []string{"OptUp_Purpose", "advice"}, "NOT_CANONICAL"},
	} {
		t.Run(name, func(t *testing.T) {
			a := get(t, crm.by(w.authority.Certificate(test.who, nil)), test.path, test.header...)
			if a.reason() != test.want {
				t.Errorf("%+v", a)
			}
		})
	}
	if n := len(w.requests()); n != 0 {
		t.Errorf("the CRM was asked %d times", n)
	}
	a := get(t, crm.by(w.authority.Certificate(w.name(dashboard), nil)), list, "OptUp-Purpose", "advice", "Range", "bytes=0-5")
	if a.status != 200 || !strings.Contains(a.body, anna) || strings.Contains(a.body, boris) {
		t.Errorf("the caller itself: %+v", a)
	}
	for name := range w.requests()[0].Header {
		if strings.HasPrefix(strings.ToLower(name), "optup") || name == "Range" {
			t.Errorf("the CRM saw the header %s", name)
		}
	}
}

// token is one as the cluster signs it.
func (w *world) token(t *testing.T, x policy.Workload, audience, pod string, life time.Duration) string {
	t.Helper()
	return w.ledger.TokenFor("system:serviceaccount:"+x.Namespace+":"+x.Accounts[0], audience, pod, life)
}

func TestATokenStandsForTheWorkloadOfItsAccount(t *testing.T) {
	w := newWorld(t)
	crm := w.guarded()
	plain := to(crm.inbound)
	sound := w.token(t, dashboard, "optup-provider", "pod-1", time.Hour)
	a := get(t, plain, list, "OptUp-Caller-Token", sound)
	if a.status != 200 || !strings.Contains(a.body, anna) || strings.Contains(a.body, boris) {
		t.Fatalf("%+v", a)
	}
	for name := range w.requests()[0].Header {
		if strings.EqualFold(name, "OptUp-Caller-Token") {
			t.Error("the CRM saw the token")
		}
	}
	seen := len(w.requests())
	forger := ledgertest.NewAuthority(t)
	for name, test := range map[string]struct {
		header []string
		want   string
	}{
		"another audience":          {[]string{"OptUp-Caller-Token", w.token(t, dashboard, "optup-ledger", "pod-1", time.Hour)}, "CALLER_UNKNOWN"},
		"the API server's audience": {[]string{"OptUp-Caller-Token", w.token(t, dashboard, ledgertest.Issuer, "pod-1", time.Hour)}, "CALLER_UNKNOWN"},
		"an expired one":            {[]string{"OptUp-Caller-Token", w.token(t, dashboard, "optup-provider", "pod-1", -time.Second)}, "CALLER_UNKNOWN"},
		"one of no pod":             {[]string{"OptUp-Caller-Token", w.token(t, dashboard, "optup-provider", "", time.Hour)}, "CALLER_UNKNOWN"},
		"another cluster's":         {[]string{"OptUp-Caller-Token", forger.TokenFor("system:serviceaccount:marketing:dashboard", "optup-provider", "pod-1", time.Hour)}, "CALLER_UNKNOWN"},
		"nonsense":                  {[]string{"OptUp-Caller-Token", "nonsense"}, "CALLER_UNKNOWN"},
		"under another name":        {[]string{"OptUp_Caller_Token", sound}, "CALLER_UNKNOWN"},
		"as a bearer":               {[]string{"Authorization", "Bearer " + sound}, "CALLER_UNKNOWN"},
		"an account without rules":  {[]string{"OptUp-Caller-Token", w.token(t, stranger, "optup-provider", "pod-1", time.Hour)}, "NO_POLICY"},
	} {
		t.Run(name, func(t *testing.T) {
			if a := get(t, plain, list, test.header...); a.reason() != test.want {
				t.Errorf("%+v", a)
			}
		})
	}
	t.Run("two tokens", func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+list, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Optup-Caller-Token"] = []string{sound, w.token(t, stranger, "optup-provider", "pod-1", time.Hour)}
		res, err := (&http.Client{Transport: &http.Transport{DialContext: plain, DisableKeepAlives: true}}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s", res.Status)
		}
	})
	if n := len(w.requests()); n != seen {
		t.Errorf("the CRM was asked %d times more", n-seen)
	}
	t.Run("an account of several workloads", func(t *testing.T) {
		second := policy.Workload{Namespace: "marketing", Kind: "Deployment", Name: "reports", Accounts: []string{"dashboard"}}
		w.snapshot.Workloads = append(w.snapshot.Workloads, second)
		w.snapshot.Policies[0].Targets = append(w.snapshot.Policies[0].Targets, policy.Target{Kind: "Deployment", Name: "reports"})
		w.compile()
		w.until("the bundle is in force", func() bool { return crm.current.Load().Generation == 2 })
		if a := get(t, plain, list, "OptUp-Caller-Token", sound); a.reason() != "CALLER_UNKNOWN" || !strings.Contains(a.body, "give each its own") {
			t.Errorf("%+v", a)
		}
	})
}

// TestWithoutAttestationTheCallerDecides: what answers may be the service without a sidecar, or somebody else's sidecar.
func TestWithoutAttestationTheCallerDecides(t *testing.T) {
	everything := func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(rw, `{"customers":[{"email":%q,"orders":3},{"email":%q,"orders":1}]}`, anna, boris)
	}
	for name, test := range map[string]struct {
		// who answers with a certificate; nil for the application itself.
		who func(w *world) *tls.Certificate
		// unanswered tells that nobody is left to ask.
		unanswered bool
	}{
		"the application without a sidecar": {func(*world) *tls.Certificate { return nil }, false},
		"a sidecar of another workload": {func(w *world) *tls.Certificate {
			c := w.authority.Certificate(w.name(stranger), nil)
			return &c
		}, false},
		"a namesake of another namespace": {func(w *world) *tls.Certificate {
			n := w.name(crmApp)
			n.Namespace = "marketing"
			c := w.authority.Certificate(n, nil)
			return &c
		}, false},
		"an expired certificate of the service": {func(w *world) *tls.Certificate {
			c := w.authority.Certificate(w.name(crmApp), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) })
			return &c
		}, true},
		"another authority's": {func(w *world) *tls.Certificate {
			c := peers.NewAuthority(w.t).Certificate(w.name(crmApp), nil)
			return &c
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			caller := w.start(dashboard, "dashboard-0")
			w.until("the caller has an identity", func() bool { return caller.current.Peers.Load() != nil })
			w.knows(caller)
			if c := test.who(w); c != nil {
				l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*c}, NextProtos: []string{peer.Protocol}, MinVersion: tls.VersionTLS13})
				if err != nil {
					t.Fatal(err)
				}
				s := &http.Server{Handler: http.HandlerFunc(everything), ReadHeaderTimeout: time.Second} //nolint:gosec // a test's
				go func() { _ = s.Serve(plainly{l}) }()
				t.Cleanup(func() { _ = s.Close() })
				w.door = l.Addr()
			}
			a := caller.get(list)
			switch {
			case strings.Contains(a.body, boris):
				t.Errorf("nobody decided: %+v", a)
			case test.unanswered && a.status < 500, !test.unanswered && !strings.Contains(a.body, anna):
				t.Errorf("%+v", a)
			}
			if n := caller.counted(`optup_sidecar_connections_total{outcome="delegated"}`); n != "" {
				t.Errorf("the decision was left to somebody else %s times", n)
			}
		})
	}
}

// plainly hides from a server that its connections are TLS, as the sidecar's is hidden.
type plainly struct{ net.Listener }

func (l plainly) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return struct{ net.Conn }{c}, err
}

// TestAnObservingServiceAttestsNothing: it does not enforce, so the caller does.
func TestAnObservingServiceAttestsNothing(t *testing.T) {
	w := newWorld(t)
	w.snapshot.Namespaces[0].Mode = ir.ModeObserve
	w.compile()
	crm := w.guarded()
	caller := w.start(dashboard, "dashboard-0")
	w.until("the caller has an identity", func() bool { return caller.current.Peers.Load() != nil })
	w.knows(caller)
	if a := caller.get(list); a.status != 200 || strings.Contains(a.body, boris) || !strings.Contains(a.body, anna) {
		t.Errorf("%+v", a)
	}
	if n := caller.counted(`optup_sidecar_connections_total{outcome="delegated"}`); n != "" {
		t.Errorf("the decision was left to the service %s times", n)
	}
	// It knows who called, and would deny nobody else yet.
	if n := crm.counted(`optup_sidecar_connections_total{outcome="caller-proven"}`); n == "" {
		t.Error("the caller has not proven who it is")
	}
	if a := get(t, to(crm.inbound), list); a.status != 200 || !strings.Contains(a.body, boris) {
		t.Errorf("somebody unknown was denied: %+v", a)
	}
}
