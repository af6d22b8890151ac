package manager

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
)

// cacheOptions keep the cache small: of the objects that many others make, only our own, and of pods nothing that nobody reads. Sidecar is what
// pods get.
func cacheOptions(sidecar inject.Config) cache.Options {
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{"app.kubernetes.io/managed-by": "optup"})}
	return cache.Options{ByObject: map[client.Object]cache.ByObject{
		&corev1.Secret{}: ours, &corev1.ConfigMap{}: ours, &corev1.Service{}: ours, &corev1.ServiceAccount{}: ours, &appsv1.StatefulSet{}: ours,
		&appsv1.Deployment{}: ours, &policyv1.PodDisruptionBudget{}: ours, &networkingv1.NetworkPolicy{}: ours,
		&corev1.Pod{}: {Transform: slimPod(sidecar)},
	}}
}

// secretOptions keep a cache of the Secrets that OptUp may hand values out of, and of no other.
func secretOptions(scheme *runtime.Scheme) cache.Options {
	return cache.Options{Scheme: scheme, ByObject: map[client.Object]cache.ByObject{
		&corev1.Secret{}: {Label: labels.SelectorFromSet(labels.Set{v1alpha1.LabelCredential: "true"}), Transform: cache.TransformStripManagedFields()},
	}}
}

// slimPod keeps of a pod what its identity and its counting need. One that carries something else by the sidecar's name has no sidecar for
// anybody who reads the cache: it is told nothing, and counts as one without.
func slimPod(sidecar inject.Config) toolscache.TransformFunc {
	return func(o any) (any, error) {
		p, ok := o.(*corev1.Pod)
		if !ok {
			return o, nil
		}
		if slices.ContainsFunc(p.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == inject.SidecarName && c.Image == "" }) {
			return p, nil // it was here before: the API server takes no container without an image
		}
		genuine := inject.Genuine(p, sidecar)
		p.ManagedFields, p.Annotations = nil, nil
		p.Spec = inject.Slim(&p.Spec)
		if !genuine {
			p.Spec.InitContainers = slices.DeleteFunc(p.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == inject.SidecarName })
		}
		p.Status = corev1.PodStatus{Phase: p.Status.Phase, PodIPs: p.Status.PodIPs}
		return p, nil
	}
}

// issuer is the name under which the cluster issues service account tokens.
type issuer struct {
	mu    sync.Mutex
	known string
}

func (i *issuer) name() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.known
}

func (i *issuer) fetch(ctx context.Context, get func(context.Context, string) ([]byte, error)) error {
	if i.name() != "" {
		return nil
	}
	data, err := get(ctx, "/.well-known/openid-configuration")
	if err != nil {
		return err
	}
	var doc struct {
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return err
	}
	if doc.Issuer == "" {
		return errors.New("the cluster does not tell its issuer of service account tokens")
	}
	i.mu.Lock()
	i.known = doc.Issuer
	i.mu.Unlock()
	return nil
}

// asker gets paths from ledgers, as the operator.
type asker struct {
	token string
	roots func(context.Context) ([]byte, error)

	mu     sync.Mutex
	known  []byte
	client *http.Client
}

func (a *asker) ask(ctx context.Context, url string) (*http.Response, error) {
	roots, err := a.roots(ctx)
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(a.token)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+string(bytes.TrimSpace(token)))
	return a.trusting(roots).Do(req)
}

// trusting gives a client that trusts the roots; connections last until the roots are others.
func (a *asker) trusting(roots []byte) *http.Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client != nil && bytes.Equal(a.known, roots) {
		return a.client
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	a.known = bytes.Clone(roots)
	a.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute,
	}}
	return a.client
}
