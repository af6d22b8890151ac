package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ObjectionEffect is how a person's objection hits a purpose (GDPR Art. 21).
// +kubebuilder:validation:Enum=DirectMarketing;OwnSituation;None
type ObjectionEffect string

// Objection effects.
const (
	// ObjectionDirectMarketing ends the use without any weighing (Art. 21(2) and (3)).
	ObjectionDirectMarketing ObjectionEffect = "DirectMarketing"
	// ObjectionOwnSituation ends the use for this purpose, on grounds of the person's own situation (Art. 21(1)).
	ObjectionOwnSituation ObjectionEffect = "OwnSituation"
	// ObjectionNone leaves the purpose alone: there is no right to object, for example to a contract.
	ObjectionNone ObjectionEffect = "None"
)

// Proof is the evidence that a grant needs before it permits (GDPR Art. 7(1), UWG §7a).
// +kubebuilder:validation:Enum=MailboxConfirmed;NumberConfirmed;Signed;AuthenticatedSession
type Proof string

// Proofs.
const (
	ProofMailboxConfirmed     Proof = "MailboxConfirmed"
	ProofNumberConfirmed      Proof = "NumberConfirmed"
	ProofSigned               Proof = "Signed"
	ProofAuthenticatedSession Proof = "AuthenticatedSession"
)

// DataPurposeSpec is one purpose of one controller.
// +kubebuilder:validation:XValidation:rule="!('existingCustomer' in self.legalGrounds) || has(self.goods)",message="existingCustomer covers own similar goods only (UWG §7(3)): name them in goods"
// +kubebuilder:validation:XValidation:rule="!('existingCustomer' in self.legalGrounds || 'presumedConsent' in self.legalGrounds) || self.objection == 'DirectMarketing'",message="existingCustomer and presumedConsent are grounds for advertising, which everybody may object to: set objection to DirectMarketing"
// +kubebuilder:validation:XValidation:rule="!('legitimateInterest' in self.legalGrounds || 'publicTask' in self.legalGrounds) || self.objection != 'None'",message="people may object to a use on legitimateInterest or publicTask (GDPR Art. 21(1)): objection cannot be None"
// +kubebuilder:validation:XValidation:rule="!('specialCategoryConsent' in self.legalGrounds) || size(self.legalGrounds) == 1",message="grounds are alternatives, so specialCategoryConsent must be the only one; give other data a purpose of its own"
// +kubebuilder:validation:XValidation:rule="!has(self.proof) || 'consent' in self.legalGrounds || 'specialCategoryConsent' in self.legalGrounds",message="proof counts for consent and specialCategoryConsent only: remove it, or add such a ground"
// +kubebuilder:validation:XValidation:rule="!has(self.validForDays) || 'consent' in self.legalGrounds || 'specialCategoryConsent' in self.legalGrounds",message="validForDays counts for consent and specialCategoryConsent only: remove it, or add such a ground"
// +kubebuilder:validation:XValidation:rule="!('send' in self.processing) || has(self.channels)",message="a purpose that sends has to say how: name the channels"
type DataPurposeSpec struct {
	// controller is the legal entity that decides about the purpose (GDPR Art. 4(7)), 1 to 256 characters. Grants, ledgers and notices
	// belong to the same controller by equality of this text.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Controller string `json:"controller"`
	// dpv is the term of the Data Privacy Vocabulary that comes closest, for example dpv:DirectMarketing.
	// +required
	// +kubebuilder:validation:MinLength=5
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^(dpv|optup):[A-Za-z0-9]+$`
	DPV string `json:"dpv"`
	// texts name and describe the purpose for people (GDPR Art. 13(1)(c)), one per language, at most 32.
	// +required
	// +listType=map
	// +listMapKey=language
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Texts []LocalizedText `json:"texts"`
	// parent is the name of the DataPurpose whose restrictions also hold here. Permissions are never inherited.
	// +optional
	Parent ObjectName `json:"parent,omitempty"`
	// legalGrounds are the grounds that the purpose may rest on (GDPR Art. 6, 9(2)). They are alternatives: one that carries is
	// enough, and where none does, the first explains why.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=9
	LegalGrounds []LegalGround `json:"legalGrounds"`
	// processing is what the purpose needs to do with data (GDPR Art. 4(2)). Whatever is not listed is denied.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=12
	Processing []Processing `json:"processing"`
	// dataCategories are the categories of data that the purpose needs (GDPR Art. 5(1)(c)), at most 64. Whatever is not listed is
	// removed or denied.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	DataCategories []DataCategory `json:"dataCategories,omitempty"`
	// channels by which people are reached. The first is the one that the usable share of sending is counted for.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	Channels []Channel `json:"channels,omitempty"`
	// objection is how an objection hits the purpose (GDPR Art. 21).
	// +required
	Objection ObjectionEffect `json:"objection"`
	// proof that a grant needs before it permits (GDPR Art. 7(1)). Omitted means that the act itself is enough.
	// +optional
	Proof Proof `json:"proof,omitempty"`
	// validForDays is how long a grant lasts after it was given or renewed, in days, 1 to 36500. Omitted means without end.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=36500
	ValidForDays int32 `json:"validForDays,omitempty"`
	// minimumAge is the verified age that a person needs, in years, 1 to 120 (GDPR Art. 8(1): 16 in Germany). Omitted means none.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=120
	MinimumAge int32 `json:"minimumAge,omitempty"`
	// goods are the controller's own similar goods that an existing customer may be told about (UWG §7(3) no. 2), at most 64.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Goods []Goods `json:"goods,omitempty"`
	// allowedNamespaces may act for the purpose. Omitted means none.
	// +optional
	AllowedNamespaces *NamespaceSelector `json:"allowedNamespaces,omitempty"`
}

// UsableShare is how many of the registered people may be used for a purpose, counted by the ledger with the same functions that
// enforce. Counts of fewer than 10 people are left out.
type UsableShare struct {
	// share of people as text for people, for example 34.1%, or <10 people where a count is left out.
	// +required
	// +kubebuilder:validation:MaxLength=32
	Share string `json:"share"`
	// permitted is the number of people whom a decision permits; omitted below 10.
	// +optional
	// +kubebuilder:validation:Minimum=10
	Permitted *int64 `json:"permitted,omitempty"`
	// population is the number of registered people that the share is of; omitted below 10.
	// +optional
	// +kubebuilder:validation:Minimum=10
	Population *int64 `json:"population,omitempty"`
	// processing that was counted: the purpose's first.
	// +optional
	Processing Processing `json:"processing,omitempty"`
	// position of the ledger at which it was counted.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Position int64 `json:"position,omitempty"`
	// observedAt is when the ledger was asked, UTC.
	// +optional
	ObservedAt metav1.Time `json:"observedAt,omitzero"`
}

// DataPurposeStatus is what became of a purpose.
type DataPurposeStatus struct {
	// conditions: Accepted, Programmed, Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation that the status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// usableShare of the purpose; omitted until a ledger has counted.
	// +optional
	UsableShare *UsableShare `json:"usableShare,omitempty"`
}

// DataPurpose is one purpose for which one controller uses personal data, and what it takes to be lawful. It belongs to the data
// protection officer.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=dp,categories=optup
// +kubebuilder:printcolumn:name="Grounds",type=string,JSONPath=`.spec.legalGrounds`
// +kubebuilder:printcolumn:name="Usable",type=string,JSONPath=`.status.usableShare.share`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Controller",type=string,priority=1,JSONPath=`.spec.controller`
// +kubebuilder:validation:XValidation:rule="!has(self.spec.parent) || self.spec.parent != self.metadata.name",message="a purpose cannot be its own parent"
type DataPurpose struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// spec is what is declared.
	// +required
	Spec DataPurposeSpec `json:"spec"`
	// status is what became of it.
	// +optional
	Status DataPurposeStatus `json:"status,omitzero"`
}

// DataPurposeList is a list of purposes.
// +kubebuilder:object:root=true
type DataPurposeList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []DataPurpose `json:"items"`
}
