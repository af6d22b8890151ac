package ir

import (
	"encoding/json"

	"github.com/optup/optup/internal/consent"
)

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
	// Authorities are the certificates (PEM) that the service's own is verified with instead of the public roots; empty for those.
	Authorities string `json:"authorities,omitempty"`
	// Credential is what the sidecar inserts into every request to the service; nil where applications bring their own.
	Credential *Credential `json:"credential,omitempty"`
	// Providers are the workloads of the service's namespace, by the names of their bundles, that are the service and have sidecars: those
	// want to know who calls. ProvidersEnforce tells that they decide about every request. A reader that ignores both decides for itself,
	// which is always right.
	Providers        []string `json:"providers,omitempty"`
	ProvidersEnforce bool     `json:"providersEnforce,omitempty"`
}

// Port is one governed port of a service.
type Port struct {
	Port int `json:"port"`
	// Protocol is what the application speaks: "HTTP" or "HTTPS".
	Protocol string `json:"protocol"`
	// TLSPort is the port on which the service speaks TLS while the application speaks plain HTTP; 0 if it does not.
	TLSPort int `json:"tlsPort,omitempty"`
	// Intercept tells that the application's TLS ends in the sidecar, which speaks its own to the service. HTTPS without it is refused.
	Intercept bool `json:"intercept,omitempty"`
}

// Party is who operates a service.
type Party struct {
	Role Role   `json:"role"`
	Name string `json:"name,omitempty"`
	// Transfer is set where data leaves the European Economic Area.
	Transfer *Transfer `json:"transfer,omitempty"`
}

// TransferBasis is what a transfer rests on (GDPR Chapter V). Empty means nothing: such a transfer is denied.
type TransferBasis string

// Bases of a transfer.
const (
	TransferAdequacy        TransferBasis = "Adequacy"
	TransferStandardClauses TransferBasis = "StandardClauses"
	TransferBindingRules    TransferBasis = "BindingRules"
	TransferExplicitConsent TransferBasis = "ExplicitConsent"
)

// Transfer says where data goes.
type Transfer struct {
	// Country is an ISO 3166-1 code of two letters.
	Country string        `json:"country"`
	Basis   TransferBasis `json:"basis,omitempty"`
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
	// Segments are the {names} of the path template that identify a person.
	Segments []PathSegment `json:"segments,omitempty"`
	// Replaces is the endpoint of the same service whose answer a request overwrites as a whole.
	Replaces string       `json:"replaces,omitempty"`
	Fulfils  []Fulfilment `json:"fulfils,omitempty"`
	Request  *Message     `json:"request,omitempty"`
	Response *Message     `json:"response,omitempty"`
}

// QueryParam is one declared query parameter. Undeclared parameters on an endpoint with personal data are denied.
type QueryParam struct {
	Name string `json:"name"`
	// Person is set where the parameter's value identifies a person.
	Person *Identifies `json:"person,omitempty"`
}

// PathSegment is a segment of the path template that identifies a person.
type PathSegment struct {
	Name   string     `json:"name"`
	Person Identifies `json:"person"`
}

// Obligation is something that has to be done for a permission to hold. Names follow the public vocabulary.
type Obligation string

// Obligations.
const (
	// AddObjectionNotice: every use under existingCustomer has to say that the person can object (UWG §7(3) no. 4).
	AddObjectionNotice Obligation = "add-objection-notice"
	OpenTrackingOff    Obligation = "open-tracking-off"
	ClickTrackingOff   Obligation = "click-tracking-off"
	// Anonymise: only figures about many people may come out (GDPR Recital 26).
	Anonymise Obligation = "anonymise"
)

// Fulfilment says how a request shows that it meets an obligation.
type Fulfilment struct {
	Obligation Obligation `json:"obligation"`
	// Pointer of a value in the request's body; empty if every request meets the obligation.
	Pointer string `json:"pointer,omitempty"`
	// In are the values of which it has to be one; none means any but null, false and "".
	In []string `json:"in,omitempty"`
}

// Tracking is something that a request can have done to its addressees besides what it is for.
type Tracking string

// Trackings.
const (
	OpenTracking  Tracking = "OpenTracking"
	ClickTracking Tracking = "ClickTracking"
)

// Off is the obligation to turn the tracking off.
func (t Tracking) Off() Obligation {
	if t == OpenTracking {
		return OpenTrackingOff
	}
	return ClickTrackingOff
}

// Switch is the value of a request that turns tracking on or off.
type Switch struct {
	Tracking Tracking `json:"tracking"`
	// Pointer of the value; it has no "*". Where the value is absent it is inserted.
	Pointer string `json:"pointer"`
	// Off is the JSON value that turns it off.
	Off        json.RawMessage `json:"off"`
	Processing []Processing    `json:"processing"`
}

// TimeFormat is how a time is written. Empty means RFC 3339.
type TimeFormat string

// Formats of times.
const (
	TimeRFC3339          TimeFormat = "RFC3339"
	TimeUnixSeconds      TimeFormat = "UnixSeconds"
	TimeUnixMilliseconds TimeFormat = "UnixMilliseconds"
)

// Identifies says what an identifying value is.
type Identifies struct {
	Type consent.IdentifierType `json:"type"`
	Form consent.Form           `json:"form"`
}

// Message says how a body is written, and where the persons and the personal fields in it are. Pointers are RFC 6901 with "*" for every
// element of an array; a pointer stands for the whole value found there.
type Message struct {
	Format Format `json:"format,omitempty"`
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
	// Switches turn tracking of the addressees on or off.
	Switches []Switch `json:"switches,omitempty"`
}

// OfNobody tells whether a message declares its whole body as not personal, and nothing else. Nothing in such a body has to be read.
func (m *Message) OfNobody() bool {
	return m != nil && m.Format == FormatJSON && len(m.NotPersonal) == 1 && m.NotPersonal[0] == "" &&
		m.Records == nil && len(m.Addressees) == 0 && len(m.Fields) == 0 && len(m.Totals) == 0 && len(m.Switches) == 0
}

// Addressees is one list of people in a request body, for example "/personalizations/*/to/*" identified by "/email".
type Addressees struct {
	// Each is the pointer of one addressee; its last segment is "*". Empty means that the body itself is one addressee, without whom
	// nothing of it is left.
	Each string `json:"each"`
	// Identifier is the pointer of the identifier within the addressee; "" if the addressee is the identifier.
	Identifier string `json:"identifier,omitempty"`
	Identifies
	// Columns is the pointer of the list of column names of a positional table: each addressee is a row whose cells bear these names.
	Columns string `json:"columns,omitempty"`
	// Time is the pointer, within the addressee, of the time at which the data was collected; "" if there is none.
	Time       string     `json:"time,omitempty"`
	TimeFormat TimeFormat `json:"timeFormat,omitempty"`
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
	// Columns is the pointer, from the root, of the list of column names of a positional table.
	Columns string `json:"columns,omitempty"`
	// Time is the pointer, within the record, of the time at which the data was collected; "" if there is none.
	Time       string     `json:"time,omitempty"`
	TimeFormat TimeFormat `json:"timeFormat,omitempty"`
	// Fields and NotPersonal are relative to the record.
	Fields      []Field  `json:"fields,omitempty"`
	NotPersonal []string `json:"notPersonal,omitempty"`
}

// Field is one personal field.
type Field struct {
	Pointer  string `json:"pointer"`
	Category string `json:"category"`
}
