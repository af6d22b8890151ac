package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	managerNamespace = "optup-system"
	kubeconfig       = `{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],
"clusters":[{"name":"c","cluster":{"server":"https://%s","insecure-skip-tls-verify":true}}],"users":[{"name":"u","user":{"token":"%s"}}]}`
)

// openManager starts the operator before an API server of its own, without nodes, and declares what the world runs with.
func (w *world) openManager(ctx context.Context, root, folder string) error {
	if err := w.openAPI(ctx); err != nil {
		return err
	}
	spaces := "apiVersion: v1\nkind: List\nitems:\n"
	for _, name := range []string{managerNamespace, "consent", "crm", "esp"} {
		spaces += "- {apiVersion: v1, kind: Namespace, metadata: {name: " + name + "}}\n"
	}
	if err := os.WriteFile(filepath.Join(w.dir, "spaces.yaml"), []byte(spaces), 0o600); err != nil {
		return err
	}
	if err := soon("the API server took no namespaces", func() error { return w.kubectl(ctx, "apply", "-f", filepath.Join(w.dir, "spaces.yaml")) }); err != nil {
		return err
	}
	if err := w.kubectl(ctx, "apply", "--server-side", "-f", filepath.Join(root, "config/crd/bases")); err != nil {
		return err
	}
	metrics, config, hooks := free(), free(), free()
	_, port, _ := net.SplitHostPort(hooks)
	w.webhooks = "https://" + hooks
	w.sources = append(w.sources, source{"http://" + metrics + "/metrics", managerNamespace, "optup-manager"})
	if _, err := w.run(ctx, "manager", "--sidecar-image", "optup/sidecar:dev", "--ledger-image", "optup/ledger:dev", "--namespace", managerNamespace,
		"--metrics", metrics, "--config", config, "--health", free(), "--webhook-port", port, "--leader-elect=false"); err != nil {
		return err
	}
	return soon("the API server did not take the policies", func() error { return w.kubectl(ctx, "apply", "-f", folder) })
}

// openAPI starts etcd and an API server that knows one token.
func (w *world) openAPI(ctx context.Context) error {
	file := func(name string) string { return filepath.Join(w.dir, name) }
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	etcd, peers, api := "http://"+free(), "http://"+free(), free()
	_, port, _ := net.SplitHostPort(api)
	if err := errors.Join(os.WriteFile(file("accounts.key"), text, 0o600), os.WriteFile(file("tokens.csv"), []byte(token+",admin,admin,system:masters\n"), 0o600),
		os.WriteFile(file("kubeconfig"), fmt.Appendf(nil, kubeconfig, api, token), 0o600)); err != nil {
		return err
	}
	w.environment = append(os.Environ(), "KUBECONFIG="+file("kubeconfig"))
	if _, err := w.run(ctx, "cluster/etcd", "--data-dir", file("etcd"), "--listen-client-urls", etcd, "--advertise-client-urls", etcd, "--listen-peer-urls", peers,
		"--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers); err != nil {
		return err
	}
	_, err = w.run(ctx, "cluster/kube-apiserver", "--etcd-servers", etcd, "--cert-dir", file("certificates"), "--bind-address", "127.0.0.1", "--secure-port", port,
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", file("accounts.key"),
		"--service-account-signing-key-file", file("accounts.key"), "--token-auth-file", file("tokens.csv"), "--authorization-mode", "RBAC",
		"--service-cluster-ip-range", "10.0.0.0/24", "--disable-admission-plugins", "ServiceAccount")
	return err
}

func (w *world) kubectl(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(w.programs, "cluster/kubectl"), args...)
	cmd.Env = w.environment
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("kubectl: %w: %s", err, out)
	}
	return nil
}

// edit changes a policy, so that the operator has something to do.
func (w *world) edit(ctx context.Context, n int) error {
	return w.kubectl(ctx, "patch", "consentpolicy/dashboard", "-n", "marketing", "--type=merge", "-p", fmt.Sprintf(`{"spec":{"freshnessBound":"%ds"}}`, 10+n%20))
}

// review asks the operator's webhook about a pod, as the API server would.
func (w *world) review(path string) *http.Request {
	pod := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"scoring","namespace":"marketing"},"spec":{"containers":[{"name":"scoring","image":"shop"}]}}`
	body := strings.NewReader(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE","namespace":"marketing","name":"scoring",
"kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},"object":` + pod + `}}`)
	r, err := http.NewRequest(http.MethodPost, w.webhooks+path, body)
	if err != nil {
		panic(err) // the address is this program's own
	}
	r.Header.Set("Content-Type", "application/json")
	return r
}

// untrusting talks to the webhook, whose certificate names a Service that does not exist here.
var untrusting = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // on a loopback address

// soon tries until something works, for half a minute.
func soon(what string, try func() error) error {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		err := try()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}
