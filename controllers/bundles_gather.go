package controllers

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/optup/optup/api/v1alpha1"
	"github.com/optup/optup/internal/inject"
	"github.com/optup/optup/internal/policy"
	"github.com/optup/optup/internal/translate"
	"github.com/optup/optup/internal/workload"
)

func builderPredicate(p predicate.Predicate) builder.WatchesOption { return builder.WithPredicates(p) }

// gather reads everything that bundles depend on, from the cache.
func (r *Bundles) gather(ctx context.Context) (*scope, error) {
	s := &scope{
		configs: map[types.NamespacedName]*v1alpha1.SidecarConfig{}, pods: map[types.NamespacedName][]*corev1.Pod{},
		published: map[types.NamespacedName]*v1alpha1.SidecarConfig{}, unpublished: map[types.NamespacedName]error{},
	}
	var (
		namespaces  corev1.NamespaceList
		purposes    v1alpha1.DataPurposeList
		notices     v1alpha1.ConsentNoticeList
		services    v1alpha1.DataServiceList
		policies    v1alpha1.ConsentPolicyList
		touchpoints v1alpha1.TouchpointList
		exemptions  v1alpha1.EnforcementExemptionList
		ledgers     v1alpha1.ConsentLedgerList
		configs     v1alpha1.SidecarConfigList
		pods        corev1.PodList
	)
	for _, list := range []client.ObjectList{&namespaces, &purposes, &notices, &services, &policies, &touchpoints, &exemptions, &ledgers, &configs, &pods} {
		if err := r.List(ctx, list); err != nil {
			return nil, err
		}
	}
	s.objects = translate.Objects{
		Namespaces: namespaces.Items, Purposes: purposes.Items, Notices: notices.Items, Services: services.Items,
		Policies: policies.Items, Touchpoints: touchpoints.Items, Exemptions: exemptions.Items, Ledgers: serving(ledgers.Items),
	}
	for i := range configs.Items {
		c := &configs.Items[i]
		s.configs[client.ObjectKeyFromObject(c)] = c
	}
	s.workloads(pods.Items)
	return s, nil
}

// workloads are those that pods with a sidecar belong to, and those that policies name before they have pods.
func (s *scope) workloads(pods []corev1.Pod) {
	keys := selectorKeys(s.objects.Policies)
	seen := map[types.NamespacedName]bool{}
	add := func(w policy.Workload) types.NamespacedName {
		name := types.NamespacedName{Namespace: w.Namespace, Name: workload.ConfigName(w)}
		if !seen[name] {
			seen[name] = true
			s.objects.Workloads = append(s.objects.Workloads, w)
		}
		return name
	}
	for i := range pods {
		p := &pods[i]
		if !inject.Injected(p) {
			continue
		}
		name := add(workload.Of(p, keys[p.Namespace]))
		s.pods[name] = append(s.pods[name], p)
	}
	for i := range s.objects.Policies {
		p := &s.objects.Policies[i]
		if len(keys[p.Namespace]) > 0 {
			continue // bundles depend on labels that only pods tell
		}
		for _, t := range p.Spec.TargetRefs {
			add(policy.Workload{Namespace: p.Namespace, Kind: t.Kind, Name: t.Name})
		}
	}
}

// selectorKeys are the label keys that tell the workloads of a namespace apart.
func selectorKeys(policies []v1alpha1.ConsentPolicy) map[string][]string {
	byNamespace := map[string][]policy.Policy{}
	for i := range policies {
		p := &policies[i]
		byNamespace[p.Namespace] = append(byNamespace[p.Namespace], translate.Policy(p))
	}
	out := map[string][]string{}
	for ns, list := range byNamespace {
		out[ns] = workload.SelectorKeys(list)
	}
	return out
}
