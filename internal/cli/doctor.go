package cli

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/version"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
)

// DoctorOptions say what to look at.
type DoctorOptions struct {
	// OperatorNamespace is where the operator is installed; empty for optup-system.
	OperatorNamespace string
	// Version tells which Kubernetes the cluster runs; nil leaves that check out.
	Version func() (*version.Info, error)
	// Namespace limits the checks of namespaced objects; empty for all.
	Namespace string
	// Now is for what expires; zero for the present.
	Now time.Time
}

// Doctor looks at an installation, from the ground up: the cluster, what was installed, what was declared, what runs. It changes
// nothing. The error tells that the cluster could not be reached; whatever else is wrong is a check that failed.
func Doctor(ctx context.Context, c client.Client, o DoctorOptions) ([]Check, error) {
	e := &examination{}
	if o.OperatorNamespace == "" {
		o.OperatorNamespace = OperatorNamespace
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	d := &doctor{Client: c, DoctorOptions: o}
	if err := d.kubernetes(e); err != nil {
		return nil, fmt.Errorf("the cluster does not answer: %w", err)
	}
	e.run(ctx, "definitions", d.definitions)
	e.run(ctx, "manager", d.manager)
	e.run(ctx, "webhooks", d.webhooks)
	e.run(ctx, "namespaces", d.namespaces)
	e.run(ctx, "trust", d.trust)
	e.run(ctx, "ledgers", d.ledgers)
	e.run(ctx, "purposes", d.purposes)
	e.run(ctx, "notices", d.notices)
	e.run(ctx, "services", d.services)
	e.run(ctx, "policies", d.policies)
	e.run(ctx, "touchpoints", d.touchpoints)
	e.run(ctx, "exemptions", d.exemptions)
	e.run(ctx, "sidecars-in-sync", d.sidecarConfigs)
	e.run(ctx, "pods", d.pods)
	return e.checks, nil
}

type doctor struct {
	client.Client
	DoctorOptions
}

// governed gives the namespaces with the label that are looked at.
func (d *doctor) governed(ctx context.Context) ([]corev1.Namespace, error) {
	var out []corev1.Namespace
	if d.Namespace != "" {
		var n corev1.Namespace
		if err := d.Get(ctx, types.NamespacedName{Name: d.Namespace}, &n); err != nil {
			return nil, client.IgnoreNotFound(err)
		}
		out = []corev1.Namespace{n}
	} else {
		var all corev1.NamespaceList
		if err := d.List(ctx, &all, client.HasLabels{v1alpha1.LabelMode}); err != nil {
			return nil, err
		}
		out = all.Items
	}
	kept := out[:0]
	for _, n := range out {
		if _, ok := n.Labels[v1alpha1.LabelMode]; ok && n.DeletionTimestamp == nil {
			kept = append(kept, n)
		}
	}
	return kept, nil
}

// within limits a list of namespaced objects.
func (d *doctor) within() []client.ListOption {
	if d.Namespace == "" {
		return nil
	}
	return []client.ListOption{client.InNamespace(d.Namespace)}
}
