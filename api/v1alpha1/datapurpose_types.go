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

// AddresseeKind is what kind of market participant is addressed (UWG §7(2) no. 1, §2(1) no. 3).
// +kubebuilder:validation:Enum=Consumer;Business
type AddresseeKind string

// Kinds of addressees.
const (
	AddresseeConsumer AddresseeKind = "Consumer"
	AddresseeBusiness AddresseeKind = "Business"
)

// DataSource says from whom data was obtained.
// +kubebuilder:validation:Enum=Person;ThirdParty
type DataSource string

// Sources of data.
const (
	// SourcePerson: the person gave the data (GDPR Art. 13).
	SourcePerson DataSource = "Person"
	// SourceThirdParty: somebody else did, so the person has to be told first (GDPR Art. 14(3)).
	SourceThirdParty DataSource = "ThirdParty"
)

// DeviceAccessBasis says on what access to a person's device rests.
// +kubebuilder:validation:Enum=Consent;StrictlyNecessary
type DeviceAccessBasis string

// Bases of device access.
const (
	// DeviceAccessConsent needs a grant of its own (TDDDG §25(1)).
	DeviceAccessConsent DeviceAccessBasis = "Consent"
	// DeviceAccessStrictlyNecessary needs none, because the person asked for the service (TDDDG §25(2)).
	DeviceAccessStrictlyNecessary DeviceAccessBasis = "StrictlyNecessary"
)

// DeviceAccess says on what it rests that data is stored on, or read from, a person's device.
// +kubebuilder:validation:XValidation:rule="(self.basis == 'Consent') == has(self.purpose)",message="basis Consent needs the purpose whose grant allows the access, and StrictlyNecessary takes none"
type DeviceAccess struct {
	// basis: Consent needs a second grant, for purpose (TDDDG §25(1)). StrictlyNecessary needs none, because the person asked for the very
	// service that cannot do without (TDDDG §25(2)).
	// +required
	Basis DeviceAccessBasis `json:"basis"`
	// purpose is the name of the DataPurpose whose grant allows the access, for example device-storage.
	// +optional
	Purpose ObjectName `json:"purpose,omitempty"`
}

// NoticeMinimum is the oldest version of a wording that still counts.
type NoticeMinimum struct {
	// series of the wording, as its ConsentNotices name it.
	// +required
	Series ObjectName `json:"series"`
	// version is the lowest that counts, from 1.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Version int32 `json:"version"`
}

// Output says what a purpose yields.
// +kubebuilder:validation:Enum=Personal;Anonymous
type Output string

// Outputs.
const (
	OutputPersonal Output = "Personal"
	// OutputAnonymous: figures about many people (GDPR Recital 26). Only endpoints that make data anonymous may be used.
	OutputAnonymous Output = "Anonymous"
)

// DataPurposeSpec is one purpose of one controller.
// +kubebuilder:validation:XValidation:rule="!('existingCustomer' in self.legalGrounds) || has(self.goods)",message="existingCustomer covers own similar goods only (UWG §7(3)): name them in goods"
// +kubebuilder:validation:XValidation:rule="!('existingCustomer' in self.legalGrounds || 'presumedConsent' in self.legalGrounds) || self.objection == 'DirectMarketing'",message="existingCustomer and presumedConsent are grounds for advertising, which everybody may object to: set objection to DirectMarketing"
// +kubebuilder:validation:XValidation:rule="!('legitimateInterest' in self.legalGrounds || 'publicTask' in self.legalGrounds) || self.objection != 'None'",message="people may object to a use on legitimateInterest or publicTask (GDPR Art. 21(1)): objection cannot be None"
// +kubebuilder:validation:XValidation:rule="!('specialCategoryConsent' in self.legalGrounds) || size(self.legalGrounds) == 1",message="grounds are alternatives, so specialCategoryConsent must be the only one; give other data a purpose of its own"
// +kubebuilder:validation:XValidation:rule="!has(self.proof) || 'consent' in self.legalGrounds || 'specialCategoryConsent' in self.legalGrounds",message="proof counts for consent and specialCategoryConsent only: remove it, or add such a ground"
// +kubebuilder:validation:XValidation:rule="!has(self.unusedForDays) || 'consent' in self.legalGrounds || 'specialCategoryConsent' in self.legalGrounds",message="unusedForDays counts for consent and specialCategoryConsent only: remove it, or add such a ground"
// +kubebuilder:validation:XValidation:rule="!('presumedConsent' in self.legalGrounds) || (has(self.addresseeKinds) && size(self.addresseeKinds) == 1 && self.addresseeKinds[0] == 'Business')",message="presumedConsent covers businesses only (UWG §7(2) no. 1): set addresseeKinds to [Business]"
// +kubebuilder:validation:XValidation:rule="!('existingCustomer' in self.legalGrounds) || !has(self.advertisers)",message="existingCustomer covers the seller's own goods only (UWG §7(3) no. 2): remove advertisers, or give other advertisers a purpose of their own"
// +kubebuilder:validation:XValidation:rule="!has(self.validForDays) || 'consent' in self.legalGrounds || 'specialCategoryConsent' in self.legalGrounds",message="validForDays counts for consent and specialCategoryConsent only: remove it, or add such a ground"
// +kubebuilder:validation:XValidation:rule="!('send' in self.processing) || has(self.channels)",message="a purpose that sends has to say how: name the channels"
type DataPurposeSpec struct {
	// controller is the legal entity that decides about the purpose (GDPR Art. 4(7)), 1 to 256 characters. Grants, ledgers and notices
	// belong to the same controller by equality of this text.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Controller string `json:"controller"`
	// dpv is the term of the Data Privacy Vocabulary (w3id.org/dpv) that comes closest, for example dpv:DirectMarketing. It is for people
	// and registers; no decision rests on it.
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
	// tcfPurposes are the numbers of the purposes of the IAB Transparency and Consent Framework 2.x that this one stands for, 1 to 11.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=11
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=11
	TCFPurposes []int32 `json:"tcfPurposes,omitempty"`
	// googleSignals are the signals of Google's consent mode that follow the purpose.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	// +kubebuilder:validation:items:Enum=ad_storage;ad_user_data;ad_personalization;analytics_storage;personalization_storage
	GoogleSignals []string `json:"googleSignals,omitempty"`
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
	// processing is what the purpose needs to do with data (GDPR Art. 4(2)). Whatever is not listed is denied. track is to watch what people
	// do, profile to conclude something about them, segment to select them, show to display data to staff or to the person, disclose to
	// give it to another controller.
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
	// objection is how an objection hits the purpose (GDPR Art. 21). DirectMarketing: every objection to advertising ends it, without any
	// weighing. OwnSituation: an objection that names this purpose ends it. None: there is no right to object, as with a contract.
	// +required
	Objection ObjectionEffect `json:"objection"`
	// proof that a grant needs before it permits (GDPR Art. 7(1)): one of these, at most 4. MailboxConfirmed is double opt-in: the mailbox's
	// owner used a link. NumberConfirmed is the same for a telephone, Signed is on paper, AuthenticatedSession is from an account that the
	// person had logged in to. Omitted means that the act itself is enough.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Proof []Proof `json:"proof,omitempty"`
	// validForDays is how long a grant lasts after it was given or renewed, in days, 1 to 36500. Omitted means without end.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=36500
	ValidForDays int32 `json:"validForDays,omitempty"`
	// unusedForDays is after how many days without a use a grant no longer permits, 1 to 36500. Omitted means never. It is counted from
	// the last use on record, or from the grant.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=36500
	UnusedForDays int32 `json:"unusedForDays,omitempty"`
	// minimumNotices are the oldest versions of wordings that still count, at most 16. Omitted means that every version counts for what
	// it covers.
	// +optional
	// +listType=map
	// +listMapKey=series
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	MinimumNotices []NoticeMinimum `json:"minimumNotices,omitempty"`
	// deviceAccess says on what access to the person's device rests (TDDDG §25, ePrivacy Directive Art. 5(3)). It is a gate of its own
	// beside the legal ground. Omitted means that no device is accessed.
	// +optional
	DeviceAccess *DeviceAccess `json:"deviceAccess,omitempty"`
	// addresseeKinds that may be addressed. Omitted means consumers and businesses alike. With Business alone, a person counts only
	// once known to be one.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	AddresseeKinds []AddresseeKind `json:"addresseeKinds,omitempty"`
	// collectedFrom says from whom the data was obtained. Omitted means Person. With ThirdParty, legitimateInterest permits only once
	// the person was told (GDPR Art. 14).
	// +optional
	CollectedFrom DataSource `json:"collectedFrom,omitempty"`
	// output says what the purpose yields. Omitted means Personal. With Anonymous, only endpoints that make data anonymous may be used: they
	// say so in fulfils.
	// +optional
	Output Output `json:"output,omitempty"`
	// minimumAge is the verified age that a person needs, in years, 1 to 120 (GDPR Art. 8(1): 16 in Germany), unless whoever holds
	// parental responsibility agreed. Omitted means none.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=120
	MinimumAge int32 `json:"minimumAge,omitempty"`
	// advertisers are those for whom is advertised, other than the controller, at most 16. A wording has to name all of them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Advertisers []string `json:"advertisers,omitempty"`
	// goods that are advertised, at most 64. An existing customer may be told about the controller's own similar goods only (UWG §7(3)
	// no. 2), and a wording that names goods covers no others. Omitted means that goods play no part.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Goods []Goods `json:"goods,omitempty"`
	// evidenceRetentionDays is how long the evidence of a grant is kept after its last use, in days, 1 to 36500; for telephone five
	// years, which are 1827 days (UWG §7a(2)). Omitted means until the person asks for erasure.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=36500
	EvidenceRetentionDays int32 `json:"evidenceRetentionDays,omitempty"`
	// allowedNamespaces may act for the purpose. Omitted means none.
	// +optional
	AllowedNamespaces *NamespaceSelector `json:"allowedNamespaces,omitempty"`
}

// UsableShare is how many of the registered people may be used for a purpose, counted by the ledger with the same functions that
// enforce. People are counted in tens, rounded down; counts of fewer than 10 people are left out.
type UsableShare struct {
	// share of people as text for people, for example 34.1%, or <10 people where a count is left out.
	// +required
	// +kubebuilder:validation:MaxLength=32
	Share string `json:"share"`
	// fields is the share of the data: each person weighted by the categories of data that the purpose needs, of all that the controller's
	// purposes name. Omitted for a purpose that names none.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Fields string `json:"fields,omitempty"`
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
	// generation of the purposes and notices with which the ledger counted; omitted where it got them from a file.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Generation int64 `json:"generation,omitempty"`
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
	// optUpHeadroom is the number of people who lack some of the purpose and may lawfully be asked for it; omitted below 10.
	// +optional
	// +kubebuilder:validation:Minimum=10
	OptUpHeadroom *int64 `json:"optUpHeadroom,omitempty"`
}

// DataPurpose is one purpose for which one controller uses personal data, and what it takes to be lawful. It belongs to the data
// protection officer.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=dp,categories=optup
// +kubebuilder:printcolumn:name="Grounds",type=string,JSONPath=`.spec.legalGrounds`
// +kubebuilder:printcolumn:name="Usable",type=string,JSONPath=`.status.usableShare.share`
// +kubebuilder:printcolumn:name="Fields",type=string,JSONPath=`.status.usableShare.fields`
// +kubebuilder:printcolumn:name="Headroom",type=integer,JSONPath=`.status.optUpHeadroom`
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
