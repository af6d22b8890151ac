package cli

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
)

// Step is one thing that uninstalling does.
type Step struct {
	What string `json:"what"`
	// Done is false for what was not there, or in a dry run.
	Done bool `json:"done"`
}

// UninstallOptions say what goes.
type UninstallOptions struct {
	Namespace string
	DryRun    bool
}

// Uninstall takes OptUp out of a cluster so that nothing is left that blocks pods: first the webhooks, without which pods are admitted
// again; then the namespaces' mode labels; then the manager. What people declared, ledgers and their keys stay. Pods that have a
// sidecar keep it, and it goes on enforcing its last bundle, until they are made anew.
func Uninstall(ctx context.Context, c client.Client, o UninstallOptions) ([]Step, error) {
	u := &uninstall{Client: c, UninstallOptions: o}
	cluster := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
	own := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: o.Namespace, Name: name} }
	// The order matters: every prefix of it leaves a cluster whose pods start.
	for _, x := range []client.Object{
		&admissionv1.ValidatingWebhookConfiguration{ObjectMeta: cluster("optup")},
		&admissionv1.MutatingWebhookConfiguration{ObjectMeta: cluster("optup")},
	} {
		if err := u.remove(ctx, x); err != nil {
			return u.steps, err
		}
	}
	if err := u.labels(ctx); err != nil {
		return u.steps, err
	}
	for _, x := range []client.Object{
		&appsv1.Deployment{ObjectMeta: own("optup-manager")},
		&corev1.Service{ObjectMeta: own("optup-webhook")},
		&corev1.Service{ObjectMeta: own("optup-manager")},
		&rbacv1.ClusterRoleBinding{ObjectMeta: cluster("optup-manager-token-keys")},
		&rbacv1.ClusterRoleBinding{ObjectMeta: cluster("optup-manager")},
		&rbacv1.ClusterRole{ObjectMeta: cluster("optup-manager")},
		&corev1.ServiceAccount{ObjectMeta: own("optup-manager")},
	} {
		if err := u.remove(ctx, x); err != nil {
			return u.steps, err
		}
	}
	return u.steps, nil
}

type uninstall struct {
	client.Client
	UninstallOptions
	steps []Step
}

func (u *uninstall) remove(ctx context.Context, x client.Object) error {
	name := x.GetName()
	if x.GetNamespace() != "" {
		name = x.GetNamespace() + "/" + name
	}
	what := fmt.Sprintf("remove %s %s", kindOf(x), name)
	if u.DryRun {
		u.steps = append(u.steps, Step{what, false})
		return nil
	}
	err := u.Delete(ctx, x)
	u.steps = append(u.steps, Step{what, err == nil})
	if client.IgnoreNotFound(err) != nil && !meta.IsNoMatchError(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func kindOf(x client.Object) string {
	switch x.(type) {
	case *admissionv1.ValidatingWebhookConfiguration:
		return "ValidatingWebhookConfiguration"
	case *admissionv1.MutatingWebhookConfiguration:
		return "MutatingWebhookConfiguration"
	case *appsv1.Deployment:
		return "Deployment"
	case *corev1.Service:
		return "Service"
	case *corev1.ServiceAccount:
		return "ServiceAccount"
	case *rbacv1.ClusterRole:
		return "ClusterRole"
	case *rbacv1.ClusterRoleBinding:
		return "ClusterRoleBinding"
	default:
		return "object"
	}
}

// labels takes the mode off every namespace. Without it a later installation would govern at once, and pods that are made anew now
// would look for a ConfigMap that nobody keeps.
func (u *uninstall) labels(ctx context.Context) error {
	var all corev1.NamespaceList
	if err := u.List(ctx, &all, client.HasLabels{v1alpha1.LabelMode}); err != nil {
		return err
	}
	for i := range all.Items {
		n := &all.Items[i]
		what := "take label " + v1alpha1.LabelMode + " off namespace " + n.Name
		if !u.DryRun {
			if err := u.Patch(ctx, n, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"`+v1alpha1.LabelMode+`":null}}}`))); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		u.steps = append(u.steps, Step{what, !u.DryRun})
	}
	return nil
}

// Remaining says what uninstalling leaves, and how to remove that too.
func Remaining() []string {
	return []string{
		"Pods that have a sidecar keep it until they are made anew: kubectl -n <namespace> rollout restart deployment",
		"What was declared stays; deleting the CRDs of group consent.optup.dev would delete it.",
		"Ledgers, their data and root keys stay. Without the root key nobody can be found in a ledger's data any more.",
		"ConfigMaps " + inject.TrustConfigMap + " stay in namespaces that were governed.",
		"If helm installed OptUp, forget the release: helm uninstall optup",
	}
}
