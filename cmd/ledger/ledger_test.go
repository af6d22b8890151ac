package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

const token = "development-token-of-a-test"

func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// folder prepares what serve needs and gives its flags.
func folder(t *testing.T) (string, []string) {
	t.Helper()
	dir := t.TempDir()
	config, err := json.Marshal(map[string]any{"controller": ledgertest.Controller})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := ir.Encode(ledgertest.NewBundle("newsletter"))
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "root.key")
	if err := run(t.Context(), "keygen", "--out", root); err != nil {
		t.Fatal(err)
	}
	return dir, []string{
		"serve", "--data", filepath.Join(dir, "data"), "--root-key", root, "--log-level", "error",
		"--config", write(t, filepath.Join(dir, "config.json"), config),
		"--bundle", write(t, filepath.Join(dir, "bundle.json"), bundle),
		"--dev-token-file", write(t, filepath.Join(dir, "dev.token"), []byte(token+"\n")),
	}
}

func run(ctx context.Context, args ...string) error {
	cmd := command()
	cmd.SetArgs(args)
	cmd.SetErr(io.Discard)
	cmd.SetOut(io.Discard)
	return cmd.ExecuteContext(ctx)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start serves until stop is called, which gives the error of serve.
func start(t *testing.T, client *http.Client, scheme string, args []string) (api, admin string, stop func() error) {
	t.Helper()
	apiAddr, adminAddr := freePort(t), freePort(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, append(args, "--listen", apiAddr, "--admin", adminAddr)...) }()
	stop = func() error { cancel(); err := <-done; done <- err; return err }
	t.Cleanup(func() { _ = stop() })
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if res, err := client.Get(scheme + "://" + apiAddr + "/"); err == nil {
			_ = res.Body.Close()
			return scheme + "://" + apiAddr, "http://" + adminAddr, stop
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("serve ended: %v", err)
		default:
		}
	}
	t.Fatal("serve does not answer")
	return
}

func call(t *testing.T, client *http.Client, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestServe(t *testing.T) {
	_, args := folder(t)
	client := http.DefaultClient
	api, admin, stop := start(t, client, "http", args)
	event := `{"identifiers":[{"type":"email","value":"ada@example.org"}],"event":{"type":"given","purpose":"newsletter","notice":"newsletter-v1","proof":"Signed"},` +
		`"evidence":{"kind":"signedForm","signedForm":{"signedAt":"2026-01-01T10:00:00Z","sha256":"` + strings.Repeat("ab", 32) + `","reference":"archive/1","signature":"handwritten"}}}`
	if status, body := call(t, client, "POST", api+"/v1/events", event); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := call(t, client, "GET", api+"/v1/usable-share", ""); status != 200 || !strings.Contains(body, `"purpose":"newsletter"`) {
		t.Fatalf("%d %s", status, body)
	}
	for path, want := range map[string]int{"/healthz": 204, "/readyz": 204, "/v1/head": 404} {
		if status, body := call(t, client, "GET", admin+path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	_, text := call(t, client, "GET", admin+"/metrics", "")
	for _, want := range []string{
		"optup_ledger_position 1\n", "optup_ledger_bundle_loaded 1\n", `optup_ledger_events_total{event="given",outcome="appended"} 1`,
		`optup_ledger_request_duration_seconds_count{route="POST /v1/events",status="201"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the metrics", want)
		}
	}
	if strings.Contains(text, "ada@") {
		t.Error("the metrics hold a person")
	}

	// An open stream does not keep the ledger from stopping.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api+"/v1/stream?purpose=newsletter", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := client.Do(r)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%v", err)
	}
	defer res.Body.Close()
	began := time.Now()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Fatalf("it took %v to stop", took)
	}
	api, _, _ = start(t, client, "http", args)
	if status, body := call(t, client, "GET", api+"/v1/head", ""); status != 200 || !strings.Contains(body, `"position":1,`) {
		t.Fatalf("after a restart: %d %s", status, body)
	}
}

func TestNoWriteIsRefusedWhileAnotherTakesOver(t *testing.T) {
	_, args := folder(t)
	api, admin, stop := start(t, http.DefaultClient, "http", append(args, "--stop-delay", "2s"))
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	ready := func() int {
		status, _ := call(t, http.DefaultClient, "GET", admin+"/readyz", "")
		return status
	}
	for deadline := time.Now().Add(30 * time.Second); ready() != http.StatusServiceUnavailable; {
		if time.Now().After(deadline) {
			t.Fatal("the ledger is ready although it is about to stop")
		}
	}
	event := `{"identifiers":[{"type":"email","value":"ada@example.org"}],"event":{"type":"withdrawn","purpose":"newsletter"}}`
	if status, body := call(t, http.DefaultClient, "POST", api+"/v1/events", event); status != 201 {
		t.Fatalf("a withdrawal while the ledger is about to stop: %d %s", status, body)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestServeRefuses(t *testing.T) {
	dir, args := folder(t)
	other := filepath.Join(dir, "other.key")
	if err := run(t.Context(), "keygen", "--out", other); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a development token beyond this machine": {append(args, "--listen", ":0"), "--dev-token-file needs a loopback address"},
		"no TLS beyond this machine":              {append(without(args, "--dev-token-file"), "--listen", ":0"), "--tls-cert and --tls-key"},
		"no key":                                  {append(without(args, "--root-key"), "--listen", "127.0.0.1:0"), "root-key"},
		"half a certificate":                      {append(args, "--listen", "127.0.0.1:0", "--tls-cert", "x"), "tls-key"},
		"a manager and a bundle":                  {append(args, "--listen", "127.0.0.1:0", "--manager", "x", "--manager-token", "x", "--trust", "x"), "bundle manager"},
		"a limit below nothing":                   {append(args, "--listen", "127.0.0.1:0", "--max-events", "-4"), "--max-events"},
		"an unknown argument":                     {append(args, "now"), "now"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if err := run(ctx, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("err = %v, want one about %q", err, c.want)
			}
		})
	}
}

func without(args []string, flag string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		if args[i] == flag {
			i++
			continue
		}
		out = append(out, args[i])
	}
	return out
}

func TestAnotherRootKeyIsRefused(t *testing.T) {
	dir, args := folder(t)
	_, _, stop := start(t, http.DefaultClient, "http", args)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.key")
	if err := run(t.Context(), "keygen", "--out", other); err != nil {
		t.Fatal(err)
	}
	args = append(without(args, "--root-key"), "--root-key", other, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	if err := run(t.Context(), args...); err == nil || !strings.Contains(err.Error(), "restore that key") {
		t.Fatalf("err = %v", err)
	}
}

// pair makes a self-signed certificate with a serial number.
func pair(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "ledger"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, b []byte) []byte {
		var out bytes.Buffer
		if err := pem.Encode(&out, &pem.Block{Type: kind, Bytes: b}); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	return write(t, filepath.Join(dir, "tls.crt"), encode("CERTIFICATE", der)), write(t, filepath.Join(dir, "tls.key"), encode("PRIVATE KEY", raw))
}

func TestCertificatesAreRenewedWhileItRuns(t *testing.T) {
	dir, args := folder(t)
	cert, key := pair(t, dir, 1)
	insecure := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, //nolint:gosec // only the serial number is looked at
	}}
	api, _, _ := start(t, insecure, "https", append(args, "--tls-cert", cert, "--tls-key", key))
	serial := func() string {
		t.Helper()
		res, err := insecure.Get(api)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return fmt.Sprint(res.TLS.PeerCertificates[0].SerialNumber, res.TLS.Version == tls.VersionTLS13)
	}
	if got := serial(); got != "1 true" {
		t.Fatal(got)
	}
	write(t, cert, []byte("half written"))
	time.Sleep(lookEvery + 100*time.Millisecond)
	if got := serial(); got != "1 true" {
		t.Fatalf("broken files are in use: %s", got)
	}
	pair(t, dir, 2)
	for end := time.Now().Add(30 * time.Second); serial() != "2 true"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the new certificate is not in use: %s", serial())
		}
	}
}

func TestABundleIsAboutTheOwnControllerOnly(t *testing.T) {
	b := &bundles{log: slog.New(slog.NewTextHandler(io.Discard, nil)), controller: ledgertest.Controller}
	bundle := ledgertest.NewBundle("newsletter", "foreign")
	bundle.Purposes[1].Controller, bundle.Notices[1].Controller = "other-gmbh", "other-gmbh"
	bundle.Touchpoints = []ir.Touchpoint{{Name: "shop/form", Controller: "other-gmbh"}, {Name: "shop/till", Controller: ledgertest.Controller}}
	b.apply(bundle)
	if got := b.get(); len(got.Touchpoints) != 1 || got.Touchpoints[0].Name != "shop/till" || len(got.Purposes) != 1 || got.Purposes[0].Name != "newsletter" || len(got.Notices) != 1 || len(bundle.Purposes) != 2 {
		t.Fatalf("%+v", got)
	}
}
