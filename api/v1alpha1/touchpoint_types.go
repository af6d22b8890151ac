package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TouchpointPlace is the kind of place where people are asked.
// +kubebuilder:validation:Enum=WebForm;Checkout;Account;App;MailLink;Store;CallCentre;Paper;Import
type TouchpointPlace string

// Places.
const (
	PlaceWebForm    TouchpointPlace = "WebForm"
	PlaceCheckout   TouchpointPlace = "Checkout"
	PlaceAccount    TouchpointPlace = "Account"
	PlaceApp        TouchpointPlace = "App"
	PlaceMailLink   TouchpointPlace = "MailLink"
	PlaceStore      TouchpointPlace = "Store"
	PlaceCallCentre TouchpointPlace = "CallCentre"
	PlacePaper      TouchpointPlace = "Paper"
	PlaceImport     TouchpointPlace = "Import"
)

// LadderStep is one step of the opt-up ladder: a wording that may be offered to people who have agreed to others.
type LadderStep struct {
	// notice is the name of the ConsentNotice that is offered.
	// +required
	Notice ObjectName `json:"notice"`
	// after are the ConsentNotices to which a person has to have agreed before, at most 16. Omitted means any of optIn.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	After []ObjectName `json:"after,omitempty"`
}

// Confirmation says how a person proves that a grant is theirs (double opt-in).
type Confirmation struct {
	// proof that the touchpoint obtains, one that the purposes of its notices accept: MailboxConfirmed is double opt-in.
	// +required
	Proof Proof `json:"proof"`
	// validForHours is how long a person may take to confirm, 1 to 720. Omitted means 72.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=720
	ValidForHours int32 `json:"validForHours,omitempty"`
	// againAfterHours is how long no second message is sent to the same address, 1 to 720. Omitted means 24.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=720
	AgainAfterHours int32 `json:"againAfterHours,omitempty"`
}

// TouchpointWriter is a workload that may speak for people at a touchpoint.
type TouchpointWriter struct {
	// serviceAccount of the workload, in the touchpoint's namespace.
	// +required
	ServiceAccount ObjectName `json:"serviceAccount"`
}

// IntakePurpose says where a body of somebody else's form tells that a person ticked a purpose.
type IntakePurpose struct {
	// notice is the name of the ConsentNotice whose words the form shows, one of optIn or ladder.
	// +required
	Notice ObjectName `json:"notice"`
	// purpose is the name of the DataPurpose, one that the notice covers.
	// +required
	Purpose ObjectName `json:"purpose"`
	// pointer to the value that tells whether the person ticked it.
	// +required
	Pointer Pointer `json:"pointer"`
	// in lists the values, as text, that mean yes, at most 8. Omitted means the JSON value true alone. Whatever else stands there, or
	// nothing, is no yes.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	In []string `json:"in,omitempty"`
}

// Intake takes in what people enter into somebody else's form, which sends it as JSON to POST /v1/intake/<namespace>/<name> of the ledger,
// signed with a key that the ledger tells officers.
// +kubebuilder:validation:XValidation:rule="has(self.email) || has(self.phone)",message="a form that names nobody can agree to nothing: say where its e-mail address or telephone number is"
type Intake struct {
	// email is a pointer to the e-mail address.
	// +optional
	Email Pointer `json:"email,omitempty"`
	// phone is a pointer to the telephone number, in E.164.
	// +optional
	Phone Pointer `json:"phone,omitempty"`
	// language is a pointer to the language that the form was shown in, as a BCP 47 tag.
	// +optional
	Language Pointer `json:"language,omitempty"`
	// purposes that the form asks for, at most 32.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Purposes []IntakePurpose `json:"purposes"`
	// evidence are pointers to values that are kept with the answers, encrypted, for example the form's own number; at most 16.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Evidence []Pointer `json:"evidence,omitempty"`
	// keyGeneration of the key that signs, 1 to 1000000. Raise it by one to rotate: the key before counts until it is raised again.
	// Omitted means 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	KeyGeneration int32 `json:"keyGeneration,omitempty"`
}

// TouchpointSpec is one place where people are asked.
// +kubebuilder:validation:XValidation:rule="!has(self.intake) || self.intake.purposes.all(p, p.notice in self.optIn || (has(self.ladder) && self.ladder.exists(s, s.notice == p.notice)))",message="the intake names a notice that the touchpoint does not offer: add it to optIn or ladder"
// +kubebuilder:validation:XValidation:rule="!has(self.ladder) || self.ladder.all(s, !(s.notice in self.optIn))",message="a step of the ladder offers what optIn offers already: remove it from one of them"
type TouchpointSpec struct {
	// place where people are asked.
	// +required
	Place TouchpointPlace `json:"place"`
	// url of the place, if it has one, up to 2048 characters.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://[^\s]+$`
	URL string `json:"url,omitempty"`
	// controller that asks, as its DataPurposes name it, 1 to 256 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Controller string `json:"controller"`
	// optIn are the names of the ConsentNotices that are offered first, at most 16.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	OptIn []ObjectName `json:"optIn"`
	// ladder are the steps that may be offered next (opt-up), in this order, at most 32.
	// +optional
	// +listType=map
	// +listMapKey=notice
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Ladder []LadderStep `json:"ladder,omitempty"`
	// confirmation says how people prove that a grant is theirs. Omitted means that the touchpoint brings evidence of its own.
	// +optional
	Confirmation *Confirmation `json:"confirmation,omitempty"`
	// coolDownDays is how long a person who refused is not asked again for the same, in days, 1 to 3650. Omitted means 180.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3650
	CoolDownDays int32 `json:"coolDownDays,omitempty"`
	// deferDays is how long a person who put the answer off is not asked again for the same, in days, 1 to 3650. Omitted means 14.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3650
	DeferDays int32 `json:"deferDays,omitempty"`
	// writers may append to the ledger for this touchpoint, at most 16. Omitted means nobody.
	// +optional
	// +listType=map
	// +listMapKey=serviceAccount
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Writers []TouchpointWriter `json:"writers,omitempty"`
	// intake takes in a form of somebody else. Omitted means that there is none.
	// +optional
	Intake *Intake `json:"intake,omitempty"`
}

// TouchpointStatus is what became of a touchpoint.
type TouchpointStatus struct {
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

// Touchpoint is one place where people are asked for consent: what they are offered first, what may be offered next, and how they
// prove that it was them. It belongs to the application team.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=tp,categories=optup
// +kubebuilder:printcolumn:name="Place",type=string,JSONPath=`.spec.place`
// +kubebuilder:printcolumn:name="Opt-In",type=string,JSONPath=`.spec.optIn`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Touchpoint struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// spec is what is declared.
	// +required
	Spec TouchpointSpec `json:"spec"`
	// status is what became of it.
	// +optional
	Status TouchpointStatus `json:"status,omitzero"`
}

// TouchpointList is a list of touchpoints.
// +kubebuilder:object:root=true
type TouchpointList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Touchpoint `json:"items"`
}
