package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/translate"
)

const (
	// tokenSeconds is the shortest life that the API server gives a token.
	tokenSeconds = int64(600)
	forwardTime  = 20 * time.Second
)

// ClusterLedger names a ledger in a cluster, and as whom to call it.
type ClusterLedger struct {
	Namespace, Name string
	// ServiceAccount is "name" in the ledger's namespace, or "namespace/name".
	ServiceAccount string
}

// OpenClusterLedger reaches a ledger from outside its cluster: by a port that the API server forwards, with a token of a service
// account that it issues for ten minutes, trusting the authorities that the operator published. The caller may have to be allowed to
// create serviceaccounts/token and pods/portforward; the ledger's spec.access says what the service account may do.
func OpenClusterLedger(ctx context.Context, c Cluster, o ClusterLedger) (*Ledger, error) {
	l := &v1alpha1.ConsentLedger{}
	if err := c.Get(ctx, types.NamespacedName{Namespace: o.Namespace, Name: o.Name}, l); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("there is no ConsentLedger %s; kubectl get consentledgers -A lists them", named(o.Namespace, o.Name))
		}
		return nil, err
	}
	roots, err := c.roots(ctx, o.Namespace)
	if err != nil {
		return nil, err
	}
	token, err := c.tokenOf(ctx, l, o.ServiceAccount)
	if err != nil {
		return nil, err
	}
	pod, err := c.ledgerPod(ctx, l)
	if err != nil {
		return nil, err
	}
	address, stop, err := c.forward(pod, ledgerPort)
	if err != nil {
		return nil, fmt.Errorf("the port of Pod %s could not be forwarded: %w", named(pod.Namespace, pod.Name), err)
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	out, err := newLedger(translate.LedgerURL(l), roots, dial, func() (string, error) { return token, nil })
	if err != nil {
		stop()
		return nil, err
	}
	out.closed = stop
	return out, nil
}

func (c Cluster) roots(ctx context.Context, namespace string) (*x509.CertPool, error) {
	var m corev1.ConfigMap
	if err := c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: inject.TrustConfigMap}, &m); err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(m.Data[inject.TrustKey])) {
		return nil, fmt.Errorf("ConfigMap %s holds no authority; optup doctor says more", named(namespace, inject.TrustConfigMap))
	}
	return roots, nil
}

func (c Cluster) tokenOf(ctx context.Context, l *v1alpha1.ConsentLedger, account string) (string, error) {
	var known []string
	for _, a := range l.Spec.Access {
		if a.ServiceAccount != nil {
			known = append(known, named(string(a.ServiceAccount.Namespace), string(a.ServiceAccount.Name)))
		}
	}
	if account == "" {
		return "", fmt.Errorf("as whom? give --as-service-account; the ledger knows %s", strings.Join(known, ", "))
	}
	namespace, name, found := strings.Cut(account, "/")
	if !found {
		namespace, name = l.Namespace, account
	}
	if !slices.Contains(known, named(namespace, name)) {
		return "", fmt.Errorf("the ledger does not know the service account %s; it knows %s (spec.access)", named(namespace, name), strings.Join(known, ", "))
	}
	seconds := tokenSeconds
	t, err := c.Set.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: []string{inject.LedgerAudience}, ExpirationSeconds: &seconds},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("no token for the service account %s: %w", named(namespace, name), err)
	}
	return t.Status.Token, nil
}

func (c Cluster) ledgerPod(ctx context.Context, l *v1alpha1.ConsentLedger) (*corev1.Pod, error) {
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace(l.Namespace), client.MatchingLabels{ledgerLabel: l.Name}); err != nil {
		return nil, err
	}
	for i := range pods.Items {
		ready := slices.ContainsFunc(pods.Items[i].Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
		if ready && pods.Items[i].DeletionTimestamp == nil {
			return &pods.Items[i], nil
		}
	}
	return nil, fmt.Errorf("no pod of the ledger %s is ready; optup doctor -n %s says more", named(l.Namespace, l.Name), l.Namespace)
}

// forward makes a port of a pod reachable on loopback.
func (c Cluster) forward(p *corev1.Pod, port int) (string, func(), error) {
	address := c.Set.CoreV1().RESTClient().Post().Namespace(p.Namespace).Resource("pods").Name(p.Name).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(c.Config)
	if err != nil {
		return "", nil, err
	}
	webSocket, err := portforward.NewSPDYOverWebsocketDialer(address, c.Config)
	if err != nil {
		return "", nil, err
	}
	// WebSockets, as kubectl does, and what was before them where something on the way knows nothing of them.
	dialer := portforward.NewFallbackDialer(webSocket, spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, address),
		func(error) bool { return true })
	stop, ready, failed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	f, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf("0:%d", port)}, stop, ready, io.Discard, io.Discard)
	if err != nil {
		return "", nil, err
	}
	go func() { failed <- f.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-failed:
		if err == nil {
			err = errors.New("forwarding ended at once")
		}
		return "", nil, err
	case <-time.After(forwardTime):
		close(stop)
		return "", nil, fmt.Errorf("it took more than %s", forwardTime)
	}
	ports, err := f.GetPorts()
	if err != nil {
		close(stop)
		return "", nil, err
	}
	return fmt.Sprintf("127.0.0.1:%d", ports[0].Local), func() { close(stop) }, nil
}
