package controllers

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/distribute/server"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/translate"
)

// Bundles compiles everything and publishes one SidecarConfig per workload and ledger. It has one key: bundles depend on objects of
// the whole cluster, and compiling all of them is cheaper than knowing which.
type Bundles struct {
	client.Client
	Sessions *server.Sessions
	// Values knows the credentials of services; nil where no service has one.
	Values *Values
	// Changed is told of SidecarConfigs whose sessions changed; it may be nil.
	Changed <-chan event.GenericEvent

	// raised is when a generation was raised last because of what a sidecar said.
	raised map[types.NamespacedName]time.Time
}

// +kubebuilder:rbac:groups=consent.optup.dev,resources=datapurposes;consentnotices;dataservices;consentpolicies;touchpoints;enforcementexemptions;consentledgers,verbs=get;list;watch
// +kubebuilder:rbac:groups=consent.optup.dev,resources=datapurposes/status;consentnotices/status;dataservices/status;consentpolicies/status;touchpoints/status;enforcementexemptions/status;consentledgers/status;sidecarconfigs/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=consent.optup.dev,resources=sidecarconfigs,verbs=get;list;watch;create;update;patch;delete
// +kubebuilder:rbac:groups="",resources=namespaces;pods,verbs=get;list;watch

// scope is what one reconciliation knows.
type scope struct {
	objects  translate.Objects
	snapshot policy.Snapshot
	result   compile.Result
	configs  map[types.NamespacedName]*v1alpha1.SidecarConfig
	// pods with a sidecar, by the name of their SidecarConfig.
	pods map[types.NamespacedName][]*corev1.Pod
	// everyPod is known by its addresses.
	everyPod []corev1.Pod
	// published is what is in force after publish, by name.
	published map[types.NamespacedName]*v1alpha1.SidecarConfig
	// unpublished says why a SidecarConfig could not be written.
	unpublished map[types.NamespacedName]error
	// policies are the NetworkPolicies that the manager wrote, and open says why one could not be written, by the service.
	policies map[types.NamespacedName]*networkingv1.NetworkPolicy
	open     map[types.NamespacedName]error
}

// Reconcile implements reconcile.Reconciler.
func (r *Bundles) Reconcile(ctx context.Context, _ reconcile.Request) (ctrl.Result, error) {
	s, err := r.gather(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	s.snapshot = translate.Snapshot(s.objects)
	s.result = compile.Compile(s.snapshot)
	perr := errors.Join(r.publish(ctx, s), r.publishAccess(ctx, s))
	if err := r.report(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	// Sidecars that vanished without a word leave their sessions silently.
	return ctrl.Result{RequeueAfter: time.Minute}, perr
}

// one is the only key.
var one = reconcile.Request{NamespacedName: types.NamespacedName{Name: "bundles"}}

// SetupWithManager registers the reconciler.
func (r *Bundles) SetupWithManager(mgr ctrl.Manager) error {
	all := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request { return []reconcile.Request{one} })
	spec := predicate.GenerationChangedPredicate{}
	b := ctrl.NewControllerManagedBy(mgr).Named("bundles").
		Watches(&v1alpha1.DataPurpose{}, all, builderPredicate(spec)).
		Watches(&v1alpha1.ConsentNotice{}, all, builderPredicate(spec)).
		Watches(&v1alpha1.DataService{}, all, builderPredicate(spec)).
		Watches(&v1alpha1.ConsentPolicy{}, all, builderPredicate(spec)).
		Watches(&v1alpha1.Touchpoint{}, all, builderPredicate(spec)).
		Watches(&v1alpha1.EnforcementExemption{}, all, builderPredicate(spec)).
		Watches(&v1alpha1.ConsentLedger{}, all, builderPredicate(spec)).
		Watches(&v1alpha1.SidecarConfig{}, all, builderPredicate(spec)).
		Watches(&networkingv1.NetworkPolicy{}, all, builderPredicate(spec)).
		Watches(&corev1.Namespace{}, all, builderPredicate(predicate.LabelChangedPredicate{})).
		Watches(&corev1.Pod{}, all, builderPredicate(podMatters{}))
	if r.Changed != nil {
		b = b.WatchesRawSource(source.Channel(r.Changed, all))
	}
	if r.Values != nil && r.Values.watched != nil {
		b = b.WatchesRawSource(source.Kind[client.Object](r.Values.watched, &corev1.Secret{}, all))
	}
	return b.Complete(r)
}

// podMatters passes pods with a sidecar, and of their changes those after which another bundle or count may hold.
type podMatters struct{ predicate.Funcs }

// Create implements predicate.Predicate.
func (podMatters) Create(e event.CreateEvent) bool { return injected(e.Object) }

// Delete implements predicate.Predicate.
func (podMatters) Delete(e event.DeleteEvent) bool { return injected(e.Object) }

// Update implements predicate.Predicate.
func (podMatters) Update(e event.UpdateEvent) bool {
	before, ok1 := e.ObjectOld.(*corev1.Pod)
	after, ok2 := e.ObjectNew.(*corev1.Pod)
	if !ok1 || !ok2 || !inject.Injected(after) {
		return false
	}
	return before.Status.Phase != after.Status.Phase || !sameLabels(before.Labels, after.Labels) ||
		(before.DeletionTimestamp == nil) != (after.DeletionTimestamp == nil)
}

func injected(o client.Object) bool {
	p, ok := o.(*corev1.Pod)
	return ok && inject.Injected(p)
}

func sameLabels(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || w != v {
			return false
		}
	}
	return true
}
