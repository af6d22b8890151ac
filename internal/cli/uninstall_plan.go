package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/workload"
)

// plan is what is there, of all that uninstalling is about.
type plan struct {
	client.Client
	UninstallOptions

	webhooks    []client.Object
	labelled    []corev1.Namespace
	manager     []client.Object
	secrets     []client.Object
	ledgers     []v1alpha1.ConsentLedger
	keys        []metav1.PartialObjectMetadata
	volumes     []metav1.PartialObjectMetadata
	trusts      []metav1.PartialObjectMetadata
	definitions []*unstructured.Unstructured
	// injected are the workloads whose pods carry a sidecar, by namespace; waiting the namespaces in which some pod mounts the
	// authorities, and would not start again without them.
	injected map[string][]workload.Owner
	waiting  map[string]bool
	release  string
}

// managerObjects are those of the chart and of the manager itself, in the order in which they go.
func managerObjects(namespace string) []client.Object {
	in := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }
	cluster := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
	return []client.Object{
		&appsv1.Deployment{ObjectMeta: in(managerName)},
		&corev1.Service{ObjectMeta: in(managerName)},
		&corev1.Service{ObjectMeta: in(webhookService)},
		&admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: cluster(ownPolicy)},
		&admissionv1.ValidatingAdmissionPolicy{ObjectMeta: cluster(ownPolicy)},
		&admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: cluster(managerName)},
		&admissionv1.ValidatingAdmissionPolicy{ObjectMeta: cluster(managerName)},
		&rbacv1.ClusterRoleBinding{ObjectMeta: cluster(managerName)},
		&rbacv1.ClusterRoleBinding{ObjectMeta: cluster(tokenKeysRole)},
		&rbacv1.ClusterRole{ObjectMeta: cluster(managerName)},
		&corev1.ServiceAccount{ObjectMeta: in(managerName)},
		&coordinationv1.Lease{ObjectMeta: in(managerName)},
		&corev1.ConfigMap{ObjectMeta: in(dashboardConfig)},
		&corev1.ConfigMap{ObjectMeta: in(alertsConfig)},
	}
}

// operatorKeys are what a new installation needs to go on with the ledgers that are there.
func operatorKeys(namespace string) []client.Object {
	return []client.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: caSecret}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: grantSecret}},
	}
}

var managerLabels = map[string]string{"app.kubernetes.io/name": "optup", "app.kubernetes.io/component": "manager"}

func (p *plan) gather(ctx context.Context) error {
	for _, look := range []func(context.Context) error{
		p.gatherWebhooks, p.gatherNamespaces, p.gatherManager, p.gatherLedgers, p.gatherTrust, p.gatherPods, p.gatherDefinitions,
	} {
		if err := look(ctx); err != nil {
			return fmt.Errorf("nothing was changed: %w", err)
		}
	}
	for _, l := range p.PurgeLedgers {
		known := func(namespace, name string) bool { return namespace == l.Namespace && name == l.Name }
		if !slices.ContainsFunc(p.ledgers, func(x v1alpha1.ConsentLedger) bool { return known(x.Namespace, x.Name) }) &&
			!slices.ContainsFunc(slices.Concat(p.keys, p.volumes), func(x metav1.PartialObjectMetadata) bool { return known(x.Namespace, x.Labels[ledgerLabel]) }) {
			return fmt.Errorf("nothing was changed: there is no ledger %s, and nothing is left of one; correct the name", l)
		}
	}
	return nil
}

// gatherWebhooks finds configurations by their webhooks, so that none stays because it was renamed.
func (p *plan) gatherWebhooks(ctx context.Context) error {
	var mutating admissionv1.MutatingWebhookConfigurationList
	var validating admissionv1.ValidatingWebhookConfigurationList
	if err := p.List(ctx, &mutating); err != nil {
		return err
	}
	if err := p.List(ctx, &validating); err != nil {
		return err
	}
	for i := range mutating.Items {
		if slices.ContainsFunc(mutating.Items[i].Webhooks, func(w admissionv1.MutatingWebhook) bool { return ours(w.Name) }) {
			p.webhooks = append(p.webhooks, &mutating.Items[i])
		}
	}
	for i := range validating.Items {
		if slices.ContainsFunc(validating.Items[i].Webhooks, func(w admissionv1.ValidatingWebhook) bool { return ours(w.Name) }) {
			p.webhooks = append(p.webhooks, &validating.Items[i])
		}
	}
	return nil
}

func (p *plan) gatherNamespaces(ctx context.Context) error {
	var all corev1.NamespaceList
	err := p.List(ctx, &all, client.HasLabels{v1alpha1.LabelMode})
	p.labelled = all.Items
	return err
}

func (p *plan) gatherManager(ctx context.Context) error {
	var err error
	if p.manager, err = p.present(ctx, managerObjects(p.Namespace)); err != nil {
		return err
	}
	if p.secrets, err = p.present(ctx, operatorKeys(p.Namespace)); err != nil {
		return err
	}
	releases, err := p.metadata(ctx, &corev1.Secret{}, client.InNamespace(p.Namespace), client.MatchingLabels{"owner": "helm"})
	if err != nil {
		return err
	}
	wanted := "optup"
	for _, o := range p.manager {
		if n := o.GetAnnotations()["meta.helm.sh/release-name"]; n != "" {
			wanted = n
		}
	}
	if slices.ContainsFunc(releases, func(s metav1.PartialObjectMetadata) bool { return s.Labels["name"] == wanted }) {
		p.release = wanted
	}
	return nil
}

// present gives those that exist.
func (p *plan) present(ctx context.Context, all []client.Object) ([]client.Object, error) {
	var out []client.Object
	for _, o := range all {
		switch err := p.Get(ctx, client.ObjectKeyFromObject(o), o); {
		case err == nil:
			out = append(out, o)
		case client.IgnoreNotFound(err) != nil:
			return nil, err
		}
	}
	return out, nil
}

func (p *plan) gatherLedgers(ctx context.Context) error {
	var all v1alpha1.ConsentLedgerList
	if err := p.List(ctx, &all); err != nil && !missing(err) {
		return err
	}
	p.ledgers = all.Items
	secrets, err := p.metadata(ctx, &corev1.Secret{}, client.HasLabels{ledgerLabel})
	if err != nil {
		return err
	}
	p.keys = slices.DeleteFunc(secrets, func(s metav1.PartialObjectMetadata) bool { return s.Name != s.Labels[ledgerLabel]+"-ledger-keys" })
	p.volumes, err = p.metadata(ctx, &corev1.PersistentVolumeClaim{}, client.HasLabels{ledgerLabel})
	return err
}

func (p *plan) gatherTrust(ctx context.Context) error {
	all, err := p.metadata(ctx, &corev1.ConfigMap{}, client.MatchingLabels{managedByLabel: managedByOptUp})
	p.trusts = slices.DeleteFunc(all, func(m metav1.PartialObjectMetadata) bool { return m.Name != inject.TrustConfigMap })
	return err
}

func (p *plan) gatherPods(ctx context.Context) error {
	p.injected, p.waiting = map[string][]workload.Owner{}, map[string]bool{}
	// Pods need the authorities where those are, whatever the namespace's label says by now.
	for i := range p.trusts {
		namespace := p.trusts[i].Namespace
		var pods corev1.PodList
		if err := p.List(ctx, &pods, client.InNamespace(namespace)); err != nil {
			return err
		}
		for j := range pods.Items {
			x := &pods.Items[j]
			if finished(x) {
				continue
			}
			p.waiting[namespace] = p.waiting[namespace] || mountsTrust(x)
			if o := workload.OfPod(x); inject.Injected(x) && !slices.Contains(p.injected[namespace], o) {
				p.injected[namespace] = append(p.injected[namespace], o)
			}
		}
	}
	return nil
}

func mountsTrust(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Spec.Volumes, func(v corev1.Volume) bool { return v.ConfigMap != nil && v.ConfigMap.Name == inject.TrustConfigMap })
}

func (p *plan) gatherDefinitions(ctx context.Context) error {
	for _, k := range kinds {
		crd := &unstructured.Unstructured{}
		crd.SetGroupVersionKind(definitionKind)
		switch err := p.Get(ctx, types.NamespacedName{Name: definitionName(k.resource)}, crd); {
		case err == nil:
			p.definitions = append(p.definitions, crd)
		case client.IgnoreNotFound(err) != nil && !missing(err):
			return err
		}
	}
	return nil
}

// metadata lists objects without their content, which may be large or secret.
func (p *plan) metadata(ctx context.Context, of client.Object, options ...client.ListOption) ([]metav1.PartialObjectMetadata, error) {
	kind, err := apiutil.GVKForObject(of, p.Scheme())
	if err != nil {
		return nil, err
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err := p.List(ctx, list, options...); err != nil {
		return nil, err
	}
	for i := range list.Items {
		list.Items[i].SetGroupVersionKind(kind)
	}
	slices.SortFunc(list.Items, func(a, b metav1.PartialObjectMetadata) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return list.Items, nil
}
