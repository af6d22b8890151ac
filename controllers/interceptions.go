package controllers

import (
	"context"
	"crypto"
	"fmt"
	"slices"
	gosync "sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/intercept"
	"github.com/optup/optup/internal/ir"
)

// interceptionPrefix begins the names of the Secrets, in the manager's namespace, that hold the authorities of interception of one governed
// namespace each.
const interceptionPrefix = "optup-interception-"

// InterceptionSecret names the Secret for a namespace.
func InterceptionSecret(namespace string) string { return interceptionPrefix + namespace }

// Interceptions keeps an authority for each governed namespace in which TLS is intercepted: one that is constrained to the hosts of the
// bundles that were published there. A new one is made for a new host and in good time before the last ends; old ones stay until they end.
type Interceptions struct {
	client.Client
	// Namespace is the manager's own.
	Namespace string
	Now       func() time.Time
}

// Reconcile implements reconcile.Reconciler. The request names a namespace.
func (r *Interceptions) Reconcile(ctx context.Context, req reconcile.Request) (ctrl.Result, error) {
	var n corev1.Namespace
	if err := r.Get(ctx, types.NamespacedName{Name: req.Name}, &n); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err) // the Secret goes with its owner
	}
	s := &corev1.Secret{}
	err := r.Get(ctx, types.NamespacedName{Namespace: r.Namespace, Name: InterceptionSecret(req.Name)}, s)
	missing := apierrors.IsNotFound(err)
	switch {
	case err != nil && !missing:
		return ctrl.Result{}, err
	case n.DeletionTimestamp != nil:
		return ctrl.Result{}, nil
	}
	all, changed, err := r.wanted(ctx, &n, s)
	if err != nil {
		return ctrl.Result{}, err
	}
	if changed {
		if err := r.write(ctx, s, &n, all, missing); err != nil {
			return ctrl.Result{}, err
		}
	}
	if len(all) == 0 {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: 12 * time.Hour}, nil
}

// wanted are the authorities that there should be; none where nothing is governed any more.
func (r *Interceptions) wanted(ctx context.Context, n *corev1.Namespace, s *corev1.Secret) (_ intercept.Authorities, changed bool, err error) {
	had := intercept.ReadAuthorities(s.Data)
	if _, governed := n.Labels[v1alpha1.LabelMode]; !governed {
		return nil, len(had) > 0, nil
	}
	hosts, err := r.hosts(ctx, n.Name)
	if err != nil {
		return nil, false, err
	}
	return had.Keep(n.Name, hosts, r.Now())
}

func (r *Interceptions) write(ctx context.Context, s *corev1.Secret, n *corev1.Namespace, all intercept.Authorities, missing bool) error {
	data, err := all.Data()
	if err != nil {
		return err
	}
	if missing {
		return r.Create(ctx, &corev1.Secret{Data: data, ObjectMeta: metav1.ObjectMeta{
			Namespace: r.Namespace, Name: InterceptionSecret(n.Name), Labels: owned(nil),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Namespace", Name: n.Name, UID: n.UID}},
		}})
	}
	// Were it written over what another replica has just written, pods might trust what nobody has the key of.
	s = s.DeepCopy()
	s.Labels, s.Data = owned(s.Labels), data
	return r.Update(ctx, s)
}

// hosts are those that bundles of a namespace intercept, sorted.
func (r *Interceptions) hosts(ctx context.Context, namespace string) ([]string, error) {
	var configs v1alpha1.SidecarConfigList
	if err := r.List(ctx, &configs, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	var out []string
	for i := range configs.Items {
		c := &configs.Items[i]
		if c.Spec.Workload.Kind == v1alpha1.KindConsentLedger {
			continue
		}
		b, err := ir.Decode([]byte(c.Spec.Bundle))
		if err != nil {
			return nil, fmt.Errorf("SidecarConfig %s/%s: %w", c.Namespace, c.Name, err)
		}
		out = append(out, intercept.Hosts(b)...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// SetupWithManager registers the reconciler.
func (r *Interceptions) SetupWithManager(mgr ctrl.Manager) error {
	to := func(name string) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: name}}}
	}
	return ctrl.NewControllerManagedBy(mgr).Named("interceptions").
		Watches(&v1alpha1.SidecarConfig{}, handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
			return to(o.GetNamespace())
		}), builderPredicate(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
			return to(o.GetName())
		}), builderPredicate(predicate.LabelChangedPredicate{})).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
			if name, ok := interceptedBy(o, r.Namespace); ok {
				return to(name)
			}
			return nil
		})).
		Complete(r)
}

// interceptedBy gives the namespace that a Secret holds authorities of.
func interceptedBy(o client.Object, own string) (string, bool) {
	if o.GetNamespace() != own || len(o.GetName()) <= len(interceptionPrefix) || o.GetName()[:len(interceptionPrefix)] != interceptionPrefix {
		return "", false
	}
	return o.GetName()[len(interceptionPrefix):], true
}

// Interceptor signs with the authorities that the leader keeps, from the manager's cache, on every replica.
type Interceptor struct {
	Reader    client.Reader
	Namespace string
	Now       func() time.Time

	mu   gosync.Mutex
	read map[string]readAuthorities
}

// readAuthorities are those of one version of a Secret.
type readAuthorities struct {
	version string
	all     intercept.Authorities
}

var _ server.Interceptor = (*Interceptor)(nil)

// Version implements server.Interceptor.
func (i *Interceptor) Version(ctx context.Context, namespace string) string {
	return i.authorities(ctx, namespace).Version()
}

// Sign implements server.Interceptor.
func (i *Interceptor) Sign(ctx context.Context, namespace string, hosts []string, key crypto.PublicKey, trusted []string) (authorities, leaves [][]byte, err error) {
	all := i.authorities(ctx, namespace)
	if leaves, err = all.Leaves(hosts, key, trusted, i.Now()); err != nil {
		return nil, nil, err
	}
	return all.Certificates(), leaves, nil
}

func (i *Interceptor) authorities(ctx context.Context, namespace string) intercept.Authorities {
	var s corev1.Secret
	if err := i.Reader.Get(ctx, types.NamespacedName{Namespace: i.Namespace, Name: InterceptionSecret(namespace)}, &s); err != nil {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	had, known := i.read[namespace]
	if !known || had.version != s.ResourceVersion {
		if i.read == nil {
			i.read = map[string]readAuthorities{}
		}
		had = readAuthorities{s.ResourceVersion, intercept.ReadAuthorities(s.Data)}
		i.read[namespace] = had
	}
	return had.all
}
