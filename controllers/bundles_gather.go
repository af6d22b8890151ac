package controllers

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
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
		policies: map[types.NamespacedName]*networkingv1.NetworkPolicy{}, open: map[types.NamespacedName]error{},
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
		closed      networkingv1.NetworkPolicyList
	)
	for _, list := range []client.ObjectList{&namespaces, &purposes, &notices, &services, &policies, &touchpoints, &exemptions, &ledgers, &configs, &pods} {
		if err := r.List(ctx, list); err != nil {
			return nil, err
		}
	}
	if err := r.List(ctx, &closed, client.MatchingLabels{managedBy: managedByValue}); err != nil {
		return nil, err
	}
	for i := range closed.Items {
		s.policies[client.ObjectKeyFromObject(&closed.Items[i])] = &closed.Items[i]
	}
	s.objects = translate.Objects{
		Namespaces: namespaces.Items, Purposes: purposes.Items, Notices: notices.Items, Services: services.Items,
		Policies: policies.Items, Touchpoints: touchpoints.Items, Exemptions: exemptions.Items, Ledgers: serving(ledgers.Items),
	}
	for i := range configs.Items {
		c := &configs.Items[i]
		s.configs[client.ObjectKeyFromObject(c)] = c
	}
	s.everyPod = pods.Items
	s.workloads(pods.Items)
	return s, nil
}

// workloads are those that pods with a sidecar belong to, those whose pods have none and show tokens to services, and those that policies and services name before they have pods.
func (s *scope) workloads(pods []corev1.Pod) {
	keys := selectorKeys(s.objects.Policies, s.objects.Services)
	seen := map[types.NamespacedName]int{}
	// add gives the name of a workload's bundle, and where in the list it is.
	add := func(w policy.Workload, account string) (types.NamespacedName, *policy.Workload) {
		name := types.NamespacedName{Namespace: w.Namespace, Name: workload.ConfigName(w)}
		at, there := seen[name]
		if !there {
			at = len(s.objects.Workloads)
			seen[name] = at
			s.objects.Workloads = append(s.objects.Workloads, w)
		}
		known := &s.objects.Workloads[at]
		if account != "" && !slices.Contains(known.Accounts, account) {
			known.Accounts = append(known.Accounts, account)
			slices.Sort(known.Accounts)
		}
		return name, known
	}
	for i := range pods {
		p := &pods[i]
		injected := inject.Injected(p)
		if !injected && !inject.ShowsToken(&p.Spec) {
			continue
		}
		name, known := add(workload.Of(p, keys[p.Namespace]), p.Spec.ServiceAccountName)
		if injected {
			s.pods[name] = append(s.pods[name], p)
		} else {
			known.Bare = true
		}
	}
	named := func(namespace string, refs []v1alpha1.WorkloadRef) {
		if len(keys[namespace]) > 0 {
			return // bundles depend on labels that only pods tell
		}
		for _, t := range refs {
			add(policy.Workload{Namespace: namespace, Kind: t.Kind, Name: t.Name}, "")
		}
	}
	for i := range s.objects.Policies {
		named(s.objects.Policies[i].Namespace, s.objects.Policies[i].Spec.TargetRefs)
	}
	for i := range s.objects.Services {
		if w := s.objects.Services[i].Spec.Workloads; w != nil {
			named(s.objects.Services[i].Namespace, w.TargetRefs)
		}
	}
}

// selectorKeys are the label keys that tell the workloads of a namespace apart.
func selectorKeys(policies []v1alpha1.ConsentPolicy, services []v1alpha1.DataService) map[string][]string {
	byNamespace := map[string][]map[string]string{}
	for i := range policies {
		p := translate.Policy(&policies[i])
		byNamespace[p.Namespace] = append(byNamespace[p.Namespace], p.Selector)
	}
	for i := range services {
		if w := translate.ServiceWorkloads(services[i].Spec.Workloads); w != nil {
			byNamespace[services[i].Namespace] = append(byNamespace[services[i].Namespace], w.Selector)
		}
	}
	out := map[string][]string{}
	for ns, list := range byNamespace {
		out[ns] = workload.SelectorKeys(list...)
	}
	return out
}
