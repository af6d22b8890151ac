package proxy

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/metrics"
)

// told are facts from a function.
type told struct {
	fact func(person consent.Identifier, purpose consent.PurposeID) consent.Fact
	now  func() decide.Now
}

func (f told) Lookup(id consent.Identifier, purpose consent.PurposeID) (consent.Fact, bool, error) {
	n, err := consent.Normalize(id)
	if err != nil {
		return consent.Fact{}, false, err
	}
	fact := f.fact(n, purpose)
	return fact, fact.Position > 0, nil
}

func (f told) Now() decide.Now { return f.now() }

// road is a sidecar between a client and one service that answers for every host, in plain and, on ports that are declared so, with TLS.
type road struct {
	t       *testing.T
	proxy   *Proxy
	current *Current
	metrics *metrics.Registry
	// trusted is what applications of the workload trust.
	trusted *x509.CertPool

	mu sync.Mutex
	// got are the requests that reached the service.
	got    []seen
	answer func(w http.ResponseWriter, r *http.Request, body []byte)
}

type seen struct {
	method, uri, host string
	header, trailer   http.Header
	body              []byte
	// tls is the name that the sidecar asked for; empty in plain.
	tls string
}

func (r *road) serve(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	one := seen{method: req.Method, uri: req.RequestURI, host: req.Host, header: req.Header.Clone(), trailer: req.Trailer.Clone(), body: body}
	if req.TLS != nil {
		one.tls = req.TLS.ServerName
	}
	r.mu.Lock()
	r.got = append(r.got, one)
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(w, req, body)
	}
}

func newRoad(t *testing.T, b *ir.Bundle, facts Facts) *road {
	t.Helper()
	r := &road{t: t, current: &Current{}, metrics: metrics.New()}
	plain := httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(plain.Close)
	encrypted := map[string]bool{}
	names, hosts := []string{"nobody.example"}, []string{"nobody.example"}
	for _, s := range b.Services {
		for _, p := range s.Ports {
			if p.TLSPort != 0 || p.Intercept {
				port := cmp.Or(p.TLSPort, p.Port)
				encrypted[net.JoinHostPort(s.Hosts[0], strconv.Itoa(port))] = true
				names = append(names, s.Hosts[0])
			}
		}
		hosts = append(hosts, s.Hosts...)
	}
	certificate, roots := certificateFor(t, names...)
	secret := httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	secret.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	secret.EnableHTTP2 = true
	secret.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secret.StartTLS()
	t.Cleanup(secret.Close)
	r.proxy = &Proxy{
		Current: r.current, Metrics: NewMetrics(r.metrics), Roots: roots, Leaves: r.leaves(hosts),
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			server := plain.Listener.Addr().String()
			if encrypted[addr] {
				server = secret.Listener.Addr().String()
			}
			return (&net.Dialer{}).DialContext(ctx, network, server)
		},
	}
	byController := map[string]Facts{}
	for _, p := range b.Purposes {
		byController[p.Controller] = facts
	}
	r.current.Store(&State{Index: decide.NewIndex(b), Facts: byController})
	// The services' address: a client that is slow to speak is heard out there, also on a busy machine.
	r.current.Load().resolver.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
	}
	return r
}

// leaves makes an authority that the workload's applications trust.
func (r *road) leaves(hosts []string) intercept.Source {
	r.t.Helper()
	a, err := intercept.NewAuthority("test", hosts, time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	r.trusted = x509.NewCertPool()
	r.trusted.AddCert(a.Certificate)
	l, err := intercept.NewLocal(a)
	if err != nil {
		r.t.Fatal(err)
	}
	return l
}

// certificateFor makes a certificate for names, and the roots that it is verified with.
func certificateFor(t *testing.T, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// listen serves a listener that was "redirected" from dst.
func (r *road) listen(dst netip.AddrPort) net.Addr {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.proxy.Original = func(net.Conn) (netip.AddrPort, error) { return dst, nil }
	ctx, cancel := context.WithCancel(context.Background())
	r.t.Cleanup(func() {
		cancel()
		end, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		_ = r.proxy.Shutdown(end)
	})
	go func() { _ = r.proxy.ServeRedirected(ctx, l) }()
	return l.Addr()
}

// raw sends bytes and gives everything that comes back until the connection ends or is idle.
func raw(t *testing.T, addr net.Addr, request string) string {
	t.Helper()
	return rawOver(t, addr, nil, request)
}

// rawOver does the same within TLS, unless config is nil.
func rawOver(t *testing.T, addr net.Addr, config *tls.Config, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		c = tls.Client(c, config)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	go func() { _, _ = io.WriteString(c, request) }() // an answer may come before all of it was sent
	var out bytes.Buffer
	_, _ = io.Copy(&out, c)
	return out.String()
}

// bundle is what is in force. A change of it counts once there is an index of it.
func (r *road) bundle() *ir.Bundle { return r.current.Load().Index.Bundle() }

func (r *road) requests() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]seen(nil), r.got...)
}

// labelled is the value of a counter with labels; 0 if it was never counted.
func (r *road) labelled(name string) float64 {
	r.t.Helper()
	if !strings.Contains(r.metrics.Text(), name+" ") {
		return 0
	}
	return r.counted(name)
}

// counted is the value of a counter without labels.
func (r *road) counted(name string) float64 {
	r.t.Helper()
	for line := range strings.Lines(r.metrics.Text()) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				r.t.Fatal(err)
			}
			return n
		}
	}
	r.t.Fatalf("no counter %s", name)
	return 0
}

func reasonOf(t *testing.T, body []byte) decide.Reason {
	t.Helper()
	var p problem
	if err := json.Unmarshal(body, &p); err != nil || len(p.Reasons) != 1 {
		t.Fatalf("no problem: %s", body)
	}
	return p.Reasons[0]
}
