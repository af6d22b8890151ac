package cli

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
)

// oldestKubernetes is the oldest version on which native sidecars can be relied on.
const oldestKubernetes = "1.33"

const reinstall = "install OptUp again: helm upgrade --install optup charts/optup -n "

func (d *doctor) kubernetes(e *examination) error {
	if d.Version == nil {
		return nil
	}
	info, err := d.Version()
	if err != nil {
		return err
	}
	e.name = "kubernetes"
	switch v, err := version.ParseGeneric(info.GitVersion); {
	case err != nil:
		e.add(Warn, "", fmt.Sprintf("the version %q of Kubernetes cannot be read", info.GitVersion), "OptUp needs Kubernetes "+oldestKubernetes+" or newer")
	case v.LessThan(version.MustParseGeneric(oldestKubernetes)):
		e.add(Fail, "", "Kubernetes is "+info.GitVersion+", which has no sidecars to rely on", "update the cluster to "+oldestKubernetes+" or newer")
	default:
		e.ok("", "Kubernetes is %s, at least %s", info.GitVersion, oldestKubernetes)
	}
	return nil
}

func (d *doctor) definitions(ctx context.Context, e *examination) error {
	for _, k := range kinds {
		name := definitionName(k.resource)
		object := "CustomResourceDefinition " + name
		crd := &unstructured.Unstructured{}
		crd.SetGroupVersionKind(definitionKind)
		err := d.Get(ctx, types.NamespacedName{Name: name}, crd)
		switch {
		case apierrors.IsNotFound(err):
			e.add(Fail, object, "it is not installed", "kubectl apply -f charts/optup/crds")
		case err != nil:
			return err
		case !established(crd):
			e.add(Fail, object, "it is not established, so no "+k.kind+" can be served", "kubectl describe crd "+name+" says why")
		case !served(crd):
			e.add(Fail, object, "it does not serve "+v1alpha1.GroupVersion.Version, "install the definitions of this version: kubectl apply -f charts/optup/crds")
		}
	}
	if e.quiet() {
		e.ok("", "all %d kinds of %s are installed", len(kinds), v1alpha1.GroupVersion)
	}
	return nil
}

func established(crd *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	return slices.ContainsFunc(conditions, func(c any) bool {
		m, ok := c.(map[string]any)
		return ok && m["type"] == "Established" && m["status"] == "True"
	})
}

func served(crd *unstructured.Unstructured) bool {
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	return slices.ContainsFunc(versions, func(v any) bool {
		m, ok := v.(map[string]any)
		return ok && m["name"] == v1alpha1.GroupVersion.Version && m["served"] == true
	})
}

func (d *doctor) manager(ctx context.Context, e *examination) error {
	var m appsv1.Deployment
	object := "Deployment " + named(d.OperatorNamespace, managerName)
	err := d.Get(ctx, types.NamespacedName{Namespace: d.OperatorNamespace, Name: managerName}, &m)
	if apierrors.IsNotFound(err) {
		e.add(Fail, object, "it does not exist: nothing is compiled, and governed namespaces get no new pods while the webhooks are there",
			reinstall+d.OperatorNamespace+", or name its namespace with --operator-namespace")
		return nil
	}
	if err != nil {
		return err
	}
	available := slices.ContainsFunc(m.Status.Conditions, func(c appsv1.DeploymentCondition) bool {
		return c.Type == appsv1.DeploymentAvailable && c.Status == corev1.ConditionTrue
	})
	if !available || m.Status.AvailableReplicas == 0 {
		e.add(Fail, object, "it is not available: governed namespaces get no new pods, and changes reach no sidecar",
			fmt.Sprintf("kubectl -n %s get pods and kubectl -n %s logs deployment/%s say why", d.OperatorNamespace, d.OperatorNamespace, managerName))
		return nil
	}
	e.ok(object, "it is available, %d of %d", m.Status.AvailableReplicas, m.Status.Replicas)
	return nil
}

// hook is what both sorts of webhook have in common.
type hook struct {
	configuration, name string
	policy              *admissionv1.FailurePolicyType
	ca                  []byte
	namespaces          *metav1.LabelSelector
}

// hooks gives our webhooks, whatever their configurations are called.
func hooks(ctx context.Context, c client.Client) ([]hook, error) {
	var mutating admissionv1.MutatingWebhookConfigurationList
	var validating admissionv1.ValidatingWebhookConfigurationList
	if err := c.List(ctx, &mutating); err != nil {
		return nil, err
	}
	if err := c.List(ctx, &validating); err != nil {
		return nil, err
	}
	var out []hook
	for i := range mutating.Items {
		for _, w := range mutating.Items[i].Webhooks {
			if ours(w.Name) {
				out = append(out, hook{"MutatingWebhookConfiguration " + mutating.Items[i].Name, w.Name, w.FailurePolicy, w.ClientConfig.CABundle, w.NamespaceSelector})
			}
		}
	}
	for i := range validating.Items {
		for _, w := range validating.Items[i].Webhooks {
			if ours(w.Name) {
				out = append(out, hook{"ValidatingWebhookConfiguration " + validating.Items[i].Name, w.Name, w.FailurePolicy, w.ClientConfig.CABundle, w.NamespaceSelector})
			}
		}
	}
	return out, nil
}

func ours(webhook string) bool { return webhook == mutatingWebhook || webhook == verifyWebhook }

func (d *doctor) webhooks(ctx context.Context, e *examination) error {
	all, err := hooks(ctx, d.Client)
	if err != nil {
		return err
	}
	for name, lacking := range map[string]string{
		mutatingWebhook: "no pod gets a sidecar", verifyWebhook: "pods can be created or changed to be without a sidecar",
	} {
		if !slices.ContainsFunc(all, func(h hook) bool { return h.name == name }) {
			e.add(Fail, "", "the webhook "+name+" is not registered: "+lacking, reinstall+d.OperatorNamespace)
		}
	}
	for _, h := range all {
		if h.policy != nil && *h.policy != admissionv1.Fail {
			e.add(Fail, h.configuration, "its failurePolicy is "+string(*h.policy)+": while the manager is away, pods start without a sidecar", reinstall+d.OperatorNamespace)
		}
		if problem := badAuthority(h.ca, d.Now); problem != "" {
			e.add(Fail, h.configuration, "its caBundle "+problem+", so governed namespaces get no new pods", "the manager fills it in; its log says what is in the way: kubectl -n "+d.OperatorNamespace+" logs deployment/"+managerName)
		}
	}
	if e.quiet() {
		e.ok("", "both webhooks are registered, fail closed and know the manager's authority")
	}
	return nil
}

// badAuthority says what is wrong with certificates of authorities; empty for nothing.
func badAuthority(data []byte, now time.Time) string {
	if len(data) == 0 {
		return "is empty"
	}
	expired := false
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		switch {
		case err != nil:
			continue
		case now.Before(c.NotAfter):
			return ""
		default:
			expired = true
		}
	}
	if expired {
		return "has expired"
	}
	return "holds no certificate"
}

// reaches tells whether a webhook is asked about the pods of a namespace.
func (h hook) reaches(n *corev1.Namespace) bool {
	if h.namespaces == nil {
		return true
	}
	s, err := metav1.LabelSelectorAsSelector(h.namespaces)
	return err == nil && s.Matches(labels.Set(n.Labels))
}
