package manager

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/controllers"
	"github.com/optup/optup/internal/certificates"
	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/identity"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/pods"
	"github.com/optup/optup/internal/webhook"
)

// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,resourceNames=optup-manager,verbs=update;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Run runs the operator until ctx ends.
func Run(ctx context.Context, config *rest.Config, scheme *runtime.Scheme, o Options) error {
	certs := certificates.New(certificates.Options{
		RESTConfig: config, Namespace: o.Namespace, Secret: controllers.CASecret, Labels: map[string]string{"app.kubernetes.io/managed-by": "optup"},
		DNSNames: serviceNames(o.Namespace, "optup-manager", "optup-webhook"),
	})
	mgr, err := ctrl.NewManager(config, manager.Options{
		Scheme: scheme, Cache: cacheOptions(o.sidecar()),
		Metrics:                metricsserver.Options{BindAddress: o.MetricsAddress},
		HealthProbeBindAddress: o.HealthAddress,
		WebhookServer: ctrlwebhook.NewServer(ctrlwebhook.Options{Port: o.WebhookPort, TLSOpts: []func(*tls.Config){func(c *tls.Config) {
			c.GetCertificate, c.MinVersion = certs.GetCertificate, tls.VersionTLS13
		}}}),
		LeaderElection: o.LeaderElection, LeaderElectionID: leaseName, LeaderElectionNamespace: o.Namespace,
		// A replica that stops hands over at once.
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return err
	}
	p := &parts{options: o, config: config, manager: mgr, certs: certs}
	for _, add := range []func(context.Context) error{
		p.certificates, p.identities, p.secrets, p.places, p.compiler, p.distribution, p.ledgers, p.injection, p.probes,
	} {
		if err := add(ctx); err != nil {
			return err
		}
	}
	return mgr.Start(ctx)
}

func serviceNames(namespace string, services ...string) []string {
	var out []string
	for _, s := range services {
		out = append(out, s+"."+namespace+".svc", s+"."+namespace+".svc.cluster.local", s+"."+namespace)
	}
	return out
}

// parts are what is put together, in the order in which data flows.
type parts struct {
	options  Options
	config   *rest.Config
	manager  ctrl.Manager
	certs    *certificates.Source
	keys     *server.ClusterKeys
	issuer   issuer
	signer   *identity.GrantSigner
	sessions *server.Sessions
	values   *controllers.Values
	pods     *controllers.Pods
	changed  chan event.GenericEvent
}

func (p *parts) certificates(context.Context) error {
	if err := p.manager.Add(p.certs); err != nil {
		return err
	}
	return (&controllers.Trust{Client: p.manager.GetClient(), Namespace: p.options.Namespace, Webhooks: "optup", Now: time.Now}).SetupWithManager(p.manager)
}

// identities: whose tokens count, and what grants are signed with.
func (p *parts) identities(ctx context.Context) error {
	set, err := kubernetes.NewForConfig(p.config)
	if err != nil {
		return err
	}
	get := func(ctx context.Context, path string) ([]byte, error) {
		return set.CoreV1().RESTClient().Get().AbsPath(path).Do(ctx).Raw()
	}
	log := ctrl.Log.WithName("identities")
	p.keys = &server.ClusterKeys{
		Fetch: func(ctx context.Context) ([]byte, error) {
			if err := p.issuer.fetch(ctx, get); err != nil {
				return nil, err
			}
			return get(ctx, "/openid/v1/jwks")
		},
		Failed: func(err error) { log.Error(err, "the cluster's keys for service account tokens could not be read") },
	}
	if err := p.keys.Refresh(ctx); err != nil {
		return fmt.Errorf("read the cluster's keys for service account tokens: %w", err)
	}
	if err := p.manager.Add(p.keys); err != nil {
		return err
	}
	direct, err := client.New(p.config, client.Options{Scheme: p.manager.GetScheme()})
	if err != nil {
		return err
	}
	key, err := controllers.GrantKey(ctx, direct, p.options.Namespace)
	if err != nil {
		return fmt.Errorf("read the key for grants: %w", err)
	}
	p.signer, err = identity.NewGrantSigner(key, time.Now)
	return err
}

// secrets are those whose owners let OptUp hand values out of them.
func (p *parts) secrets(ctx context.Context) error {
	marked, err := cache.New(p.config, secretOptions(p.manager.GetScheme()))
	if err != nil {
		return err
	}
	p.values = &controllers.Values{Reader: p.manager.GetClient(), Secrets: marked, Direct: p.manager.GetAPIReader()}
	if err := p.values.Watch(ctx, marked); err != nil {
		return err
	}
	return p.manager.Add(everyReplica(marked.Start))
}

// clusterDomain is that of the cluster's names, as the kubelet wrote it into the manager's own pod; the usual one outside of a pod.
func clusterDomain() string {
	data, _ := os.ReadFile("/etc/resolv.conf")
	return cmp.Or(pods.Domain(string(data)), "cluster.local")
}

// places are where the pods of Services are.
func (p *parts) places(ctx context.Context) error {
	services, err := cache.New(p.config, cache.Options{Scheme: p.manager.GetScheme(), ByObject: controllers.PodsCache()})
	if err != nil {
		return err
	}
	p.pods = &controllers.Pods{Reader: p.manager.GetClient(), Services: services, Domain: clusterDomain()}
	if err := p.pods.Watch(ctx, services); err != nil {
		return err
	}
	return p.manager.Add(everyReplica(services.Start))
}

func (p *parts) compiler(context.Context) error {
	p.changed = make(chan event.GenericEvent, 1)
	p.sessions = server.NewSessions(time.Now, func(namespace, config string) {
		c := &v1alpha1.SidecarConfig{}
		c.Namespace, c.Name = namespace, config
		select {
		case p.changed <- event.GenericEvent{Object: c}:
		default: // one is waiting, and stands for all
		}
	})
	return (&controllers.Bundles{Client: p.manager.GetClient(), Sessions: p.sessions, Values: p.values, Changed: p.changed}).SetupWithManager(p.manager)
}

func (p *parts) distribution(ctx context.Context) error {
	directory := &controllers.Directory{Reader: p.manager.GetClient()}
	if err := directory.Watch(ctx, p.manager.GetCache()); err != nil {
		return err
	}
	interceptions := &controllers.Interceptions{Client: p.manager.GetClient(), Namespace: p.options.Namespace, Now: time.Now}
	if err := interceptions.SetupWithManager(p.manager); err != nil {
		return err
	}
	s := &server.Server{
		Tokens:    identity.NewVerifier(time.Now, identity.Issuer{Issuer: p.issuer.name(), Audience: inject.ManagerAudience, Keys: p.keys}),
		Directory: directory, Values: p.values, Pods: p.pods, Grants: p.signer, Sessions: p.sessions, Now: time.Now,
		Interceptor: &controllers.Interceptor{Reader: p.manager.GetClient(), Namespace: p.options.Namespace, Now: time.Now},
	}
	who, err := p.peerIdentities()
	if err != nil {
		return err
	}
	s.Identities, s.Unsigned = who, func(err error) {
		ctrl.Log.WithName("distribution").Error(err, "a sidecar got no certificate; it is tried again")
	}
	if p.options.LeaderElection {
		r, err := p.relay()
		if err != nil {
			return err
		}
		log := ctrl.Log.WithName("distribution")
		s.Leader, s.Failed = r.leader, func(err error) {
			log.Info("an acknowledgement did not reach the leader; it comes again", "error", err.Error())
		}
	}
	return p.manager.Add(everyReplica(func(ctx context.Context) error { return s.Serve(ctx, p.options.ConfigAddress, p.certs.GetCertificate) }))
}

func (p *parts) ledgers(context.Context) error {
	public, err := identity.PublicJWKS(p.signer.Public())
	if err != nil {
		return err
	}
	c := p.manager.GetClient()
	ca := func() []byte {
		var s corev1.Secret
		if err := c.Get(context.Background(), types.NamespacedName{Namespace: p.options.Namespace, Name: controllers.CASecret}, &s); err != nil {
			return nil
		}
		return s.Data[corev1.TLSCertKey]
	}
	err = (&controllers.Ledgers{Client: c, Reader: p.manager.GetAPIReader(), LedgerOptions: controllers.LedgerOptions{
		Image: p.options.LedgerImage, ManagerURL: p.options.managerURL(),
		ManagerSubject: "system:serviceaccount:" + p.options.Namespace + ":" + p.options.ServiceAccount,
		Issuer:         p.issuer.name, JWKS: p.keys.JWKS, GrantKeys: public, Sign: p.certs.Sign,
		Authority: func() string { return controllers.AuthorityName(ca()) },
	}}).SetupWithManager(p.manager)
	if err != nil {
		return err
	}
	asker := &asker{token: p.options.LedgerToken, roots: p.roots}
	return p.manager.Add(&controllers.Shares{Client: c, Ask: asker.ask, Every: p.options.ShareEvery, Now: time.Now})
}

// roots are the authorities that everything of ours is signed by.
func (p *parts) roots(ctx context.Context) ([]byte, error) {
	var m corev1.ConfigMap
	err := p.manager.GetClient().Get(ctx, types.NamespacedName{Namespace: p.options.Namespace, Name: inject.TrustConfigMap}, &m)
	return []byte(m.Data[inject.TrustKey]), err
}

func (p *parts) injection(context.Context) error {
	config := p.options.sidecar()
	decoder := admission.NewDecoder(p.manager.GetScheme())
	hooks := p.manager.GetWebhookServer()
	places := &controllers.Places{Reader: p.manager.GetClient(), Live: p.manager.GetAPIReader()}
	hooks.Register(webhook.MutatePath, &admission.Webhook{Handler: &webhook.Mutate{Config: config, Places: places, Decoder: decoder}})
	hooks.Register(webhook.ValidatePath, &admission.Webhook{Handler: &webhook.Validate{Config: config, Places: places, Decoder: decoder}})
	return nil
}

func (p *parts) probes(context.Context) error {
	if err := p.manager.AddHealthzCheck("running", func(*http.Request) error { return nil }); err != nil {
		return err
	}
	return p.manager.AddReadyzCheck("certificate", func(*http.Request) error {
		if !p.certs.Ready() {
			return errors.New("there is no certificate yet")
		}
		return nil
	})
}

// everyReplica is a runnable that does not wait for leadership.
type everyReplica func(context.Context) error

// Start implements manager.Runnable.
func (f everyReplica) Start(ctx context.Context) error { return f(ctx) }

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (everyReplica) NeedLeaderElection() bool { return false }
