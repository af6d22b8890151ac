package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ExemptionScope is what an exemption suspends.
// +kubebuilder:validation:Enum=Injection;Enforcement
type ExemptionScope string

// Scopes of an exemption.
const (
	// ExemptionInjection lets pods start without a sidecar.
	ExemptionInjection ExemptionScope = "Injection"
	// ExemptionEnforcement lets the sidecar decide and show, as in mode Observe.
	ExemptionEnforcement ExemptionScope = "Enforcement"
)

// EnforcementExemptionSpec is one exception: for whom, from what, until when, why, and who answers for it.
// +kubebuilder:validation:XValidation:rule="self.notAfter > self.notBefore",message="notAfter lies after notBefore"
// +kubebuilder:validation:XValidation:rule="self.notAfter - self.notBefore <= duration('720h')",message="an exemption lasts 30 days at most: make a new one if it is still needed then"
type EnforcementExemptionSpec struct {
	// namespace of the exempted workloads.
	// +required
	Namespace NamespaceName `json:"namespace"`
	// targetRefs are the exempted workloads, at most 16. Whole namespaces cannot be exempted: take off their label instead.
	// +required
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	TargetRefs []WorkloadRef `json:"targetRefs"`
	// scope: Injection lets pods start without a sidecar; with Enforcement the sidecar decides and shows, and lets everything pass.
	// +required
	Scope ExemptionScope `json:"scope"`
	// notBefore is when the exemption begins (RFC 3339).
	// +required
	NotBefore metav1.Time `json:"notBefore"`
	// notAfter is when it ends by itself (RFC 3339), 30 days after notBefore at most.
	// +required
	NotAfter metav1.Time `json:"notAfter"`
	// reason in a sentence, for whoever audits it, 10 to 2048 characters. No personal data.
	// +required
	// +kubebuilder:validation:MinLength=10
	// +kubebuilder:validation:MaxLength=2048
	Reason string `json:"reason"`
	// approvedBy is who answers for it, for example a role and a ticket, 3 to 256 characters.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=256
	ApprovedBy string `json:"approvedBy"`
}

// EnforcementExemptionStatus is what became of an exemption.
type EnforcementExemptionStatus struct {
	// conditions: Accepted, Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation that the status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// EnforcementExemption is a named exception that ends by itself and never changes: the only way around enforcement. It belongs to
// the security team. This version records exemptions and grants none: condition Accepted says so, and everything stays enforced.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=ee,categories=optup
// +kubebuilder:printcolumn:name="Namespace",type=string,JSONPath=`.spec.namespace`
// +kubebuilder:printcolumn:name="Scope",type=string,JSONPath=`.spec.scope`
// +kubebuilder:printcolumn:name="Until",type=string,JSONPath=`.spec.notAfter`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.spec == oldSelf.spec",message="an exemption never changes, so that what was approved is what holds: create a new one"
type EnforcementExemption struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// spec is what is declared, for good.
	// +required
	Spec EnforcementExemptionSpec `json:"spec"`
	// status is what became of it.
	// +optional
	Status EnforcementExemptionStatus `json:"status,omitzero"`
}

// EnforcementExemptionList is a list of exemptions.
// +kubebuilder:object:root=true
type EnforcementExemptionList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []EnforcementExemption `json:"items"`
}
