package ir

import "github.com/optup/optup/internal/consent"

// Schema is the bundle schema that this version writes. Readers accept OldestSchema to Schema.
const (
	Schema       = 1
	OldestSchema = 1
)

// MaxBundleBytes is the largest canonical encoding of a bundle.
const MaxBundleBytes = 256 << 10

// Mode says whether decisions take effect.
type Mode string

// Modes. The zero value enforces.
const (
	ModeEnforce Mode = "Enforce"
	ModeObserve Mode = "Observe"
)

// Bundle is everything that the sidecar of one workload, or a ledger, needs to decide.
type Bundle struct {
	Schema int `json:"schema"`
	// Critical names elements that a reader has to understand to enforce this bundle; it refuses the bundle otherwise.
	Critical []string `json:"critical,omitempty"`
	// Namespace and Workload say whom the bundle is for, for example "marketing" and "Deployment/dashboard".
	Namespace string `json:"namespace"`
	Workload  string `json:"workload"`
	// Mode holds for requests that match no rule; each rule has its own.
	Mode       Mode       `json:"mode"`
	Ungoverned Ungoverned `json:"ungoverned"`
	// FreshnessBoundMillis is how old the facts may be for a permission that rests on a record, or on the absence of an objection.
	FreshnessBoundMillis int64     `json:"freshnessBoundMillis"`
	Ledgers              []Ledger  `json:"ledgers,omitempty"`
	Purposes             []Purpose `json:"purposes,omitempty"`
	Notices              []Notice  `json:"notices,omitempty"`
	Services             []Service `json:"services,omitempty"`
	Rules                []Rule    `json:"rules,omitempty"`
}

// UngovernedAction is what happens to hosts that no service declares.
type UngovernedAction string

// Actions for ungoverned hosts.
const (
	UngovernedObserve UngovernedAction = "Observe"
	UngovernedAllow   UngovernedAction = "Allow"
	UngovernedDeny    UngovernedAction = "Deny"
)

// Ungoverned says what happens to hosts that no service declares.
type Ungoverned struct {
	Action UngovernedAction `json:"action"`
	// Hosts are the names ("db.internal", "*.svc.cluster.local") or addresses (CIDR) that Allow lets pass.
	Hosts []string `json:"hosts,omitempty"`
}

// Ledger is where the facts about the purposes of one controller come from.
type Ledger struct {
	Controller string `json:"controller"`
	URL        string `json:"url"`
}

// Ground is a legal ground. Names follow the public vocabulary; sources are with the legality matrix in internal/compile.
type Ground string

// Grounds.
const (
	GroundConsent                Ground = "consent"
	GroundSpecialCategoryConsent Ground = "specialCategoryConsent"
	GroundContract               Ground = "contract"
	GroundLegalObligation        Ground = "legalObligation"
	GroundVitalInterest          Ground = "vitalInterest"
	GroundPublicTask             Ground = "publicTask"
	GroundLegitimateInterest     Ground = "legitimateInterest"
	GroundExistingCustomer       Ground = "existingCustomer"
	GroundPresumedConsent        Ground = "presumedConsent"
)

// Processing is what is done with data.
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

// ObjectionEffect is how an objection hits a purpose.
type ObjectionEffect string

// Objection effects (GDPR Art. 21(1) to (3)).
const (
	ObjectionDirectMarketing ObjectionEffect = "DirectMarketing"
	ObjectionOwnSituation    ObjectionEffect = "OwnSituation"
	ObjectionNone            ObjectionEffect = "None"
)

// Purpose is one purpose of one controller. Restrictions of its parents are already folded in.
type Purpose struct {
	Name       consent.PurposeID `json:"name"`
	Controller string            `json:"controller"`
	Grounds    []Ground          `json:"grounds"`
	Processing []Processing      `json:"processing"`
	Categories []string          `json:"categories,omitempty"`
	Channels   []consent.Channel `json:"channels,omitempty"`
	Objection  ObjectionEffect   `json:"objection"`
	Proof      consent.Proof     `json:"proof,omitempty"`
	// ValidForDays is how long a grant lasts from when it was given or renewed; 0 means without end.
	ValidForDays int `json:"validForDays,omitempty"`
	MinimumAge   int `json:"minimumAge,omitempty"`
	// Goods are the controller's own similar goods that an existing customer may be told about.
	Goods []string `json:"goods,omitempty"`
	// Blocked is the reason code that every request under this purpose gets, because the purpose dangles, is unlawful or does not
	// allow the namespace; empty for a sound purpose.
	Blocked string `json:"blocked,omitempty"`
}

// Notice is what one version of a wording covers.
type Notice struct {
	Name       consent.NoticeID    `json:"name"`
	Controller string              `json:"controller"`
	Purposes   []consent.PurposeID `json:"purposes"`
	Processing []Processing        `json:"processing"`
	Channels   []consent.Channel   `json:"channels,omitempty"`
	Recipients []string            `json:"recipients,omitempty"`
	Goods      []string            `json:"goods,omitempty"`
	// EarlierData tells that the wording also covers data collected before the person agreed.
	EarlierData bool `json:"earlierData,omitempty"`
}

// Role is the part a service's operator plays (GDPR Art. 4(7), 4(8), 26).
type Role string

// Roles.
const (
	RoleProcessor       Role = "Processor"
	RoleJointController Role = "JointController"
	RoleController      Role = "Controller"
)

// Service is one service that holds or receives personal data.
type Service struct {
	// Name is "namespace/name" of the DataService.
	Name string `json:"name"`
	// Hosts are lower-case names without port; the first is the one that the sidecar dials.
	Hosts     []string   `json:"hosts"`
	Ports     []Port     `json:"ports"`
	Party     Party      `json:"party"`
	Endpoints []Endpoint `json:"endpoints,omitempty"`
}

// Port is one governed port of a service.
type Port struct {
	Port int `json:"port"`
	// Protocol is "HTTP" for now; other protocols on a governed port are denied.
	Protocol string `json:"protocol"`
}

// Party is who operates a service.
type Party struct {
	Role Role   `json:"role"`
	Name string `json:"name,omitempty"`
}

// Endpoint is one API call of a service.
type Endpoint struct {
	Name    string   `json:"name"`
	Methods []string `json:"methods"`
	// Path is a template: literal segments and {name} for exactly one segment.
	Path string `json:"path"`
	// NoPersonalData marks an endpoint that neither takes nor gives personal data; it is forwarded without a purpose.
	NoPersonalData bool            `json:"noPersonalData,omitempty"`
	Processing     []Processing    `json:"processing,omitempty"`
	Channel        consent.Channel `json:"channel,omitempty"`
	Query          []QueryParam    `json:"query,omitempty"`
	Request        *Message        `json:"request,omitempty"`
	Response       *Message        `json:"response,omitempty"`
}

// QueryParam is one declared query parameter. Undeclared parameters on an endpoint with personal data are denied.
type QueryParam struct {
	Name string `json:"name"`
	// Person is set where the parameter's value identifies a person.
	Person *Identifies `json:"person,omitempty"`
}

// Identifies says what an identifying value is.
type Identifies struct {
	Type consent.IdentifierType `json:"type"`
	Form consent.Form           `json:"form"`
}

// Message says where the persons and the personal fields of a JSON body are. Pointers are RFC 6901 with "*" for every element of
// an array; a pointer stands for the whole value found there.
type Message struct {
	// Addressees are lists of people in a request body, from which single people can be dropped.
	Addressees []Addressees `json:"addressees,omitempty"`
	// Records is the list of records in a response, each about one person.
	Records *Records `json:"records,omitempty"`
	// Fields are the personal fields outside records: pointer from the root of the body.
	Fields []Field `json:"fields,omitempty"`
	// NotPersonal are the pointers of values that are not personal.
	NotPersonal []string `json:"notPersonal,omitempty"`
	// Totals are pointers of counts that would tell how many records were dropped; they are removed from a filtered body.
	Totals []string `json:"totals,omitempty"`
}

// Addressees is one list of people in a request body, for example "/personalizations/*/to/*" identified by "/email".
type Addressees struct {
	// Each is the pointer of one addressee; its last segment is "*".
	Each string `json:"each"`
	// Identifier is the pointer of the identifier within the addressee; "" if the addressee is the identifier.
	Identifier string `json:"identifier,omitempty"`
	Identifies
	// Unit is the pointer of the part that goes when its last addressee went, for example "/personalizations/*". Its last segment is
	// "*". Empty means that the whole request goes.
	Unit string `json:"unit,omitempty"`
}

// Records is the list of records in a response.
type Records struct {
	// Each is the pointer of one record, for example "/customers/*"; "" if the body is one record.
	Each string `json:"each,omitempty"`
	// Identifier is the pointer of the identifier within the record.
	Identifier string `json:"identifier"`
	Identifies
	// Time is the pointer, within the record, of the RFC 3339 time at which the data was collected; "" if there is none.
	Time string `json:"time,omitempty"`
	// Fields and NotPersonal are relative to the record.
	Fields      []Field  `json:"fields,omitempty"`
	NotPersonal []string `json:"notPersonal,omitempty"`
}

// Field is one personal field.
type Field struct {
	Pointer  string `json:"pointer"`
	Category string `json:"category"`
}

// OnMissing is what happens to a person who may not be used for the request's purpose.
type OnMissing string

// What happens to people without permission, from the strictest to the mildest.
const (
	OnMissingDeny          OnMissing = "Deny"
	OnMissingDropRecord    OnMissing = "DropRecord"
	OnMissingDropAddressee OnMissing = "DropAddressee"
	OnMissingRedactField   OnMissing = "RedactField"
)

// OnEmpty is what happens to a request that has nobody left.
type OnEmpty string

// What happens to a request with nobody left.
const (
	OnEmptyDeny           OnEmpty = "Deny"
	OnEmptyAnswerAccepted OnEmpty = "AnswerAccepted"
)

// Rule lets one purpose use endpoints of one service. Rules of several policies stand side by side; where several match one
// request, all have to have the same purpose, and the strictest handling counts.
type Rule struct {
	// Policy is "namespace/name/rule" of the ConsentPolicy, for explanations.
	Policy    string            `json:"policy"`
	Purpose   consent.PurposeID `json:"purpose"`
	Service   string            `json:"service"`
	Endpoints []string          `json:"endpoints"`
	When      []Condition       `json:"when,omitempty"`
	OnMissing OnMissing         `json:"onMissing"`
	OnEmpty   OnEmpty           `json:"onEmpty"`
	Mode      Mode              `json:"mode"`
}

// Source is where a request constant is found.
type Source string

// Sources of request constants.
const (
	SourceBody   Source = "Body"
	SourceHeader Source = "Header"
	SourcePath   Source = "Path"
	SourceQuery  Source = "Query"
)

// Condition compares a constant of the request, which tells purposes apart, with a list of values.
type Condition struct {
	Source Source `json:"source"`
	// Name is a JSON pointer (Body), a header or query name, or the name of a path segment in the endpoint's template.
	Name string   `json:"name"`
	In   []string `json:"in"`
}
