package v1alpha1

// LegalGround is a ground on which personal data may be used (GDPR Art. 6 and 9(2), UWG §7(2) and (3)).
// +kubebuilder:validation:Enum=consent;specialCategoryConsent;contract;legalObligation;vitalInterest;publicTask;legitimateInterest;existingCustomer;presumedConsent
type LegalGround string

// Legal grounds.
const (
	GroundConsent                LegalGround = "consent"                // GDPR Art. 6(1)(a)
	GroundSpecialCategoryConsent LegalGround = "specialCategoryConsent" // GDPR Art. 9(2)(a)
	GroundContract               LegalGround = "contract"               // GDPR Art. 6(1)(b)
	GroundLegalObligation        LegalGround = "legalObligation"        // GDPR Art. 6(1)(c)
	GroundVitalInterest          LegalGround = "vitalInterest"          // GDPR Art. 6(1)(d)
	GroundPublicTask             LegalGround = "publicTask"             // GDPR Art. 6(1)(e)
	GroundLegitimateInterest     LegalGround = "legitimateInterest"     // GDPR Art. 6(1)(f)
	GroundExistingCustomer       LegalGround = "existingCustomer"       // UWG §7(3), ePrivacy Directive Art. 13(2)
	GroundPresumedConsent        LegalGround = "presumedConsent"        // UWG §7(2) no. 1: telephone to businesses
)

// Processing is what is done with data (GDPR Art. 4(2); terms of the Data Privacy Vocabulary).
// +kubebuilder:validation:Enum=collect;store;combine;profile;analyse;segment;send;show;disclose;track;erase;restrict
type Processing string

// Processings.
const (
	ProcessingCollect  Processing = "collect"
	ProcessingStore    Processing = "store"
	ProcessingCombine  Processing = "combine"
	ProcessingProfile  Processing = "profile"
	ProcessingAnalyse  Processing = "analyse"
	ProcessingSegment  Processing = "segment"
	ProcessingSend     Processing = "send"
	ProcessingShow     Processing = "show"
	ProcessingDisclose Processing = "disclose"
	ProcessingTrack    Processing = "track"
	ProcessingErase    Processing = "erase"
	ProcessingRestrict Processing = "restrict"
)

// Channel is a way to reach a person (UWG §7, ePrivacy Directive Art. 13).
// +kubebuilder:validation:Enum=email;sms;phone;post;web
type Channel string

// Channels.
const (
	ChannelEmail Channel = "email"
	ChannelSMS   Channel = "sms"
	ChannelPhone Channel = "phone"
	ChannelPost  Channel = "post"
	ChannelWeb   Channel = "web"
)

// DataCategory is a category of personal data: a term of the Data Privacy Vocabulary with its prefix, for example pd:EmailAddress.
// +kubebuilder:validation:MinLength=4
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:XValidation:rule="self.matches('^(pd|dpv|optup):[A-Za-z0-9]+$')",message="a data category is a term with its prefix pd:, dpv: or optup:, for example pd:EmailAddress"
type DataCategory string

// Country is an ISO 3166-1 code of two letters.
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=2
// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z]{2}$')",message="a country is an ISO 3166-1 code of two capital letters, for example US"
type Country string

// Pointer is a JSON pointer (RFC 6901); a segment "*" stands for every element of a list.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=128
// +kubebuilder:validation:XValidation:rule="self.matches('^(/([^/~]|~[01])*)+$')",message="a JSON pointer starts with a slash, for example /customers/*/email; write ~1 for a slash and ~0 for a tilde inside a name"
type Pointer string

// BodyPointer is a Pointer, or empty for the whole body.
// +kubebuilder:validation:MinLength=0
// +kubebuilder:validation:MaxLength=128
// +kubebuilder:validation:XValidation:rule="self.matches('^(/([^/~]|~[01])*)*$')",message="a JSON pointer starts with a slash, for example /customers/*/email, and is empty for the whole body; write ~1 for a slash and ~0 for a tilde inside a name"
type BodyPointer string

// Goods names a kind of goods or services in the controller's own words, for example "garden".
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=128
type Goods string

// ObjectName is the name of an object of this API.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
type ObjectName string

// NamespaceName is the name of a namespace.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
type NamespaceName string

// EndpointName is the name of an endpoint within its DataService.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
type EndpointName string

// IdentifierType says what an identifying value is.
// +kubebuilder:validation:Enum=email;phone;customer;device
type IdentifierType string

// Identifier types.
const (
	IdentifierEmail    IdentifierType = "email"
	IdentifierPhone    IdentifierType = "phone"
	IdentifierCustomer IdentifierType = "customer"
	IdentifierDevice   IdentifierType = "device"
)

// Form is how an identifier is written. Hashes are lower-case hexadecimal of the normalised value; a hashed identifier is still
// personal data (GDPR Art. 4(5), Recital 26).
// +kubebuilder:validation:Enum=Plain;SHA256;MD5
type Form string

// Forms.
const (
	FormPlain  Form = "Plain"
	FormSHA256 Form = "SHA256"
	FormMD5    Form = "MD5"
)

// Identifies says what an identifying value is and how it is written.
type Identifies struct {
	// type of the identifier.
	// +required
	Type IdentifierType `json:"type"`
	// form in which the identifier is written. Hashes are of the normalised value, in lower-case hexadecimal. Omitted means Plain.
	// +optional
	Form Form `json:"form,omitempty"`
}

// NamespaceSelector says which namespaces are meant: those that are named, and those that carry the labels. Omitted where it is
// used, it means no namespace.
// +kubebuilder:validation:MinProperties=1
type NamespaceSelector struct {
	// names of namespaces, at most 64.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Names []NamespaceName `json:"names,omitempty"`
	// selector of namespaces by label.
	// +optional
	Selector *LabelSelector `json:"selector,omitempty"`
}

// LabelSelector selects by labels that all have to be present with these values.
type LabelSelector struct {
	// matchLabels are the labels, at least one and at most 16.
	// +required
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	MatchLabels map[string]string `json:"matchLabels"`
}

// WorkloadRef names the object that controls a set of pods, for example Deployment dashboard.
type WorkloadRef struct {
	// kind of the controlling object: Deployment, StatefulSet, DaemonSet, CronJob, Job, or whatever else owns pods. ReplicaSets and
	// Jobs stand for the Deployment or CronJob that owns them, if one does.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Z][A-Za-z0-9]*$`
	Kind string `json:"kind"`
	// name of the object, in the namespace of whoever refers to it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// String gives "Kind/name".
func (w WorkloadRef) String() string { return w.Kind + "/" + w.Name }

// LocalizedText is a name and a description in one language.
type LocalizedText struct {
	// language as a BCP 47 tag, for example de or en-GB.
	// +required
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=35
	// +kubebuilder:validation:Pattern=`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`
	Language string `json:"language"`
	// title that people read, 1 to 200 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Title string `json:"title"`
	// description in plain words (GDPR Art. 12(1)), up to 4096 characters.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Description string `json:"description,omitempty"`
}
