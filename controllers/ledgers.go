package controllers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/translate"
)

// Ledgers runs one ledger for each ConsentLedger.
type Ledgers struct {
	client.Client
	// Reader reads Secrets that are not ours, which the client's cache does not keep.
	Reader client.Reader
	LedgerOptions
}

// LedgerOptions is what every ledger needs to be told.
type LedgerOptions struct {
	// Image of the ledger.
	Image string
	// ManagerURL is where bundles come from.
	ManagerURL string
	// ManagerSubject is the manager's own service account, which reads the usable share.
	ManagerSubject string
	// Issuer of the cluster's service account tokens, and its keys (JWKS); empty while they are not known yet.
	Issuer func() string
	JWKS   func() []byte
	// GrantKeys is the JWKS of the keys that grants are signed with.
	GrantKeys []byte
	// Sign makes a serving certificate for DNS names, in PEM.
	Sign func(names []string) (cert, key []byte, err error)
	// Authority names the authority that Sign signs with at present.
	Authority func() string
}

// +kubebuilder:rbac:groups="",resources=secrets;configmaps;services;serviceaccounts,verbs=get;list;watch;create;update;patch
// +kubebuilder:rbac:groups="",resources=services,verbs=delete
// +kubebuilder:rbac:groups=apps,resources=statefulsets;deployments,verbs=get;list;watch;create;update;patch
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;update;patch;delete

// again is how often certificates and keys are looked at when nothing changed.
const again = 10 * time.Minute

// secretEvery is how often a Secret is looked for that is not there yet. It is another team's, so nothing tells when it comes.
const secretEvery = 10 * time.Second

// Reconcile implements reconcile.Reconciler.
func (r *Ledgers) Reconcile(ctx context.Context, req reconcile.Request) (ctrl.Result, error) {
	var all v1alpha1.ConsentLedgerList
	if err := r.List(ctx, &all); err != nil {
		return ctrl.Result{}, err
	}
	i := slices.IndexFunc(all.Items, func(l v1alpha1.ConsentLedger) bool { return client.ObjectKeyFromObject(&l) == req.NamespacedName })
	if i < 0 || all.Items[i].DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	l := &all.Items[i]
	if other := conflicting(all.Items, l); other != "" {
		return ctrl.Result{}, r.status(ctx, l, nil, condition(v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonControllerConflict,
			"The controller already has the ledger "+other+"; a person's consents must not be split over two. Delete one of them.", l.Generation))
	}
	missing, err := r.missing(ctx, l)
	if err != nil {
		return ctrl.Result{}, err
	}
	accepted := condition(v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted, "The ledger is the only one of its controller.", l.Generation)
	if missing != "" {
		accepted = condition(v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonSecretNotFound, missing, l.Generation)
	}
	if r.Issuer() == "" || len(r.JWKS()) == 0 {
		return ctrl.Result{RequeueAfter: time.Second}, r.status(ctx, l, nil, accepted)
	}
	if missing != "" {
		// What runs goes on, and what it reads stays fresh: its certificate, the keys of tokens, and who may do what.
		return ctrl.Result{RequeueAfter: secretEvery}, errors.Join(r.status(ctx, l, nil, accepted), r.around(ctx, l))
	}
	ready, err := r.apply(ctx, l)
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: again}, r.status(ctx, l, &ready, accepted)
}

// needed is a key of a Secret that a ledger cannot run without.
type needed struct {
	field, what string
	ref         v1alpha1.SecretKeyReference
}

func secretsOf(l *v1alpha1.ConsentLedger) []needed {
	var all []needed
	if pg := l.Spec.Storage.Postgres; pg != nil {
		all = append(all, needed{"spec.storage.postgres.dsnSecretRef", "the connection string", pg.DSNSecretRef})
	}
	if m := l.Spec.Mail; m != nil {
		if ref := m.CredentialsSecretRef; ref != nil {
			all = append(all, needed{"spec.mail.credentialsSecretRef", `"user:password"`, *ref})
		}
		if ref := m.AuthoritiesSecretRef; ref != nil {
			all = append(all, needed{"spec.mail.authoritiesSecretRef", "the authorities of the mail server", *ref})
		}
	}
	return all
}

// missing tells what is wrong with the Secrets that a ledger is told to use; empty for nothing. Who runs already goes on: pods have what
// they mounted.
func (r *Ledgers) missing(ctx context.Context, l *v1alpha1.ConsentLedger) (string, error) {
	for _, n := range secretsOf(l) {
		var s corev1.Secret
		err := r.Reader.Get(ctx, client.ObjectKey{Namespace: l.Namespace, Name: string(n.ref.Name)}, &s)
		switch {
		case apierrors.IsNotFound(err):
			return fmt.Sprintf("%s names the Secret %s, which namespace %s does not have: create it, with %s under the key %s.", n.field, n.ref.Name, l.Namespace, n.what, n.ref.Key), nil
		case err != nil:
			return "", err
		case len(s.Data[n.ref.Key]) == 0:
			return fmt.Sprintf("The Secret %s has nothing under the key %s: put %s there.", n.ref.Name, n.ref.Key, n.what), nil
		}
	}
	return "", nil
}

// serving leaves out ledgers whose controller has an older one.
func serving(all []v1alpha1.ConsentLedger) []v1alpha1.ConsentLedger {
	return slices.DeleteFunc(slices.Clone(all), func(l v1alpha1.ConsentLedger) bool { return conflicting(all, &l) != "" })
}

// conflicting names the older ledger of the same controller, if there is one.
func conflicting(all []v1alpha1.ConsentLedger, l *v1alpha1.ConsentLedger) string {
	for i := range all {
		o := &all[i]
		if o.Spec.Controller != l.Spec.Controller || (o.Namespace == l.Namespace && o.Name == l.Name) {
			continue
		}
		if cmp.Or(o.CreationTimestamp.Compare(l.CreationTimestamp.Time), cmp.Compare(o.Namespace+"/"+o.Name, l.Namespace+"/"+l.Name)) < 0 {
			return o.Namespace + "/" + o.Name
		}
	}
	return ""
}

// status reports; without a number of ready replicas nothing runs.
func (r *Ledgers) status(ctx context.Context, l *v1alpha1.ConsentLedger, replicas *int32, accepted metav1.Condition) error {
	return patchStatus(ctx, r.Client, l, func(l *v1alpha1.ConsentLedger) {
		l.Status.ObservedGeneration = l.Generation
		l.Status.URL = translate.LedgerURL(l)
		meta.SetStatusCondition(&l.Status.Conditions, accepted)
		ready := condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotAccepted, "Not accepted; the condition Accepted says why.", l.Generation)
		if accepted.Status == metav1.ConditionTrue {
			ready = r.ready(l, replicas)
		}
		meta.SetStatusCondition(&l.Status.Conditions, ready)
		backup := condition(v1alpha1.ConditionKeysBackedUp, metav1.ConditionFalse, v1alpha1.ReasonBackupUnconfirmed,
			"The root key exists in this cluster only, in Secret "+keysName(l)+". Losing it loses the link from every person to what they agreed to. Store a copy outside, then set spec.keyBackup to Confirmed.", l.Generation)
		if l.Spec.KeyBackup == v1alpha1.KeyBackupConfirmed {
			backup = condition(v1alpha1.ConditionKeysBackedUp, metav1.ConditionTrue, v1alpha1.ReasonBackupConfirmed, "Somebody has confirmed that a copy of the root key is stored outside the cluster.", l.Generation)
		}
		meta.SetStatusCondition(&l.Status.Conditions, backup)
	})
}

func (r *Ledgers) ready(l *v1alpha1.ConsentLedger, replicas *int32) metav1.Condition {
	if replicas != nil && *replicas > 0 {
		return condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "The ledger serves.", l.Generation)
	}
	served := meta.FindStatusCondition(l.Status.Conditions, v1alpha1.ConditionReady)
	if served != nil && (served.Status == metav1.ConditionTrue || served.Reason == v1alpha1.ReasonUnavailable) {
		return condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonUnavailable, "The ledger does not answer; what rests on a record is denied past the freshness bound.", l.Generation)
	}
	return condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonStarting, "The ledger is starting.", l.Generation)
}

// SetupWithManager registers the reconciler.
func (r *Ledgers) SetupWithManager(mgr ctrl.Manager) error {
	// Which of two ledgers serves a controller depends on both.
	every := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
		var all v1alpha1.ConsentLedgerList
		if err := r.List(ctx, &all); err != nil {
			return nil
		}
		var out []reconcile.Request
		for i := range all.Items {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&all.Items[i])})
		}
		return out
	})
	return ctrl.NewControllerManagedBy(mgr).Named("ledgers").
		For(&v1alpha1.ConsentLedger{}).Watches(&v1alpha1.ConsentLedger{}, every).
		Owns(&appsv1.StatefulSet{}).Owns(&appsv1.Deployment{}).Owns(&policyv1.PodDisruptionBudget{}).Owns(&corev1.ConfigMap{}).Owns(&corev1.Secret{}).Owns(&corev1.Service{}).
		Complete(r)
}
