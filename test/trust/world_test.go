package trust

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/metrics"
	"github.com/optup/optup/internal/proxy"
	"github.com/optup/optup/internal/roots"
)

// The hosts, by where they lead: one is declared and intercepted, one is outside with a certificate of a public authority, and one is outside with
// a certificate that somebody signed who stole the key of the namespace's authority.
const (
	declared, outside, stolen = "api.esp.example", "www.public.example", "bank.example"
	atProxy, atOutside        = "127.66.0.1:443", "127.66.0.2:443"
	atStolen                  = "127.66.0.3:443"

	said = "this is what the service says"
)

// world is a service behind a proxy that intercepts it, and what applications are given.
type world struct {
	proxy *proxy.Proxy
	// reached counts the requests that the service got.
	reached atomic.Int64
	// injected are the variables of an application's container.
	injected []string
}

func newWorld(t *testing.T) *world {
	w := &world{}
	public, service := newAuthority(t, "public"), newAuthority(t, "service")
	own, err := intercept.NewAuthority("marketing", []string{declared}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := intercept.NewLocal(own)
	if err != nil {
		t.Fatal(err)
	}
	esp := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		w.reached.Add(1)
		_, _ = io.WriteString(rw, said)
	}))
	esp.TLS = &tls.Config{Certificates: []tls.Certificate{service.leaf(t, declared)}, MinVersion: tls.VersionTLS12}
	esp.StartTLS()
	t.Cleanup(esp.Close)

	current := &proxy.Current{}
	current.Store(&proxy.State{Index: decide.NewIndex(bundle()), Generation: 1})
	pool := x509.NewCertPool()
	pool.AddCert(service.certificate)
	quiet := slog.New(slog.DiscardHandler)
	w.proxy = &proxy.Proxy{
		Current: current, Metrics: proxy.NewMetrics(metrics.New()), Logger: quiet, Leaves: leaves, Roots: pool,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, esp.Listener.Addr().String())
		},
	}
	serve(t, w.proxy)
	w.elsewhere(t, atOutside, public.leaf(t, outside))
	w.elsewhere(t, atStolen, stolenAuthority(t, own).leaf(t, stolen))
	w.files(t, public, own)
	w.injected = variables(t)
	return w
}

// bundle declares one host that is intercepted, and nothing personal in it.
func bundle() *ir.Bundle {
	return &ir.Bundle{
		Schema: ir.Schema, Namespace: "marketing", Workload: "Deployment/mailer", Mode: ir.ModeEnforce, FreshnessBoundMillis: 30_000,
		Services: []ir.Service{{
			Name: "esp/mail", Hosts: []string{declared}, Ports: []ir.Port{{Port: 443, Protocol: "HTTPS", Intercept: true}}, Party: ir.Party{Role: ir.RoleProcessor},
			Endpoints: []ir.Endpoint{{Name: "status", Methods: []string{"GET"}, Path: "/v3/status", NoPersonalData: true}},
		}},
	}
}

func serve(t *testing.T, p *proxy.Proxy) {
	t.Helper()
	l, err := net.Listen("tcp", atProxy)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.ServeHost(ctx, l, declared, 443) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// elsewhere is a host that nobody declares.
func (w *world) elsewhere(t *testing.T, address string, certificate tls.Certificate) {
	t.Helper()
	l, err := tls.Listen("tcp", address, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{
		Handler:           http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, said) }),
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ReadHeaderTimeout: time.Minute,
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
}

// files are those of a pod: names of hosts, and what its sidecar wrote.
func (w *world) files(t *testing.T, public *authority, own *intercept.Authority) {
	t.Helper()
	hosts := "127.0.0.1 localhost\n"
	for host, at := range map[string]string{declared: atProxy, outside: atOutside, stolen: atStolen} {
		hosts += strings.TrimSuffix(at, ":443") + " " + host + "\n"
	}
	folder := mounted(t)
	err := os.WriteFile("/etc/hosts", []byte(hosts), 0o644)
	if err == nil {
		err = os.MkdirAll(folder, 0o755)
	}
	if err == nil {
		err = intercept.WriteTrust(folder, folder, append(roots.All(), public.certificate.Raw), [][]byte{own.Certificate.Raw})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// injectedApp is the container of an application, as admission leaves it.
func injectedApp(t *testing.T) *corev1.Container {
	t.Helper()
	yes, no := true, false
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "mailer", Namespace: "marketing"},
		Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: &yes},
			Containers:      []corev1.Container{{Name: "app", Image: "shop:1", SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no}}},
		},
	}
	ns := inject.Namespace{Name: "marketing", Labels: map[string]string{inject.ModeLabel: inject.ModeEnforce}, Intercepted: true}
	out, report := inject.Inject(pod, ns, inject.Config{Image: "optup/sidecar:1", ManagerURL: "https://optup-manager.optup-system.svc:9443"})
	if len(report.Refusals) > 0 {
		t.Fatalf("%+v", report)
	}
	i := slices.IndexFunc(out.Spec.Containers, func(c corev1.Container) bool { return c.Name == "app" })
	return &out.Spec.Containers[i]
}

func variables(t *testing.T) (out []string) {
	t.Helper()
	for _, v := range injectedApp(t).Env {
		out = append(out, v.Name+"="+v.Value)
	}
	if len(out) == 0 {
		t.Fatal("admission injects no variable")
	}
	return out
}

// mounted is where the folder of authorities is in that container.
func mounted(t *testing.T) string {
	t.Helper()
	for _, m := range injectedApp(t).VolumeMounts {
		if m.Name == inject.AuthoritiesVolume {
			return m.MountPath
		}
	}
	t.Fatal("admission mounts no authorities")
	return ""
}

// authority is one of the outside.
type authority struct {
	certificate *x509.Certificate
	key         any
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{c, key}
}

// stolenAuthority signs for every host with the key of an authority that is for one.
func stolenAuthority(t *testing.T, a *intercept.Authority) *authority {
	t.Helper()
	_, text, err := a.PEM()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{a.Certificate, key}
}

func (a *authority) leaf(t *testing.T, host string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
