package cli

import (
	"context"
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
)

// Level says how bad a finding is.
type Level string

// Levels.
const (
	OK   Level = "ok"
	Warn Level = "warn"
	Fail Level = "fail"
)

// Check is one thing that was looked at.
type Check struct {
	Level Level  `json:"level"`
	What  string `json:"what"`
	// Do says what to do; empty for what is in order.
	Do string `json:"do,omitempty"`
}

// doctor collects checks.
type doctor struct {
	client.Client
	namespace string
	checks    []Check
}

func (d *doctor) add(l Level, what, do string) {
	d.checks = append(d.checks, Check{l, what, do})
}

// Doctor looks at an installation in a namespace and at everything that is declared. It changes nothing. An error means that it could
// not look; what is wrong is in the checks.
func Doctor(ctx context.Context, c client.Client, namespace string) ([]Check, error) {
	d := &doctor{Client: c, namespace: namespace}
	for _, look := range []func(context.Context) error{d.manager, d.webhooks, d.namespaces, d.ledgers, d.declared, d.configs} {
		if err := look(ctx); err != nil {
			if meta.IsNoMatchError(err) {
				d.add(Fail, "the kinds of OptUp are not installed", "install the chart: helm install optup charts/optup -n "+namespace+" --create-namespace")
				return d.checks, nil
			}
			return d.checks, err
		}
	}
	return d.checks, nil
}

func (d *doctor) manager(ctx context.Context) error {
	var m appsv1.Deployment
	err := d.Get(ctx, client.ObjectKey{Namespace: d.namespace, Name: "optup-manager"}, &m)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return err
	case err != nil:
		d.add(Fail, "no manager in namespace "+d.namespace, "install the chart, or name its namespace with --namespace")
	case m.Status.AvailableReplicas == 0:
		d.add(Fail, "the manager does not run; governed namespaces get no new pods", "look at: kubectl -n "+d.namespace+" logs deploy/optup-manager")
	default:
		d.add(OK, fmt.Sprintf("the manager runs (%d of %d)", m.Status.AvailableReplicas, m.Status.Replicas), "")
	}
	return nil
}

func (d *doctor) webhooks(ctx context.Context) error {
	var m admissionv1.MutatingWebhookConfiguration
	var v admissionv1.ValidatingWebhookConfiguration
	type hook struct {
		policy *admissionv1.FailurePolicyType
		roots  []byte
	}
	var hooks []hook
	for _, o := range []client.Object{&m, &v} {
		if err := d.Get(ctx, client.ObjectKey{Name: "optup"}, o); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	for i := range m.Webhooks {
		hooks = append(hooks, hook{m.Webhooks[i].FailurePolicy, m.Webhooks[i].ClientConfig.CABundle})
	}
	for i := range v.Webhooks {
		hooks = append(hooks, hook{v.Webhooks[i].FailurePolicy, v.Webhooks[i].ClientConfig.CABundle})
	}
	if len(m.Webhooks) == 0 || len(v.Webhooks) == 0 {
		d.add(Fail, "webhook configurations are missing: pods get no sidecar", "install the chart again")
		return nil
	}
	for _, h := range hooks {
		if h.policy == nil || *h.policy != admissionv1.Fail {
			d.add(Fail, "a webhook lets pods pass when it cannot be asked", "set failurePolicy to Fail, as the chart does")
			return nil
		}
		if len(h.roots) == 0 {
			d.add(Fail, "a webhook does not know its authority yet: governed namespaces get no new pods", "wait a moment; if it stays, look at the manager's log")
			return nil
		}
	}
	d.add(OK, "webhooks fail closed and know their authority", "")
	return nil
}

func (d *doctor) namespaces(ctx context.Context) error {
	var all corev1.NamespaceList
	if err := d.List(ctx, &all, client.HasLabels{v1alpha1.LabelMode}); err != nil {
		return err
	}
	if len(all.Items) == 0 {
		d.add(Warn, "no namespace is governed", "label one: kubectl label namespace <name> "+v1alpha1.LabelMode+"=observe")
	}
	for i := range all.Items {
		n := &all.Items[i]
		mode := n.Labels[v1alpha1.LabelMode]
		if mode != v1alpha1.LabelModeObserve && mode != v1alpha1.LabelModeEnforce {
			d.add(Warn, fmt.Sprintf("namespace %s has mode %q, which is treated like enforce", n.Name, mode), "write observe or enforce")
		}
		var trust corev1.ConfigMap
		if err := d.Get(ctx, client.ObjectKey{Namespace: n.Name, Name: inject.TrustConfigMap}, &trust); err != nil {
			if client.IgnoreNotFound(err) != nil {
				return err
			}
			d.add(Fail, "namespace "+n.Name+" has no ConfigMap "+inject.TrustConfigMap+": its pods cannot start", "look at the manager's log")
		}
		if err := d.pods(ctx, n.Name); err != nil {
			return err
		}
	}
	return nil
}

// pods finds those that run without a sidecar, because they were there before the namespace was governed.
func (d *doctor) pods(ctx context.Context, namespace string) error {
	var pods corev1.PodList
	if err := d.List(ctx, &pods, client.InNamespace(namespace)); err != nil {
		return err
	}
	var bare []string
	for i := range pods.Items {
		p := &pods.Items[i]
		if p.Status.Phase == corev1.PodRunning && !inject.Injected(p) {
			bare = append(bare, p.Name)
		}
	}
	if len(bare) > 0 {
		d.add(Fail, fmt.Sprintf("pods in %s run without a sidecar: %s", namespace, strings.Join(bare, ", ")), "restart their workloads: kubectl -n "+namespace+" rollout restart deployment")
		return nil
	}
	d.add(OK, fmt.Sprintf("every running pod in %s has a sidecar", namespace), "")
	return nil
}

func (d *doctor) ledgers(ctx context.Context) error {
	var all v1alpha1.ConsentLedgerList
	if err := d.List(ctx, &all); err != nil {
		return err
	}
	for i := range all.Items {
		l := &all.Items[i]
		d.conditions("ConsentLedger "+l.Namespace+"/"+l.Name, l.Status.Conditions)
		if !meta.IsStatusConditionTrue(l.Status.Conditions, v1alpha1.ConditionKeysBackedUp) {
			d.add(Warn, "the root key of ConsentLedger "+l.Namespace+"/"+l.Name+" exists in this cluster only",
				"store a copy of Secret "+l.Name+"-ledger-keys outside, then set spec.keyBackup to Confirmed")
		}
	}
	return nil
}

// conditions reports Accepted and Ready, with the message that says what to do.
func (d *doctor) conditions(what string, list []metav1.Condition) {
	for _, kind := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionReady} {
		c := meta.FindStatusCondition(list, kind)
		if c == nil {
			d.add(Warn, what+" has no status yet", "wait a moment; if it stays, look at the manager's log")
			return
		}
		if c.Status != metav1.ConditionTrue {
			d.add(Fail, what+" is not "+strings.ToLower(kind)+" ("+c.Reason+")", c.Message)
			return
		}
	}
	d.add(OK, what+" is accepted and ready", "")
}

func (d *doctor) declared(ctx context.Context) error {
	var purposes v1alpha1.DataPurposeList
	var services v1alpha1.DataServiceList
	var policies v1alpha1.ConsentPolicyList
	for _, l := range []client.ObjectList{&purposes, &services, &policies} {
		if err := d.List(ctx, l); err != nil {
			return err
		}
	}
	for i := range purposes.Items {
		d.conditions("DataPurpose "+purposes.Items[i].Name, purposes.Items[i].Status.Conditions)
	}
	for i := range services.Items {
		d.conditions("DataService "+services.Items[i].Namespace+"/"+services.Items[i].Name, services.Items[i].Status.Conditions)
	}
	for i := range policies.Items {
		d.conditions("ConsentPolicy "+policies.Items[i].Namespace+"/"+policies.Items[i].Name, policies.Items[i].Status.Conditions)
	}
	return nil
}

func (d *doctor) configs(ctx context.Context) error {
	var all v1alpha1.SidecarConfigList
	if err := d.List(ctx, &all); err != nil {
		return err
	}
	for i := range all.Items {
		c := &all.Items[i]
		if c.Status.InSync < c.Status.Running {
			d.add(Fail, fmt.Sprintf("%s in %s: %s sidecars run the newest bundle", c.Spec.Workload.String(), c.Namespace, c.Status.Ready), "wait a moment; if it stays, look at the sidecar's log")
		}
	}
	return nil
}
