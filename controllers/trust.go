package controllers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/intercept"
)

// CASecret holds the authority, in the manager's namespace.
const CASecret = "optup-ca"

// Trust hands the authorities, old and new, to everybody who has to verify a certificate of ours: a ConfigMap in each governed
// namespace and in each ledger's, and the webhook configurations.
type Trust struct {
	client.Client
	// Namespace is the manager's own. Its ConfigMap remembers earlier authorities until they have expired.
	Namespace string
	// Webhooks is the name of both webhook configurations.
	Webhooks string
	Now      func() time.Time
}

// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=mutatingwebhookconfigurations;validatingwebhookconfigurations,verbs=get;list;watch
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=mutatingwebhookconfigurations;validatingwebhookconfigurations,resourceNames=optup,verbs=update;patch

// Reconcile implements reconcile.Reconciler.
func (r *Trust) Reconcile(ctx context.Context, _ reconcile.Request) (ctrl.Result, error) {
	var secret corev1.Secret
	if err := r.Get(ctx, types.NamespacedName{Namespace: r.Namespace, Name: CASecret}, &secret); err != nil {
		return ctrl.Result{RequeueAfter: time.Second}, client.IgnoreNotFound(err)
	}
	var own corev1.ConfigMap
	if err := r.Get(ctx, types.NamespacedName{Namespace: r.Namespace, Name: inject.TrustConfigMap}, &own); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, err
	}
	roots := Roots(r.Now(), secret.Data[corev1.TLSCertKey], []byte(own.Data[inject.TrustKey]))
	if len(roots) == 0 {
		return ctrl.Result{RequeueAfter: time.Second}, nil
	}
	namespaces, err := r.namespaces(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	for _, ns := range namespaces {
		if err := r.configMap(ctx, ns, string(roots)); err != nil {
			return ctrl.Result{}, err
		}
	}
	return ctrl.Result{RequeueAfter: time.Hour}, r.webhooks(ctx, roots)
}

// Roots joins the present authority with earlier ones that have not expired, newest first, each once.
func Roots(now time.Time, current, earlier []byte) []byte {
	var out bytes.Buffer
	seen := map[string]bool{}
	for rest := append(append(bytes.Clone(current), '\n'), earlier...); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return out.Bytes()
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || !c.IsCA || seen[string(block.Bytes)] || now.After(c.NotAfter) {
			continue
		}
		seen[string(block.Bytes)] = true
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}))
	}
}

// AuthorityName names the authority that a Secret holds.
func AuthorityName(certificate []byte) string {
	sum := sha256.Sum256(certificate)
	return hex.EncodeToString(sum[:8])
}

// namespaces are those that need the roots. Namespaces that are going away take nothing any more.
func (r *Trust) namespaces(ctx context.Context) ([]string, error) {
	var all corev1.NamespaceList
	var ledgers v1alpha1.ConsentLedgerList
	if err := r.List(ctx, &all); err != nil {
		return nil, err
	}
	if err := r.List(ctx, &ledgers); err != nil {
		return nil, err
	}
	wanted := map[string]bool{r.Namespace: true}
	for i := range ledgers.Items {
		wanted[ledgers.Items[i].Namespace] = true
	}
	var out []string
	for i := range all.Items {
		n := &all.Items[i]
		_, governed := n.Labels[v1alpha1.LabelMode]
		if (governed || wanted[n.Name]) && n.DeletionTimestamp == nil {
			out = append(out, n.Name)
		}
	}
	return out, nil
}

func (r *Trust) configMap(ctx context.Context, namespace, roots string) error {
	interception, err := r.interception(ctx, namespace)
	if err != nil {
		return err
	}
	c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: inject.TrustConfigMap}}
	_, err = controllerutil.CreateOrUpdate(ctx, r.Client, c, func() error {
		c.Labels = owned(c.Labels)
		c.Data = map[string]string{inject.TrustKey: roots}
		if len(interception) > 0 {
			c.Data[inject.InterceptionKey] = string(interception)
		}
		return nil
	})
	if apierrors.IsNotFound(err) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return nil
	}
	return err
}

// interception gives the authorities that end TLS in a namespace, in PEM; none where nothing does.
func (r *Trust) interception(ctx context.Context, namespace string) ([]byte, error) {
	var s corev1.Secret
	if err := r.Get(ctx, types.NamespacedName{Namespace: r.Namespace, Name: InterceptionSecret(namespace)}, &s); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return intercept.ReadAuthorities(s.Data).PEM(), nil
}

func (r *Trust) webhooks(ctx context.Context, roots []byte) error {
	var m admissionv1.MutatingWebhookConfiguration
	err := r.Get(ctx, types.NamespacedName{Name: r.Webhooks}, &m)
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	if err == nil {
		before := m.DeepCopy()
		changed := false
		for i := range m.Webhooks {
			changed = setRoots(&m.Webhooks[i].ClientConfig, roots) || changed
		}
		if changed {
			if err := r.Patch(ctx, &m, client.MergeFrom(before)); err != nil {
				return err
			}
		}
	}
	var v admissionv1.ValidatingWebhookConfiguration
	err = r.Get(ctx, types.NamespacedName{Name: r.Webhooks}, &v)
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	before := v.DeepCopy()
	changed := false
	for i := range v.Webhooks {
		changed = setRoots(&v.Webhooks[i].ClientConfig, roots) || changed
	}
	if !changed {
		return nil
	}
	return r.Patch(ctx, &v, client.MergeFrom(before))
}

func setRoots(c *admissionv1.WebhookClientConfig, roots []byte) bool {
	if bytes.Equal(c.CABundle, roots) {
		return false
	}
	c.CABundle = roots
	return true
}

// SetupWithManager registers the reconciler. It has one key.
func (r *Trust) SetupWithManager(mgr ctrl.Manager) error {
	all := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: "trust"}}}
	})
	ours := predicate.NewPredicateFuncs(func(o client.Object) bool {
		_, intercepts := interceptedBy(o, r.Namespace)
		return intercepts || o.GetName() == CASecret || o.GetName() == inject.TrustConfigMap
	})
	hooks := predicate.NewPredicateFuncs(func(o client.Object) bool { return o.GetName() == r.Webhooks })
	return ctrl.NewControllerManagedBy(mgr).Named("trust").
		Watches(&corev1.Secret{}, all, builderPredicate(ours)).
		Watches(&corev1.ConfigMap{}, all, builderPredicate(ours)).
		Watches(&corev1.Namespace{}, all, builderPredicate(predicate.LabelChangedPredicate{})).
		Watches(&v1alpha1.ConsentLedger{}, all, builderPredicate(predicate.GenerationChangedPredicate{})).
		Watches(&admissionv1.MutatingWebhookConfiguration{}, all, builderPredicate(hooks)).
		Watches(&admissionv1.ValidatingWebhookConfiguration{}, all, builderPredicate(hooks)).
		Complete(r)
}
