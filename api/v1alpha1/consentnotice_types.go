package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// EarlierData says whether a wording also covers data that was collected before the person agreed.
// +kubebuilder:validation:Enum=Excluded;Included
type EarlierData string

// What a wording says about earlier data.
const (
	EarlierDataExcluded EarlierData = "Excluded"
	EarlierDataIncluded EarlierData = "Included"
)

// NoticeText is the wording in one language.
type NoticeText struct {
	// language as a BCP 47 tag, for example de or en-GB.
	// +required
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=35
	// +kubebuilder:validation:Pattern=`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`
	Language string `json:"language"`
	// text that people are shown, word for word, 1 to 16384 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	Text string `json:"text"`
}

// NoticeCoverage is what a person agrees to with a wording (GDPR Art. 4(11), 7(2)).
type NoticeCoverage struct {
	// purposes are the names of the DataPurposes that the wording names, at most 32.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Purposes []ObjectName `json:"purposes"`
	// processing that the wording names.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=12
	Processing []Processing `json:"processing"`
	// channels that the wording names (UWG §7(2)). Omitted means that nobody may be contacted on its strength.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	Channels []Channel `json:"channels,omitempty"`
	// recipients are the controllers and joint controllers that the wording names, at most 64. Processors need no mention.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Recipients []string `json:"recipients,omitempty"`
	// advertisers that the wording names besides the controller, at most 64.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Advertisers []string `json:"advertisers,omitempty"`
	// dataCategories of a special kind that the wording names expressly (GDPR Art. 9(2)(a)), at most 32. Other categories need no mention
	// here.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	DataCategories []DataCategory `json:"dataCategories,omitempty"`
	// transfers are the countries outside of the European Economic Area to which the person expressly agrees that data goes (GDPR
	// Art. 49(1)(a)), as ISO 3166-1 codes of two letters, at most 32. Transfers on another basis need no mention here.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Transfers []Country `json:"transfers,omitempty"`
	// goods that the wording names, at most 64. Omitted means that it is not limited to certain goods.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Goods []Goods `json:"goods,omitempty"`
	// earlierData tells whether data collected before the person agreed is covered. Omitted means Excluded.
	// +optional
	EarlierData EarlierData `json:"earlierData,omitempty"`
}

// ConsentNoticeSpec is one version of a wording. It never changes: what a person agreed to stays what it was.
type ConsentNoticeSpec struct {
	// controller is the legal entity that asks, as its DataPurposes name it, 1 to 256 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Controller string `json:"controller"`
	// series is what the versions of a wording have in common, for example newsletter.
	// +required
	Series ObjectName `json:"series"`
	// version within the series, from 1. It orders wordings for people; decisions rest on what a version covers, not on its age.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Version int32 `json:"version"`
	// texts are the wording, one per language, at most 32. Every language says the same.
	// +required
	// +listType=map
	// +listMapKey=language
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Texts []NoticeText `json:"texts"`
	// covers is what the wording covers.
	// +required
	Covers NoticeCoverage `json:"covers"`
}

// NoticeTextHash is what one language of a wording hashes to.
type NoticeTextHash struct {
	// language as in spec.texts.
	// +required
	// +kubebuilder:validation:MaxLength=35
	Language string `json:"language"`
	// sha256 of the text's UTF-8 bytes, in lower-case hexadecimal.
	// +required
	// +kubebuilder:validation:MaxLength=64
	SHA256 string `json:"sha256"`
}

// ConsentNoticeStatus is what became of a wording.
type ConsentNoticeStatus struct {
	// conditions: Accepted, Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation that the status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// texts are the hashes of the wording, one per language: evidence names them.
	// +optional
	// +listType=map
	// +listMapKey=language
	// +kubebuilder:validation:MaxItems=32
	Texts []NoticeTextHash `json:"texts,omitempty"`
}

// ConsentNotice is one immutable version of a wording that people agree to. It belongs to the data protection officer.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=cn,categories=optup
// +kubebuilder:printcolumn:name="Series",type=string,JSONPath=`.spec.series`
// +kubebuilder:printcolumn:name="Version",type=integer,JSONPath=`.spec.version`
// +kubebuilder:printcolumn:name="Purposes",type=string,JSONPath=`.spec.covers.purposes`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.spec == oldSelf.spec",message="a notice never changes, because people have agreed to it as it is: create a new ConsentNotice with the next version"
type ConsentNotice struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// spec is what is declared, for good.
	// +required
	Spec ConsentNoticeSpec `json:"spec"`
	// status is what became of it.
	// +optional
	Status ConsentNoticeStatus `json:"status,omitzero"`
}

// ConsentNoticeList is a list of wordings.
// +kubebuilder:object:root=true
type ConsentNoticeList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []ConsentNotice `json:"items"`
}
