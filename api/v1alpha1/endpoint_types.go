package v1alpha1

// PersonalData says whether an endpoint takes or gives personal data.
// +kubebuilder:validation:Enum=Present;None
type PersonalData string

// Whether an endpoint deals with personal data.
const (
	PersonalDataPresent PersonalData = "Present"
	PersonalDataNone    PersonalData = "None"
)

// Method is an HTTP method (RFC 9110).
// +kubebuilder:validation:Enum=GET;HEAD;POST;PUT;PATCH;DELETE;OPTIONS
type Method string

// Endpoint is one API call of a service.
// +kubebuilder:validation:XValidation:rule="!has(self.personalData) || self.personalData != 'None' || !(has(self.processing) || has(self.channel) || has(self.request) || has(self.response) || has(self.segments) || (has(self.query) && self.query.exists(q, has(q.person))))",message="an endpoint with personalData None has no processing, channel, request, response or person in its path and query: remove them, or set personalData to Present"
// +kubebuilder:validation:XValidation:rule="(has(self.personalData) && self.personalData == 'None') || has(self.processing)",message="say in processing what the endpoint does with personal data, or set personalData to None"
// +kubebuilder:validation:XValidation:rule="!has(self.processing) || !('send' in self.processing) || has(self.channel)",message="an endpoint that sends has to say how: name its channel"
type Endpoint struct {
	// name of the endpoint within the service, 1 to 63 characters.
	// +required
	Name EndpointName `json:"name"`
	// methods of the endpoint (RFC 9110).
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=7
	Methods []Method `json:"methods"`
	// path template, decoded: literal segments, and {name} for exactly one segment. Up to 512 characters. Where several templates
	// match a request, the one with the earliest literal segment counts.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^(/([{][A-Za-z_][A-Za-z0-9_]*[}]|[^/{}?#%]*))+$')",message="a path starts with a slash and has whole segments in braces only, for example /v1/customers/{id}; write it decoded and without a query"
	Path string `json:"path"`
	// personalData says whether the endpoint takes or gives personal data. Omitted means Present. With None, requests are forwarded
	// without a purpose.
	// +optional
	PersonalData PersonalData `json:"personalData,omitempty"`
	// processing that the endpoint amounts to (GDPR Art. 4(2)). A purpose has to include all of it.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=12
	Processing []Processing `json:"processing,omitempty"`
	// channel by which the endpoint reaches people.
	// +optional
	Channel Channel `json:"channel,omitempty"`
	// query holds the parameters that may be used, at most 64. Undeclared ones are denied where there is personal data: a filter over a hidden
	// field would disclose it.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Query []QueryParameter `json:"query,omitempty"`
	// segments of the path template that identify a person, at most 8. Segments that are not listed are not personal.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Segments []PathSegment `json:"segments,omitempty"`
	// replaces is the name of the endpoint of this service whose answer a request overwrites as a whole, for example the GET that goes
	// with a PUT. A workload that is shown only a part of that answer is refused, because it would erase the rest.
	// +optional
	Replaces EndpointName `json:"replaces,omitempty"`
	// fulfils are obligations that a request meets, at most 4. A permission with an obligation that nothing meets is denied.
	// +optional
	// +listType=map
	// +listMapKey=obligation
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Fulfils []Fulfilment `json:"fulfils,omitempty"`
	// request says where people and their data are in the request's body. Omitted means that the endpoint takes no body.
	// +optional
	Request *RequestBody `json:"request,omitempty"`
	// response says where people and their data are in the response's body. Omitted means that answers lose their body.
	// +optional
	Response *ResponseBody `json:"response,omitempty"`
}

// PathSegment is one {name} of a path template.
type PathSegment struct {
	// name of the segment, without braces.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name"`
	// person that the segment identifies.
	// +required
	Person Identifies `json:"person"`
}

// Obligation is something that has to be done for a permission to hold.
// +kubebuilder:validation:Enum=add-objection-notice;anonymise
type Obligation string

// Obligations that an endpoint can fulfil.
const (
	// ObligationAddObjectionNotice: every mail to an existing customer says that the person can object (UWG §7(3) no. 4).
	ObligationAddObjectionNotice Obligation = "add-objection-notice"
	// ObligationAnonymise: only figures about many people come out (GDPR Recital 26).
	ObligationAnonymise Obligation = "anonymise"
)

// Fulfilment says how one can see that a request meets an obligation.
// +kubebuilder:validation:XValidation:rule="!has(self.__in__) || has(self.pointer)",message="in lists values of what stands at pointer: add pointer, or remove in"
type Fulfilment struct {
	// obligation that is met.
	// +required
	Obligation Obligation `json:"obligation"`
	// pointer of the value in the request's body that shows it, for example /asm/group_id for a mail with an unsubscribe link. Omitted
	// means that every request to the endpoint meets the obligation.
	// +optional
	Pointer Pointer `json:"pointer,omitempty"`
	// in are the values of which it has to be one, at most 64; numbers and booleans as they are written in JSON. Omitted means any value
	// but null, false and the empty string.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=256
	In []string `json:"in,omitempty"`
}

// Tracking is something that a request can have done to people besides what it is for.
// +kubebuilder:validation:Enum=OpenTracking;ClickTracking
type Tracking string

// Tracking that a switch turns off.
const (
	TrackingOpens  Tracking = "OpenTracking"
	TrackingClicks Tracking = "ClickTracking"
)

// Switch is a value of a request that turns tracking of its addressees on or off.
type Switch struct {
	// tracking that is turned on or off.
	// +required
	Tracking Tracking `json:"tracking"`
	// pointer of the value, from the root of the body, for example /tracking_settings/open_tracking/enable. Where it is absent it is
	// inserted.
	// +required
	// +kubebuilder:validation:XValidation:rule="!self.contains('*')",message="a switch is one value of the request: its pointer cannot contain *"
	Pointer Pointer `json:"pointer"`
	// offValue is what turns it off, written as JSON in a string: "false", "0" or "\"no\"", for example. (A member called off would be read as
	// false by YAML.)
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	OffValue string `json:"offValue"`
	// processing that the tracking amounts to, for example [track] or [collect, profile].
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=12
	Processing []Processing `json:"processing"`
}

// TimeFormat is how a time is written.
// +kubebuilder:validation:Enum=RFC3339;UnixSeconds;UnixMilliseconds
type TimeFormat string

// Formats of times.
const (
	TimeRFC3339          TimeFormat = "RFC3339"
	TimeUnixSeconds      TimeFormat = "UnixSeconds"
	TimeUnixMilliseconds TimeFormat = "UnixMilliseconds"
)

// QueryParameter is one declared query parameter.
type QueryParameter struct {
	// name of the parameter, 1 to 128 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name"`
	// person that the parameter's value identifies. Omitted means that the value is not personal.
	// +optional
	Person *Identifies `json:"person,omitempty"`
}

// FormatJSON is the format of bodies that name none.
const FormatJSON = "JSON"

// RequestFormat is how the body of a request is written.
// +kubebuilder:validation:Enum=JSON;NDJSON;CSV;Form
type RequestFormat string

// ResponseFormat is how the body of a response is written.
// +kubebuilder:validation:Enum=JSON;NDJSON;CSV;EventStream
type ResponseFormat string

// RequestBody says how the body of a request is written, and where people and their data are in it. A request with a value that is
// declared nowhere is denied, because it is not changed silently.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.switches) || !has(self.format) || self.format in ['JSON', 'Form']",message="switches work in JSON and Form only: remove them, or declare another format"
// +kubebuilder:validation:XValidation:rule="!has(self.addressees) || !has(self.format) || self.format != 'CSV' || (self.addressees.size() == 1 && self.addressees.all(a, has(a.each) && a.each == '/*' && has(a.identifier) && !has(a.unit) && !has(a.columns)))",message="in CSV every row is one addressee: declare one list with each /* and the column as identifier, for example {each: /*, identifier: /email, type: email}, without unit and columns"
// +kubebuilder:validation:XValidation:rule="!has(self.addressees) || !has(self.format) || self.format != 'NDJSON' || self.addressees.all(a, has(a.each) && a.each.startsWith('/*') && !has(a.columns))",message="in NDJSON /* stands for every line: let each begin with it, for example /* or /*/to/*, without columns"
// +kubebuilder:validation:XValidation:rule="!has(self.addressees) || !has(self.format) || self.format != 'Form' || self.addressees.all(a, !has(a.unit) && !has(a.columns) && has(a.each) != has(a.identifier))",message="in a form addressees are the values of one name, for example {each: /to/*, type: email}, or the form itself with the field that identifies the person, for example {identifier: /email, type: email}; without unit and columns"
type RequestBody struct {
	// format of the body: JSON, one document (RFC 8259); NDJSON, one JSON document a line; CSV, a table with one header row (RFC 4180);
	// Form, application/x-www-form-urlencoded. Omitted means JSON. Requests whose content type is another one are denied. Pointers read
	// each of them as JSON: lines and rows are the elements of a list, columns and the fields of a form are members.
	// +optional
	Format RequestFormat `json:"format,omitempty"`
	// addressees are the lists of people from which single people can be dropped, at most 16.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Addressees []AddresseeList `json:"addressees,omitempty"` //nolint:kubeapilinter // what is required stands in Identifies
	// fields that are personal, from the root of the body, at most 128.
	// +optional
	// +listType=map
	// +listMapKey=pointer
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	Fields []PersonalField `json:"fields,omitempty"`
	// notPersonal are the values that are not personal, from the root of the body, at most 128. A pointer stands for all that is found
	// there.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	NotPersonal []Pointer `json:"notPersonal,omitempty"`
	// totals are counts that would tell how many people were dropped, at most 16. They are removed from a filtered body.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Totals []Pointer `json:"totals,omitempty"`
	// switches that turn tracking of the addressees on or off, at most 4. Tracking that no policy gives a purpose is turned off.
	// +optional
	// +listType=map
	// +listMapKey=tracking
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Switches []Switch `json:"switches,omitempty"`
}

// ResponseBody says how the body of a response is written, and where people and their data are in it. A value that is declared nowhere
// is removed.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.records) || !has(self.format) || self.format != 'CSV' || (has(self.records.each) && self.records.each == '/*' && !has(self.records.columns) && !has(self.fields) && !has(self.notPersonal) && !has(self.totals))",message="in CSV every row is one record and nothing is outside of them: declare records with each /* and columns as pointers, for example {each: /*, identifier: /email, type: email}, without columns"
// +kubebuilder:validation:XValidation:rule="!has(self.records) || !has(self.format) || !(self.format in ['NDJSON', 'EventStream']) || (has(self.records.each) && self.records.each.startsWith('/*') && !has(self.records.columns))",message="in NDJSON and EventStream /* stands for every line or event: let each begin with it, for example /*, without columns"
// +kubebuilder:validation:XValidation:rule="!has(self.notPersonal) || !self.notPersonal.exists(p, size(p) == 0) || (size(self.notPersonal) == 1 && !has(self.records) && !has(self.fields) && !has(self.totals) && (!has(self.format) || self.format == 'JSON'))",message="an empty pointer in notPersonal says that nothing in the whole body is personal: it stands alone, in JSON, without records, fields and totals"
type ResponseBody struct {
	// format of the body: JSON, one document (RFC 8259); NDJSON, one JSON document a line; CSV, a table with one header row (RFC 4180);
	// EventStream, text/event-stream with a JSON document as the data of each event. Omitted means JSON. An answer whose content type is
	// another one is withheld. Pointers read each of them as JSON: lines, events and rows are the elements of a list, columns are members.
	// +optional
	Format ResponseFormat `json:"format,omitempty"`
	// records is the list of records, each about one person.
	// +optional
	Records *RecordList `json:"records,omitempty"`
	// fields that are personal outside of records, from the root of the body, at most 128.
	// +optional
	// +listType=map
	// +listMapKey=pointer
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	Fields []PersonalField `json:"fields,omitempty"`
	// notPersonal are the values outside of records that are not personal, from the root of the body, at most 128. A pointer stands
	// for all that is found there. An empty pointer, alone and without records, fields and totals, stands for the whole body: it is then
	// passed on unread, in JSON.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	NotPersonal []BodyPointer `json:"notPersonal,omitempty"`
	// totals are counts that would tell how many records were dropped, at most 16. They are removed from a filtered body.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Totals []Pointer `json:"totals,omitempty"`
}

// AddresseeList is one list of people in a request body, or one person whom it is about.
// +kubebuilder:validation:XValidation:rule="has(self.each) ? self.each.endsWith('/*') : has(self.identifier)",message="each is the pointer of one addressee and ends in /*, for example /personalizations/*/to/*; leave it out if the body itself is the addressee, and then say in identifier who"
// +kubebuilder:validation:XValidation:rule="!has(self.unit) || (self.unit.endsWith('/*') && has(self.each) && self.each.startsWith(self.unit + '/'))",message="unit is a part of each that ends in /*, for example /personalizations/* for /personalizations/*/to/*"
// +kubebuilder:validation:XValidation:rule="!has(self.identifier) || !self.identifier.contains('*')",message="identifier is one value within the addressee: it cannot contain *"
type AddresseeList struct {
	Identifies `json:",inline"`
	// each is the pointer of one addressee; its last segment is "*". Omitted means that the body itself is one addressee, without whom
	// nothing of it is left.
	// +optional
	Each Pointer `json:"each,omitempty"`
	// identifier is the pointer of the identifier within the addressee. Omitted means that the addressee is the identifier.
	// +optional
	Identifier Pointer `json:"identifier,omitempty"`
	// columns is the pointer of a list of column names, for positional tables such as {"schema": ["EMAIL", "FN"], "data": [["...", "..."]]}.
	// Each addressee is then a row whose cells are named by it: identifier, time and the fields below a row use these names. Omitted
	// means that addressees are objects or plain values.
	// +optional
	Columns Pointer `json:"columns,omitempty"`
	// time is the pointer, within the addressee, of when the data was collected. Omitted means that there is none.
	// +optional
	Time Pointer `json:"time,omitempty"`
	// timeFormat of time. Omitted means RFC3339.
	// +optional
	TimeFormat TimeFormat `json:"timeFormat,omitempty"`
	// unit is the pointer of the part that goes when its last addressee went; its last segment is "*". Of several lists in one unit, such
	// as to and cc, the one declared first counts, because copies of a message to nobody make no sense. Omitted means that the whole
	// request goes.
	// +optional
	Unit Pointer `json:"unit,omitempty"`
}

// RecordList is the list of records in a response. Pointers other than each are relative to the record.
// +kubebuilder:validation:XValidation:rule="!has(self.each) || self.each.endsWith('/*')",message="each is the pointer of one record and ends in /*, for example /customers/*; leave it out if the whole body is one record"
// +kubebuilder:validation:XValidation:rule="!self.identifier.contains('*')",message="identifier is one value within the record: it cannot contain *"
type RecordList struct {
	Identifies `json:",inline"`
	// each is the pointer of one record; its last segment is "*". Omitted means that the whole body is one record.
	// +optional
	Each Pointer `json:"each,omitempty"`
	// identifier is the pointer of the identifier within the record.
	// +required
	Identifier Pointer `json:"identifier"`
	// columns is the pointer of a list of column names, from the root of the body, for positional tables: each record is then a row
	// whose cells are named by it.
	// +optional
	Columns Pointer `json:"columns,omitempty"`
	// time is the pointer of the time at which the data was collected. Omitted means that there is none: then no limit on data that is
	// older than a grant can be checked.
	// +optional
	Time Pointer `json:"time,omitempty"`
	// timeFormat of time. Omitted means RFC3339.
	// +optional
	TimeFormat TimeFormat `json:"timeFormat,omitempty"`
	// fields that are personal, at most 128. Those of a category that the purpose does not need are removed.
	// +optional
	// +listType=map
	// +listMapKey=pointer
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	Fields []PersonalField `json:"fields,omitempty"`
	// notPersonal are the values that are not personal, at most 128.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	NotPersonal []Pointer `json:"notPersonal,omitempty"`
}

// PersonalField is one personal field.
type PersonalField struct {
	// pointer of the field; it stands for all that is found there.
	// +required
	Pointer Pointer `json:"pointer"`
	// category of the data (GDPR Art. 4(1)), for example pd:EmailAddress. A purpose has to list it in dataCategories.
	// +required
	Category DataCategory `json:"category"`
}
