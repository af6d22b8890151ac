package controllers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
)

// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete

const (
	// labelAccess marks the NetworkPolicies that close services.
	labelAccess = "consent.optup.dev/access"
	accessOwner = client.FieldOwner("optup")
	// nameLabel is on every namespace.
	nameLabel = "kubernetes.io/metadata.name"
)

// closes tells whether a service wants governed workloads only.
func closes(d *v1alpha1.DataService) bool {
	w := d.Spec.Workloads
	return d.Spec.Access == v1alpha1.AccessGovernedOnly && w != nil && w.Selector != nil && d.DeletionTimestamp == nil
}

// accessName is the name of a service's NetworkPolicy.
func accessName(service string) string {
	name := "optup-access-" + service
	if len(name) > 253 {
		sum := sha256.Sum256([]byte(service))
		name = name[:220] + "-" + hex.EncodeToString(sum[:8])
	}
	return name
}

// networkPolicy lets in governed workloads of the namespaces that may refer to a service, and ledgers. As any NetworkPolicy it closes
// everything that it does not mention, and opens nothing that another one leaves closed but its own ports to these.
func networkPolicy(d *v1alpha1.DataService, ledgers []v1alpha1.ConsentLedger) *networkingv1.NetworkPolicy {
	governed := metav1.LabelSelectorRequirement{Key: v1alpha1.LabelMode, Operator: metav1.LabelSelectorOpExists}
	names := []string{d.Namespace}
	allowed := d.Spec.AllowedNamespaces
	if allowed != nil {
		for _, n := range allowed.Names {
			names = append(names, string(n))
		}
	}
	peers := []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: nameLabel, Operator: metav1.LabelSelectorOpIn, Values: sortedOnce(names)}, governed,
	}}}}
	if allowed != nil && allowed.Selector != nil && len(allowed.Selector.MatchLabels) > 0 {
		peers = append(peers, networkingv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{
			MatchLabels: allowed.Selector.MatchLabels, MatchExpressions: []metav1.LabelSelectorRequirement{governed},
		}})
	}
	var homes []string
	for i := range ledgers {
		homes = append(homes, ledgers[i].Namespace)
	}
	if len(homes) > 0 {
		peers = append(peers, networkingv1.NetworkPolicyPeer{
			NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: nameLabel, Operator: metav1.LabelSelectorOpIn, Values: sortedOnce(homes)}}},
			PodSelector:       &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: LabelLedger, Operator: metav1.LabelSelectorOpExists}}},
		})
	}
	yes := true
	return &networkingv1.NetworkPolicy{
		TypeMeta: metav1.TypeMeta{APIVersion: networkingv1.SchemeGroupVersion.String(), Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Name: accessName(d.Name), Labels: owned(map[string]string{labelAccess: "governed-only"}),
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.KindDataService, Name: d.Name, UID: d.UID, BlockOwnerDeletion: &yes, Controller: &yes,
			}},
		},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: d.Spec.Workloads.Selector.MatchLabels},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress:     []networkingv1.NetworkPolicyIngressRule{{From: peers, Ports: closedPorts(d)}},
		},
	}
}

// closedPorts are those of the pods that the service is reached on.
func closedPorts(d *v1alpha1.DataService) []networkingv1.NetworkPolicyPort {
	var out []networkingv1.NetworkPolicyPort
	for _, n := range targetPorts(d) {
		port, protocol := intstr.FromInt32(n), corev1.ProtocolTCP
		out = append(out, networkingv1.NetworkPolicyPort{Port: &port, Protocol: &protocol})
	}
	return out
}

func targetPorts(d *v1alpha1.DataService) []int32 {
	var out []int32
	for _, p := range d.Spec.Ports {
		target := p.Port
		for _, w := range d.Spec.Workloads.Ports {
			if w.Port == p.Port {
				target = w.TargetPort
			}
		}
		out = append(out, target)
	}
	return sortedOnce(out)
}

func sortedOnce[T cmp.Ordered](in []T) []T {
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.Compact(out)
}

// publishAccess writes the NetworkPolicies of services that are closed, and takes away those of services that are open again. What
// somebody changed about one is put right.
func (r *Bundles) publishAccess(ctx context.Context, s *scope) error {
	var failed []error
	keep := map[types.NamespacedName]bool{}
	for i := range s.objects.Services {
		d := &s.objects.Services[i]
		if !closes(d) {
			continue
		}
		want := networkPolicy(d, s.objects.Ledgers)
		name := client.ObjectKeyFromObject(want)
		keep[name] = true
		had := s.policies[name]
		if had != nil && equality.Semantic.DeepEqual(had.Spec, want.Spec) && equality.Semantic.DeepEqual(had.OwnerReferences, want.OwnerReferences) {
			continue
		}
		if err := r.applyPolicy(ctx, want); err != nil {
			s.open[client.ObjectKeyFromObject(d)] = err
			failed = append(failed, fmt.Errorf("NetworkPolicy %s: %w", name, err))
		}
	}
	for name, p := range s.policies {
		if !keep[name] && p.Labels[labelAccess] != "" {
			failed = append(failed, client.IgnoreNotFound(r.Delete(ctx, p)))
		}
	}
	return errors.Join(failed...)
}

func (r *Bundles) applyPolicy(ctx context.Context, p *networkingv1.NetworkPolicy) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(p)
	if err != nil {
		return err
	}
	unstructured.RemoveNestedField(content, "status")
	return r.Apply(ctx, client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: content}), accessOwner, client.ForceOwnership)
}

// reportAccess says in a service's status how its pods are closed.
func reportAccess(d *v1alpha1.DataService, s *scope) {
	if !closes(d) {
		meta.RemoveStatusCondition(&d.Status.Conditions, v1alpha1.ConditionAccessClosed)
		return
	}
	if err := s.open[client.ObjectKeyFromObject(d)]; err != nil {
		meta.SetStatusCondition(&d.Status.Conditions, condition(v1alpha1.ConditionAccessClosed, metav1.ConditionFalse, v1alpha1.ReasonNotPublished,
			"The NetworkPolicy could not be written, so the service's pods are as open as before: "+err.Error(), d.Generation))
		return
	}
	var ports []string
	for _, n := range targetPorts(d) {
		ports = append(ports, fmt.Sprint(n))
	}
	meta.SetStatusCondition(&d.Status.Conditions, condition(v1alpha1.ConditionAccessClosed, metav1.ConditionTrue, v1alpha1.ReasonNetworkPolicyWritten, fmt.Sprintf(
		"NetworkPolicy %s lets governed workloads of the namespaces that may refer to the service, and ledgers, reach its pods on %s, and nobody else on any port. "+
			"Let metrics and the like in by a NetworkPolicy of your own. Whether NetworkPolicies are enforced only the cluster's network can tell.",
		accessName(d.Name), strings.Join(ports, ", ")), d.Generation))
}
