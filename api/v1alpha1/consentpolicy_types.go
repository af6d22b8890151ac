package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Mode says whether decisions take effect.
// +kubebuilder:validation:Enum=Observe;Enforce
type Mode string

// Modes.
const (
	// ModeObserve decides and shows what would have been denied, and lets everything pass.
	ModeObserve Mode = "Observe"
	// ModeEnforce decides and denies.
	ModeEnforce Mode = "Enforce"
)

// UngovernedAction is what happens to hosts that no DataService declares.
// +kubebuilder:validation:Enum=Observe;Allow;Deny
type UngovernedAction string

// Actions for ungoverned hosts.
const (
	UngovernedObserve UngovernedAction = "Observe"
	UngovernedAllow   UngovernedAction = "Allow"
	UngovernedDeny    UngovernedAction = "Deny"
)

// Ungoverned says what happens to hosts that no DataService declares.
// +kubebuilder:validation:XValidation:rule="(self.action == 'Allow') == has(self.hosts)",message="action Allow needs the hosts that it allows, and no other action takes hosts"
type Ungoverned struct {
	// action: Observe lets all pass and shows them, Allow lets only hosts pass, Deny lets none pass.
	// +required
	Action UngovernedAction `json:"action"`
	// hosts that Allow lets pass, at most 64: names (db.internal), names under a domain (*.svc.cluster.local), or addresses
	// (CIDR, for example 10.0.0.0/8).
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^(\*\.)?[a-z0-9:.-]+(/[0-9]{1,3})?$`
	Hosts []string `json:"hosts,omitempty"`
}

// OnMissing is what happens to a person who may not be used for the request's purpose.
// +kubebuilder:validation:Enum=Deny;DropRecord;DropAddressee;RedactField
type OnMissing string

// What happens to people without permission.
const (
	OnMissingDeny          OnMissing = "Deny"
	OnMissingDropRecord    OnMissing = "DropRecord"
	OnMissingDropAddressee OnMissing = "DropAddressee"
	OnMissingRedactField   OnMissing = "RedactField"
)

// OnEmpty is what happens to a request that has nobody left.
// +kubebuilder:validation:Enum=Deny;AnswerAccepted
type OnEmpty string

// What happens to a request with nobody left.
const (
	OnEmptyDeny           OnEmpty = "Deny"
	OnEmptyAnswerAccepted OnEmpty = "AnswerAccepted"
)

// Redaction is how a value is taken out of an answer.
// +kubebuilder:validation:Enum=Omit;Nullify;Mask
type Redaction string

// Redactions.
const (
	// RedactionOmit takes the member out.
	RedactionOmit Redaction = "Omit"
	// RedactionNullify puts null in its place. (A bare Null would be read as "nothing" by YAML.)
	RedactionNullify Redaction = "Nullify"
	// RedactionMask puts a value of the same type in its place that says nothing: "***", 0, false, [] or {}.
	RedactionMask Redaction = "Mask"
)

// OnMixed is what happens to tracking where some addressees of a request agreed to it and others did not.
// +kubebuilder:validation:Enum=OffForAll;Split;DropAddressee
type OnMixed string

// What happens to mixed batches.
const (
	// OnMixedOffForAll sends the request once, with tracking off.
	OnMixedOffForAll OnMixed = "OffForAll"
	// OnMixedSplit sends the request twice: to those who agreed as it is, to the others with tracking off.
	OnMixedSplit OnMixed = "Split"
	// OnMixedDropAddressee sends the request to those alone who agreed to tracking.
	OnMixedDropAddressee OnMixed = "DropAddressee"
)

// TrackingRule gives tracking a purpose of its own, with consent of its own.
type TrackingRule struct {
	// tracking that is meant. The endpoint declares the switch for it.
	// +required
	Tracking Tracking `json:"tracking"`
	// purpose is the name of the DataPurpose that people's opens or clicks are used for.
	// +required
	Purpose ObjectName `json:"purpose"`
	// onMixed is what happens where some addressees agreed to it and others did not. OffForAll: one request, without tracking. Split: two
	// requests, with tracking to those who agreed and without to the others. DropAddressee: only to those who agreed. Omitted means
	// OffForAll.
	// +optional
	OnMixed OnMixed `json:"onMixed,omitempty"`
}

// ConstantSource is where a request constant is found.
// +kubebuilder:validation:Enum=Body;Header;Path;Query
type ConstantSource string

// Sources of request constants.
const (
	SourceBody   ConstantSource = "Body"
	SourceHeader ConstantSource = "Header"
	SourcePath   ConstantSource = "Path"
	SourceQuery  ConstantSource = "Query"
)

// Condition compares a constant of the request, which tells purposes apart, with a list of values.
// +kubebuilder:validation:XValidation:rule="self.source != 'Body' || (self.name.startsWith('/') && !self.name.contains('*'))",message="a constant in the body is named by a JSON pointer to one value, for example /template_id"
// +kubebuilder:validation:XValidation:rule="self.source == 'Body' || !self.name.startsWith('/')",message="only a constant in the body is named by a JSON pointer; give the name of the header, path segment or query parameter"
type Condition struct {
	// source of the constant.
	// +required
	Source ConstantSource `json:"source"`
	// name of the constant: a JSON pointer (Body), a header or query parameter, or a {segment} of the path template without braces.
	// 1 to 256 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name"`
	// in are the values of which the constant has to be one, at most 64. Values are compared byte by byte. Never put personal data here.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=256
	In []string `json:"in"`
}

// ServiceReference names a DataService.
type ServiceReference struct {
	// namespace of the DataService. Omitted means the policy's own. Another one has to allow it (allowedNamespaces).
	// +optional
	Namespace NamespaceName `json:"namespace,omitempty"`
	// name of the DataService.
	// +required
	Name ObjectName `json:"name"`
}

// PolicyRule lets one purpose use endpoints of one service.
// +kubebuilder:validation:XValidation:rule="!has(self.onEmpty) || self.onEmpty != 'AnswerAccepted' || (has(self.onMissing) && self.onMissing == 'DropAddressee')",message="onEmpty AnswerAccepted answers for a request whose addressees were all dropped: set onMissing to DropAddressee"
type PolicyRule struct {
	// name of the rule within the policy, 1 to 63 characters; it shows in explanations.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// purpose is the name of the DataPurpose. Where several rules match a request, all have to have the same purpose.
	// +required
	Purpose ObjectName `json:"purpose"`
	// service that the rule is about.
	// +required
	Service ServiceReference `json:"service"`
	// endpoints of the service, by name, at most 64.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Endpoints []EndpointName `json:"endpoints"`
	// when tells which requests are meant, by constants that all have to hold, at most 16. Omitted means every request to the
	// endpoints.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	When []Condition `json:"when,omitempty"`
	// onMissing is what happens to people without permission. Deny: the whole request is denied. DropAddressee: they are taken out of the
	// request. DropRecord: their records are taken out of the answer. RedactField: their records stay, without personal fields. Omitted
	// means Deny.
	// +optional
	OnMissing OnMissing `json:"onMissing,omitempty"`
	// onEmpty is what happens to a request with nobody left. AnswerAccepted: it is not sent, and the application is answered as if it had
	// been, so that a job succeeds. Omitted means Deny.
	// +optional
	OnEmpty OnEmpty `json:"onEmpty,omitempty"`
	// redaction is how fields that may not be seen are taken out of answers. Omit takes the member out, Nullify puts null in its place, Mask
	// a value of the same type that says nothing ("***", 0, false, [] or {}). Omitted means Omit.
	// +optional
	Redaction Redaction `json:"redaction,omitempty"`
	// tracking of the addressees that the rule allows, with the purpose that it has, at most 4. Tracking that is not listed is turned
	// off.
	// +optional
	// +listType=map
	// +listMapKey=tracking
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Tracking []TrackingRule `json:"tracking,omitempty"`
}

// ConsentPolicySpec says for which purposes workloads may use which services.
type ConsentPolicySpec struct {
	// targetRefs are the workloads of the namespace that the policy is for, at most 64.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	TargetRefs []WorkloadRef `json:"targetRefs,omitempty"`
	// selector of pods by label, in addition to targetRefs. With neither, the policy is for every pod of the namespace.
	// +optional
	Selector *LabelSelector `json:"selector,omitempty"`
	// mode of the rules. Omitted means Enforce. In a namespace that observes, nothing is enforced.
	// +optional
	Mode Mode `json:"mode,omitempty"`
	// freshnessBound is how old facts from the ledger may be for a permission that rests on them, 5s to 1h, for example 30s. Omitted
	// means 30s. The smallest bound of all policies of a workload counts.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]{1,9}(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('5s') && duration(self) <= duration('1h')",message="freshnessBound lies between 5s and 1h"
	FreshnessBound *metav1.Duration `json:"freshnessBound,omitempty"`
	// ungoverned is what happens to hosts that no DataService declares. Omitted means that they pass and are shown.
	// +optional
	Ungoverned *Ungoverned `json:"ungoverned,omitempty"`
	// rules of the policy, at most 64. Rules of all policies of a workload stand side by side. A policy without rules only restricts.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Rules []PolicyRule `json:"rules,omitempty"`
	// callbacks by which services call the workloads, at most 16. What arrives at these ports and paths is checked and filtered before
	// the application sees it; everything else that arrives at the ports passes as it is.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(c, self.exists_one(o, o.port == c.port && o.path == c.path))",message="two callbacks arrive at one port and path: give each a path of its own"
	Callbacks []CallbackRule `json:"callbacks,omitempty"`
}

// ConsentPolicyStatus is what became of a policy.
type ConsentPolicyStatus struct {
	// conditions: Accepted, Programmed, Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation that the status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// workloads is how many workloads the policy is in force for.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Workloads int32 `json:"workloads,omitempty"`
	// mode that is in force, given the namespace's.
	// +optional
	Mode Mode `json:"mode,omitempty"`
}

// ConsentPolicy says for which purposes the workloads of a namespace may call which services. It belongs to the application team.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=cp,categories=optup
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.status.mode`
// +kubebuilder:printcolumn:name="Workloads",type=integer,JSONPath=`.status.workloads`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ConsentPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// spec is what is declared.
	// +required
	Spec ConsentPolicySpec `json:"spec"`
	// status is what became of it.
	// +optional
	Status ConsentPolicyStatus `json:"status,omitzero"`
}

// ConsentPolicyList is a list of policies.
// +kubebuilder:object:root=true
type ConsentPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []ConsentPolicy `json:"items"`
}
