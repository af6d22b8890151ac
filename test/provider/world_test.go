package provider

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/distribute/client"
	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/ledgertest"
	"github.com/optup/optup/internal/metrics"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/proxy"
	"github.com/optup/optup/internal/proxy/follow"
	"github.com/optup/optup/internal/testkit/peers"
)

const (
	anna  = "anna@example.org"
	boris = "boris@example.org"
	host  = "crm.crm.svc"
)

var (
	crmApp    = policy.Workload{Namespace: "crm", Kind: "Deployment", Name: "crm", Accounts: []string{"crm"}}
	dashboard = policy.Workload{Namespace: "marketing", Kind: "Deployment", Name: "dashboard", Accounts: []string{"dashboard"}}
	stranger  = policy.Workload{Namespace: "marketing", Kind: "Deployment", Name: "stranger", Accounts: []string{"stranger"}}
)

// world is a manager, a ledger, a CRM that we run and its callers. Every pod has a sidecar.
type world struct {
	t         *testing.T
	ledger    *ledgertest.Ledger
	authority *peers.Authority
	snapshot  policy.Snapshot
	manager   *httptest.Server
	sessions  *server.Sessions

	mu        sync.Mutex
	bundles   map[string]server.Published // by namespace/config
	changed   map[string]chan struct{}
	workloads map[string]policy.Workload // by pod
	// app is the CRM itself; it answers with all customers, whoever asks.
	app *httptest.Server
	got []*http.Request
	// door is where the network takes connections to the CRM's pod: its sidecar, or the CRM itself.
	door net.Addr
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, ledger: ledgertest.New(t).Start(), authority: peers.NewAuthority(t), bundles: map[string]server.Published{}, changed: map[string]chan struct{}{}, workloads: map[string]policy.Workload{}}
	w.authority.Issuer, w.authority.Keys = ledgertest.Issuer, w.ledger.JWKS()
	w.app = httptest.NewServer(http.HandlerFunc(w.crm))
	t.Cleanup(w.app.Close)
	w.door = w.app.Listener.Addr()
	w.ledger.Append(anna, ledgertest.Given("advice"))
	w.snapshot = w.sound()
	w.sessions = server.NewSessions(time.Now, nil)
	s := &server.Server{
		Tokens:    identity.NewVerifier(time.Now, identity.Issuer{Issuer: ledgertest.Issuer, Audience: ledgertest.Audience, Keys: keysOf(t, w.ledger.JWKS())}),
		Directory: w, Grants: w, Identities: w.authority, Sessions: w.sessions, Now: time.Now,
		Unsigned: func(err error) { t.Log(err) },
	}
	w.manager = httptest.NewUnstartedServer(s.Handler())
	w.manager.EnableHTTP2 = true
	w.manager.StartTLS()
	t.Cleanup(w.manager.Close)
	w.compile()
	return w
}

func keysOf(t testing.TB, jwks []byte) identity.KeySource {
	t.Helper()
	k, err := identity.KeysFromBytes(jwks)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// crm is the application of the service, which knows nothing of consent.
func (w *world) crm(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	w.mu.Lock()
	w.got = append(w.got, r)
	w.mu.Unlock()
	rw.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/healthz" {
		_, _ = io.WriteString(rw, `{"ok":true}`)
		return
	}
	_, _ = io.WriteString(rw, `{"customers":[{"email":"`+anna+`","orders":3},{"email":"`+boris+`","orders":1}]}`)
}

func (w *world) requests() []*http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*http.Request(nil), w.got...)
}

func (w *world) sound() policy.Snapshot {
	_, port, _ := net.SplitHostPort(w.app.Listener.Addr().String())
	target, err := strconv.Atoi(port)
	if err != nil {
		w.t.Fatal(err)
	}
	rule := policy.Rule{
		Name: "advice", Purpose: "advice", Service: policy.ServiceRef{Namespace: "crm", Name: "crm"}, Endpoints: []string{"list"}, OnMissing: ir.OnMissingDropRecord,
	}
	return policy.Snapshot{
		Namespaces: []policy.Namespace{{Name: "crm", Mode: ir.ModeEnforce}, {Name: "marketing", Mode: ir.ModeEnforce}},
		Ledgers:    []policy.Ledger{{Namespace: "consent", Name: "main", Controller: ledgertest.Controller, URL: w.ledger.URL}},
		Purposes: []policy.Purpose{{Allowed: policy.NamespaceSelector{Names: []string{"marketing"}}, Purpose: ir.Purpose{
			Name: "advice", Controller: ledgertest.Controller, Grounds: []ir.Ground{ir.GroundConsent}, Processing: []ir.Processing{ir.ProcessingShow},
			Categories: []string{"pd:EmailAddress", "pd:Purchase"}, Objection: ir.ObjectionDirectMarketing,
		}}},
		Notices: []ir.Notice{{
			Name: "advice-v1", Series: "advice", Version: 1, Controller: ledgertest.Controller, Purposes: []consent.PurposeID{"advice"},
			Processing: []ir.Processing{ir.ProcessingShow},
		}},
		Services: []policy.Service{{
			Namespace: "crm", Allowed: policy.NamespaceSelector{Names: []string{"marketing"}},
			Workloads: &policy.ServiceWorkloads{Targets: []policy.Target{{Kind: "Deployment", Name: "crm"}}, Ports: map[int]int{80: target}},
			Service: ir.Service{
				Name: "crm/crm", Hosts: []string{host}, Ports: []ir.Port{{Port: 80, Protocol: "HTTP"}}, Party: ir.Party{Role: ir.RoleProcessor},
				Endpoints: []ir.Endpoint{
					{Name: "health", Methods: []string{"GET"}, Path: "/healthz", NoPersonalData: true},
					{Name: "list", Methods: []string{"GET"}, Path: "/v1/customers", Processing: []ir.Processing{ir.ProcessingShow}, Response: &ir.Message{Records: &ir.Records{
						Each: "/customers/*", Identifier: "/email", Identifies: ir.Identifies{Type: consent.IdentifierEmail, Form: consent.FormPlain},
						Fields: []ir.Field{{Pointer: "/email", Category: "pd:EmailAddress"}, {Pointer: "/orders", Category: "pd:Purchase"}},
					}}},
					{Name: "secrets", Methods: []string{"GET"}, Path: "/v1/secrets", Processing: []ir.Processing{ir.ProcessingShow}, Response: &ir.Message{NotPersonal: []string{""}}},
				},
			},
		}},
		Policies:  []policy.Policy{{Namespace: "marketing", Name: "dashboard", Targets: []policy.Target{{Kind: "Deployment", Name: "dashboard"}}, Rules: []policy.Rule{rule}}},
		Workloads: []policy.Workload{crmApp, dashboard, stranger},
	}
}

// compile publishes what the snapshot says.
func (w *world) compile() {
	w.t.Helper()
	r := compile.Compile(w.snapshot)
	for _, f := range r.Findings {
		if f.Severity == compile.Error {
			w.t.Fatalf("%+v", f)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range r.Bundles {
		name := b.Workload.Namespace + "/" + b.Workload.Config()
		w.bundles[name] = server.Published{Generation: w.bundles[name].Generation + 1, Hash: b.Hash, Bundle: b.Encoded}
		if c := w.changed[name]; c != nil {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
}

// Caller implements server.Directory.
func (w *world) Caller(_ context.Context, who identity.Identity) (server.Caller, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x, ok := w.workloads[who.PodUID]
	if !ok {
		return server.Caller{}, server.ErrUnknownPod
	}
	return server.Caller{Namespace: x.Namespace, Config: x.Config(), Workload: x.ID()}, nil
}

// Published implements server.Directory.
func (w *world) Published(_ context.Context, namespace, config string) (server.Published, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.bundles[namespace+"/"+config]
	return p, ok
}

// Changes implements server.Directory.
func (w *world) Changes(namespace, config string) (<-chan struct{}, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan struct{}, 1)
	w.changed[namespace+"/"+config] = c
	return c, func() {}
}

// Sign implements server.Grants.
func (w *world) Sign(g identity.Grant) (string, error) {
	return w.ledger.Grant(g.Subject, g.PodUID, time.Until(g.Expires), g.Purposes...), nil
}

// sidecar is that of one pod.
type sidecar struct {
	w       *world
	current *proxy.Current
	proxy   *proxy.Proxy
	metrics *metrics.Registry
	follow  *follow.Follower
	// address is where it takes connections from its application, inbound those to the pod.
	address, inbound net.Addr
}

// start runs the sidecar of a pod of a workload, and waits until it has a bundle and, where it needs one, an identity.
func (w *world) start(x policy.Workload, pod string) *sidecar {
	w.t.Helper()
	w.mu.Lock()
	w.workloads[pod] = x
	w.mu.Unlock()
	folder := w.t.TempDir()
	subject := "system:serviceaccount:" + x.Namespace + ":" + x.Accounts[0]
	token := w.ledger.Token(subject, pod, time.Hour)
	trust := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.manager.Certificate().Raw})
	if err := errors.Join(os.WriteFile(filepath.Join(folder, "token"), []byte(token), 0o600), os.WriteFile(filepath.Join(folder, "ca.crt"), trust, 0o600)); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	quiet := slog.New(slog.DiscardHandler)
	s := &sidecar{w: w, current: &proxy.Current{}, metrics: metrics.New()}
	s.follow = follow.New(ctx, group, s.current, follow.Options{Token: func() (string, error) { return token, nil }, Granted: true, Logger: quiet})
	s.proxy = &proxy.Proxy{Current: s.current, Metrics: proxy.NewMetrics(s.metrics), Logger: quiet, Dial: w.dial}
	out, in := w.listen(), w.listen()
	s.address, s.inbound = out.Addr(), in.Addr()
	group.Go(func() error { return s.proxy.ServeHost(ctx, out, host, 80) })
	stop := context.AfterFunc(ctx, func() { _ = in.Close() })
	group.Go(func() error {
		defer stop()
		for {
			c, err := in.Accept()
			if err != nil {
				return nil
			}
			go func() {
				if !s.proxy.Arrive(ctx, c, netip.MustParseAddrPort(w.app.Listener.Addr().String())) {
					_ = c.Close()
				}
			}()
		}
	})
	group.Go(func() error {
		return client.Run(ctx, client.Options{
			Manager: w.manager.URL, TrustFile: filepath.Join(folder, "ca.crt"), TokenFile: filepath.Join(folder, "token"), Apply: s.follow.Apply, Callers: s.proxy.Callers, Logger: quiet,
		})
	})
	w.t.Cleanup(func() {
		cancel()
		end, done := context.WithTimeout(context.Background(), time.Second)
		defer done()
		_ = s.proxy.Shutdown(end)
		_ = group.Wait()
	})
	w.until("a bundle is in force", func() bool { return s.current.Load() != nil })
	return s
}

func (w *world) listen() net.Listener {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// dial is the network: the CRM's name leads to its pod, and the pod's own address to the application.
func (w *world) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if addr == host+":80" {
		w.mu.Lock()
		addr = w.door.String()
		w.mu.Unlock()
	}
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}

// guarded starts the CRM's sidecar, which takes all connections to the pod.
func (w *world) guarded() *sidecar {
	w.t.Helper()
	s := w.start(crmApp, "crm-0")
	w.until("the CRM's sidecar has an identity", func() bool { return s.current.Peers.Load() != nil })
	w.knows(s)
	w.mu.Lock()
	w.door = s.inbound
	w.mu.Unlock()
	return s
}

// knows waits until a sidecar knows what people agreed to.
func (w *world) knows(s *sidecar) {
	w.t.Helper()
	w.until("it knows what people agreed to", func() bool {
		f := s.current.Load().Facts[ledgertest.Controller]
		if f == nil {
			return false
		}
		_, known, err := f.Lookup(ledgertest.Email(anna), "advice")
		return err == nil && known && f.Now().Age >= 0
	})
}

func (w *world) until(what string, done func() bool) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("not in time: %s", what)
		}
	}
}
