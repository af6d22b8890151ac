package manager

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/internal/distribute/configv1"
)

// leaseName is the Lease of which the leader is the holder.
const leaseName = "optup-manager"

// lookAgain is how long a leader is believed to be one. Acknowledgements come again, so an old one does no harm.
const lookAgain = 5 * time.Second

// relay finds the replica that leads, through the Lease that it holds: the holder begins with the name of its pod.
type relay struct {
	reader    client.Reader
	namespace string
	port      string
	elected   <-chan struct{}
	roots     func(context.Context) ([]byte, error)

	mu     sync.Mutex
	looked time.Time
	to     string // address of the leader
	known  []byte // roots that service trusts
	// service is the leader's; nil if nobody leads.
	service configv1.ConfigServiceClient
	close   func()
}

func (p *parts) relay() (*relay, error) {
	// Pods in the cache have no address, and Leases are not in it.
	reader, err := client.New(p.config, client.Options{Scheme: p.manager.GetScheme()})
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(p.options.ConfigAddress)
	return &relay{reader: reader, namespace: p.options.Namespace, port: port, elected: p.manager.Elected(), roots: p.roots}, err
}

// leader gives the replica that leads, unless it is this one.
func (r *relay) leader(ctx context.Context) (configv1.ConfigServiceClient, bool) {
	select {
	case <-r.elected:
		return nil, false
	default:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.Sub(r.looked) > lookAgain {
		r.looked = now
		r.look(ctx)
	}
	return r.service, r.service != nil
}

// look needs the lock.
func (r *relay) look(ctx context.Context) {
	to := r.address(ctx)
	roots, err := r.roots(ctx)
	if err != nil || to == "" {
		r.forget()
		return
	}
	if to == r.to && bytes.Equal(roots, r.known) {
		return
	}
	r.forget()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13, ServerName: "optup-manager." + r.namespace + ".svc"},
		ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute,
	}
	r.to, r.known, r.close = to, bytes.Clone(roots), transport.CloseIdleConnections
	r.service = configv1.NewConfigServiceClient(&http.Client{Transport: transport}, "https://"+to)
}

func (r *relay) forget() {
	if r.close != nil {
		r.close()
	}
	r.to, r.known, r.service, r.close = "", nil, nil, nil
}

// address is that of the pod which holds the Lease; empty if nobody does.
func (r *relay) address(ctx context.Context) string {
	var l coordinationv1.Lease
	if err := r.reader.Get(ctx, types.NamespacedName{Namespace: r.namespace, Name: leaseName}, &l); err != nil || l.Spec.HolderIdentity == nil {
		return ""
	}
	name, _, _ := strings.Cut(*l.Spec.HolderIdentity, "_")
	var p corev1.Pod
	if err := r.reader.Get(ctx, types.NamespacedName{Namespace: r.namespace, Name: name}, &p); err != nil || p.Status.PodIP == "" {
		return ""
	}
	return net.JoinHostPort(p.Status.PodIP, r.port)
}
