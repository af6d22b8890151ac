package controllers

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/compile"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/translate"
	"github.com/optup/optup/internal/workload"
)

// Places tells the webhooks what is known of where a pod is made: how its namespace captures connections, which hosts are governed there, and
// whether connections to its workload are.
type Places struct {
	// Reader reads from the manager's cache, and Live from the API server what a cache may not have yet.
	Reader, Live client.Reader
}

// Of is called for pods of governed namespaces only.
func (p *Places) Of(ctx context.Context, pod *corev1.Pod) (inject.Namespace, error) {
	var n corev1.Namespace
	err := p.Reader.Get(ctx, types.NamespacedName{Name: pod.Namespace}, &n)
	if apierrors.IsNotFound(err) {
		err = p.Live.Get(ctx, types.NamespacedName{Name: pod.Namespace}, &n) // made a moment ago
	}
	if err != nil {
		return inject.Namespace{}, fmt.Errorf("read the pod's namespace: %w", err)
	}
	out := inject.Namespace{Name: n.Name, Labels: n.Labels, Annotations: n.Annotations}
	if !out.Governed() {
		// The API server asks for governed namespaces only; what a cache says about the label may be older than that.
		out.Labels = map[string]string{inject.ModeLabel: inject.ModeEnforce}
		for k, v := range n.Labels {
			out.Labels[k] = v
		}
	}
	var services v1alpha1.DataServiceList
	if err := p.Reader.List(ctx, &services); err != nil {
		return inject.Namespace{}, fmt.Errorf("read which hosts are governed: %w", err)
	}
	ns := policy.Namespace{Name: n.Name, Labels: out.Labels}
	governed := governedIn(services.Items, ns)
	out.Intercepted = slices.ContainsFunc(governed, intercepts)
	if out.Capture() == inject.Alias {
		out.Hosts = hostsIn(governed, ns)
		return out, nil
	}
	out.Inbound, err = p.inbound(ctx, pod)
	return out, err
}

// governedIn are the services whose hosts are governed in a namespace.
func governedIn(services []v1alpha1.DataService, ns policy.Namespace) (out []*v1alpha1.DataService) {
	for i := range services {
		if s := translate.Reach(&services[i]); len(compile.HostsIn(&s, ns)) > 0 {
			out = append(out, &services[i])
		}
	}
	return out
}

// hostsIn are those of services that are governed in a namespace, sorted.
func hostsIn(services []*v1alpha1.DataService, ns policy.Namespace) (out []string) {
	for i := range services {
		s := translate.Reach(services[i])
		out = append(out, compile.HostsIn(&s, ns)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// intercepts tells whether TLS to a service ends in sidecars.
func intercepts(s *v1alpha1.DataService) bool {
	return slices.ContainsFunc(s.Spec.Ports, func(p v1alpha1.ServicePort) bool { return p.TLS != nil && p.TLS.Mode == v1alpha1.TLSIntercept })
}

// inbound: what is declared for the workload counts, because nothing is published for one before it has a pod; and what was published, which
// holds until something else is.
func (p *Places) inbound(ctx context.Context, pod *corev1.Pod) (bool, error) {
	var policies v1alpha1.ConsentPolicyList
	if err := p.Reader.List(ctx, &policies, client.InNamespace(pod.Namespace)); err != nil {
		return false, fmt.Errorf("read the namespace's policies: %w", err)
	}
	var services v1alpha1.DataServiceList
	if err := p.Reader.List(ctx, &services, client.InNamespace(pod.Namespace)); err != nil {
		return false, fmt.Errorf("read the namespace's services: %w", err)
	}
	w := workload.Of(pod, selectorKeys(policies.Items, services.Items)[pod.Namespace])
	if called(w, policies.Items, services.Items) {
		return true, nil
	}
	name := workload.ConfigName(w)
	var c v1alpha1.SidecarConfig
	err := p.Reader.Get(ctx, types.NamespacedName{Namespace: pod.Namespace, Name: name}, &c)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read what was published for the pod: %w", err)
	}
	b, err := ir.Decode([]byte(c.Spec.Bundle))
	if err != nil {
		return false, fmt.Errorf("read what was published for the pod: %w", err)
	}
	return b.Inbound(), nil
}

// called tells whether a workload is declared to be a service, or to be called by one.
func called(w policy.Workload, policies []v1alpha1.ConsentPolicy, services []v1alpha1.DataService) bool {
	return slices.ContainsFunc(services, func(d v1alpha1.DataService) bool {
		s := policy.Service{Namespace: d.Namespace, Workloads: translate.ServiceWorkloads(d.Spec.Workloads)}
		return compile.Provides(&s, w)
	}) || slices.ContainsFunc(policies, func(p v1alpha1.ConsentPolicy) bool {
		return len(p.Spec.Callbacks) > 0 && compile.Selects(translate.Policy(&p), w)
	})
}
