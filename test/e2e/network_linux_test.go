package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"time"

	"connectrpc.com/connect"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/internal/distribute/configv1"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/ledger/wire"
	"github.com/optup/optup/internal/peer"
)

// dialling is how connections are made.
type dialling func(ctx context.Context, network, addr string) (net.Conn, error)

// from makes connections in the network of a pod, as a program in it could, and to addresses alone. It needs a cluster on this machine.
func from(pod, program string) dialling {
	GinkgoHelper()
	pid := processes(program, pod)[0]
	return func(ctx context.Context, network, addr string) (c net.Conn, err error) {
		err = within(pid, func() (err error) {
			c, err = (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, addr)
			return err
		})
		return c, err
	}
}

// within does something in the network of a process.
func within(pid int, do func() error) error {
	done := make(chan error, 1)
	go func() {
		// The thread is never given back: it ends with this goroutine.
		runtime.LockOSThread()
		ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err == nil {
			defer func() { _ = ns.Close() }()
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = do()
		}
		done <- err
	}()
	return <-done
}

// showing shakes hands as a sidecar does, with a certificate and whatever key.
func (d dialling) showing(certificate tls.Certificate) dialling {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := d(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(c, &tls.Config{
			InsecureSkipVerify: true, //nolint:gosec // whoever attacks does not care who answers
			NextProtos:         []string{peer.Protocol}, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil },
		})
		return conn, conn.HandshakeContext(ctx)
	}
}

// get asks by HTTP and gives the status with what follows of the answer, or the error.
func (d dialling) get(ctx context.Context, addr, path string, header ...string) string {
	GinkgoHelper()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	Expect(err).NotTo(HaveOccurred())
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: d, DisableKeepAlives: true}}).Do(q)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", res.StatusCode, body)
}

// token makes a token of a pod. Whoever may do that is trusted with the pod (docs/threat-model.md).
func token(ctx context.Context, pod *corev1.Pod, audience string) string {
	GinkgoHelper()
	seconds := int64(3600)
	t, err := r.Set.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, pod.Spec.ServiceAccountName, &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences: []string{audience}, ExpirationSeconds: &seconds,
		BoundObjectRef: &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID},
	}}, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	return t.Status.Token
}

// posed is what the manager gave to somebody with a token.
type posed struct {
	certificate tls.Certificate
	grant       string
	// bundle tells whether there was one.
	bundle bool
}

// pose opens a stream of bundles as a sidecar does, with a token, and gives what comes first.
func pose(ctx context.Context, token string) (posed, error) {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c := configv1.NewConfigServiceClient(trusting(ctx, "optup-system", "optup-manager"), "https://optup-manager.optup-system.svc:9443")
	q := connect.NewRequest(&configv1.WatchRequest{Schema: ir.Schema, IdentityKey: public})
	q.Header().Set("Authorization", "Bearer "+token)
	s, err := c.Watch(ctx, q)
	if err != nil {
		return posed{}, err
	}
	defer func() { _ = s.Close() }()
	if !s.Receive() {
		return posed{}, s.Err()
	}
	out := posed{grant: s.Msg().GetLedgerGrant(), bundle: len(s.Msg().GetBundle()) > 0}
	if i := s.Msg().GetIdentity(); i != nil {
		out.certificate = tls.Certificate{Certificate: i.GetCertificates(), PrivateKey: key}
	}
	return out, nil
}

// tell has the ledger told what somebody said by a callback, as a sidecar does, and gives its answer.
func tell(ctx context.Context, token, grant, service, event string) string {
	GinkgoHelper()
	body := fmt.Sprintf(`{"version":1,"service":%q,"events":[{"key":"planted","identifier":{"type":"email","value":%q},%s}]}`, service, refused(), event)
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://main-ledger.consent.svc:8443"+wire.CallbacksPath, strings.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	q.Header.Set("Authorization", "Bearer "+token)
	q.Header.Set("Content-Type", "application/json")
	if grant != "" {
		q.Header.Set(wire.GrantHeader, grant)
	}
	res, err := trusting(ctx, "consent", "main-ledger").Do(q)
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	Expect(err).NotTo(HaveOccurred())
	return fmt.Sprintf("%d %s", res.StatusCode, text)
}

// trusting goes to a Service of ours by its cluster address, and trusts what sidecars trust.
func trusting(ctx context.Context, namespace, name string) *http.Client {
	GinkgoHelper()
	var trust corev1.ConfigMap
	var service corev1.Service
	Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: "marketing", Name: "optup-trust"}, &trust)).To(Succeed())
	Expect(r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &service)).To(Succeed())
	roots := x509.NewCertPool()
	Expect(roots.AppendCertsFromPEM([]byte(trust.Data["ca.crt"]))).To(BeTrue())
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(service.Spec.ClusterIP, port))
		},
	}}
}

// inShort is an answer without its people: status, reason and how many are in it.
func inShort(answer string) string {
	status, body, _ := strings.Cut(answer, " ")
	if why := reason(body); why != "" {
		return status + " " + why
	}
	if n := strings.Count(body, `"email"`); n > 0 {
		return fmt.Sprintf("%s, %d people", status, n)
	}
	return strings.TrimSpace(answer)
}

// linkLocal is the address of IPv6 that a pod's device gave itself; empty if it has none.
func linkLocal(p *corev1.Pod) string {
	GinkgoHelper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/if_inet6", processes("/shop", p.Name)[0]))
	Expect(err).NotTo(HaveOccurred())
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if raw, err := hex.DecodeString(f[0]); err == nil && strings.HasPrefix(f[0], "fe80") {
			return netip.AddrFrom16([16]byte(raw)).String()
		}
	}
	return ""
}
