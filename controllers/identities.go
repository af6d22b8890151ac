package controllers

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/optup/optup/internal/inject"
)

// Names of what identities of sidecars rest on, in the manager's namespace.
const (
	// IdentityCASecret holds the authority.
	IdentityCASecret = "optup-identity-ca"
	// IdentityRoots is the ConfigMap that remembers earlier authorities until they have expired.
	IdentityRoots = "optup-identity-roots"
)

// Identities keeps the authorities, old and new, that certificates of sidecars are verified with. Every replica sends them to sidecars
// with their certificates; nobody else needs them.
type Identities struct {
	client.Client
	// Namespace is the manager's own.
	Namespace string
	Now       func() time.Time
}

// Reconcile implements reconcile.Reconciler.
func (r *Identities) Reconcile(ctx context.Context, _ reconcile.Request) (ctrl.Result, error) {
	var secret corev1.Secret
	if err := r.Get(ctx, types.NamespacedName{Namespace: r.Namespace, Name: IdentityCASecret}, &secret); err != nil {
		return ctrl.Result{RequeueAfter: time.Second}, client.IgnoreNotFound(err)
	}
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: IdentityRoots}}
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, m, func() error {
		m.Labels = owned(m.Labels)
		m.Data = map[string]string{inject.TrustKey: string(Roots(r.Now(), secret.Data[corev1.TLSCertKey], []byte(m.Data[inject.TrustKey])))}
		return nil
	})
	return ctrl.Result{RequeueAfter: time.Hour}, err
}

// Authorities gives those that were kept, in PEM; nil while there are none.
func (r *Identities) Authorities(ctx context.Context) []byte {
	var m corev1.ConfigMap
	if err := r.Get(ctx, types.NamespacedName{Namespace: r.Namespace, Name: IdentityRoots}, &m); err != nil {
		return nil
	}
	return []byte(m.Data[inject.TrustKey])
}

// SetupWithManager registers the reconciler. It has one key.
func (r *Identities) SetupWithManager(mgr ctrl.Manager) error {
	all := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: "identities"}}}
	})
	ours := predicate.NewPredicateFuncs(func(o client.Object) bool {
		return o.GetNamespace() == r.Namespace && (o.GetName() == IdentityCASecret || o.GetName() == IdentityRoots)
	})
	return ctrl.NewControllerManagedBy(mgr).Named("identities").
		Watches(&corev1.Secret{}, all, builderPredicate(ours)).
		Watches(&corev1.ConfigMap{}, all, builderPredicate(ours)).
		Complete(r)
}
