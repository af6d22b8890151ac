package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SignatureType is how the sender of a callback proves who it is.
// +kubebuilder:validation:Enum=SendGridECDSA;HMACSHA256
type SignatureType string

// Types of signatures.
const (
	// SignatureSendGrid is ECDSA over P-256, as Twilio SendGrid's Signed Event Webhook has it.
	SignatureSendGrid SignatureType = "SendGridECDSA"
	// SignatureHMAC is HMAC-SHA256 with a shared secret (RFC 2104), as GitHub, Stripe, Slack, Shopify and many others have it.
	SignatureHMAC SignatureType = "HMACSHA256"
)

// SignatureEncoding is how the bytes of an HMAC are written.
// +kubebuilder:validation:Enum=Hex;Base64
type SignatureEncoding string

// Encodings of an HMAC.
const (
	EncodingHex    SignatureEncoding = "Hex"
	EncodingBase64 SignatureEncoding = "Base64"
)

// HeaderName is the name of a header.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=128
// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9-]+$')",message="the name of a header has letters, digits and dashes only, for example X-Hub-Signature-256"
type HeaderName string

// CallbackSignature is how the sender of a callback proves who it is. There is no callback without a signature.
// +kubebuilder:validation:XValidation:rule="(self.type == 'SendGridECDSA') == has(self.publicKeys)",message="SendGridECDSA needs the verification key that SendGrid shows, in publicKeys; HMACSHA256 takes none"
// +kubebuilder:validation:XValidation:rule="self.type == 'HMACSHA256' ? has(self.keyRef) && has(self.header) && has(self.encoding) : !has(self.keyRef) && !has(self.header) && !has(self.encoding) && !has(self.prefix) && !has(self.timestamp) && !has(self.signedText)",message="HMACSHA256 needs keyRef, header and encoding; SendGridECDSA has headers of its own and takes none of keyRef, header, prefix, encoding, timestamp and signedText"
// +kubebuilder:validation:XValidation:rule="!has(self.signedText) || (self.signedText.matches('^[^{}]*([{]timestamp[}][^{}]*)?[{]body[}]$') && self.signedText.contains('{timestamp}') == has(self.timestamp))",message="signedText ends in {body}, and holds {timestamp} before it if a timestamp is declared, for example {timestamp}.{body}"
// +kubebuilder:validation:XValidation:rule="!has(self.tolerance) || self.type == 'SendGridECDSA' || has(self.timestamp)",message="a tolerance needs a timestamp that is signed"
type CallbackSignature struct {
	// type: SendGridECDSA takes the headers X-Twilio-Email-Event-Webhook-Signature and -Timestamp. HMACSHA256 takes the header that is
	// declared.
	// +required
	Type SignatureType `json:"type"`
	// publicKeys are the verification keys that SendGrid shows: SubjectPublicKeyInfo in base64, at most 4. A signature that one of them
	// verifies is enough, so that keys can be changed.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MinLength=64
	// +kubebuilder:validation:items:MaxLength=256
	PublicKeys []string `json:"publicKeys,omitempty"`
	// keyRef names the Secret, in the service's namespace, and the key in it that holds the shared secret.
	// +optional
	KeyRef *SecretKeyReference `json:"keyRef,omitempty"`
	// header that carries the signature, for example X-Hub-Signature-256.
	// +optional
	Header HeaderName `json:"header,omitempty"`
	// prefix before the signature, for example sha256= or v1=. With a prefix, the header may hold several values with commas between
	// them, of which one with the prefix has to be right.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Prefix string `json:"prefix,omitempty"`
	// encoding of the signature.
	// +optional
	Encoding SignatureEncoding `json:"encoding,omitempty"`
	// timestamp that is signed with the body. Omitted means that none is: then a call that somebody recorded can be sent again later.
	// +optional
	Timestamp *SignedTimestamp `json:"timestamp,omitempty"` //nolint:kubeapilinter // services call it so, and it stands in signedText
	// signedText is what is signed, with {timestamp} and {body} in it, up to 64 characters, for example v0:{timestamp}:{body}. Omitted
	// means {timestamp}.{body} with a timestamp, and {body} without.
	// +optional
	// +kubebuilder:validation:MinLength=6
	// +kubebuilder:validation:MaxLength=64
	SignedText string `json:"signedText,omitempty"`
	// tolerance is how old the signed time may be, 1s to 72h. Omitted means 25h for SendGridECDSA, because SendGrid repeats a call that was
	// not accepted for 24 hours, and 5m for HMACSHA256.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]{1,9}(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('72h')",message="tolerance lies between 1s and 72h"
	Tolerance *metav1.Duration `json:"tolerance,omitempty"`
}

// SignedTimestamp is where the signed time of a callback stands.
type SignedTimestamp struct {
	// header that carries it; that of the signature where both stand in one, such as Stripe-Signature.
	// +required
	Header HeaderName `json:"header"`
	// prefix before the time, for example t=.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Prefix string `json:"prefix,omitempty"`
	// format of the time. Omitted means UnixSeconds.
	// +optional
	Format TimeFormat `json:"format,omitempty"`
}

// CallbackFormat is how the body of a callback is written.
// +kubebuilder:validation:Enum=JSON;NDJSON
type CallbackFormat string

// CallbackBody says how the body of a callback is written, and where its records are. A value that is declared nowhere is taken out.
// +kubebuilder:validation:XValidation:rule="!has(self.records.columns)",message="records of a callback are objects: remove columns"
// +kubebuilder:validation:XValidation:rule="!has(self.format) || self.format != 'NDJSON' || (has(self.records.each) && self.records.each.startsWith('/*'))",message="lines of NDJSON are found by /*: let each of the records begin with it, for example /*"
type CallbackBody struct {
	// format of the body: JSON, one document (RFC 8259); NDJSON, one JSON document a line. Omitted means JSON.
	// +optional
	Format CallbackFormat `json:"format,omitempty"`
	// records, each about one person.
	// +required
	Records RecordList `json:"records"`
	// notPersonal are the values outside of records that are not personal, from the root of the body, at most 128.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	NotPersonal []Pointer `json:"notPersonal,omitempty"`
}

// RecordKind is one kind of the records of a callback.
type RecordKind struct {
	// name of the kind, 1 to 63 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// in are the values at kindPointer that tell it, at most 64.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	In []string `json:"in,omitempty"`
	// processing that it amounts to if the workload has such records (GDPR Art. 4(2)), for example [collect, profile] for opens and
	// clicks. A purpose has to include all of it.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=12
	Processing []Processing `json:"processing"`
}

// RecordCondition compares a value of a record with a list of values.
type RecordCondition struct {
	// pointer of the value, within the record.
	// +required
	// +kubebuilder:validation:XValidation:rule="!self.contains('*')",message="a condition is about one value of the record: its pointer cannot contain *"
	Pointer Pointer `json:"pointer"`
	// in are the values of which it has to be one, at most 64; numbers and booleans as they are written in JSON. Never put personal data
	// here.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	In []string `json:"in"`
}

// CallbackEventType is what a record of a callback tells the ledger. Such an event restricts and never permits.
// +kubebuilder:validation:Enum=withdrawn;objected
type CallbackEventType string

// Events of callbacks.
const (
	CallbackWithdrawn CallbackEventType = "withdrawn"
	CallbackObjected  CallbackEventType = "objected"
)

// ObjectionScope is how much an objection covers (GDPR Art. 21(2), (3)).
// +kubebuilder:validation:Enum=all;channel;purpose
type ObjectionScope string

// Scopes of an objection.
const (
	ScopeAll     ObjectionScope = "all"
	ScopeChannel ObjectionScope = "channel"
	ScopePurpose ObjectionScope = "purpose"
)

// CallbackEvent is an event that a record tells the ledger.
// +kubebuilder:validation:XValidation:rule="self.event == 'withdrawn' ? has(self.purpose) && !has(self.scope) : has(self.scope)",message="withdrawn takes back one purpose and has no scope; objected needs a scope"
// +kubebuilder:validation:XValidation:rule="!has(self.scope) || (self.scope == 'purpose') == has(self.purpose)",message="name the purpose with scope purpose, and with no other scope"
// +kubebuilder:validation:XValidation:rule="(has(self.scope) && self.scope == 'channel') == has(self.channel)",message="name the channel with scope channel, and with no other scope"
// +kubebuilder:validation:XValidation:rule="has(self.purpose) != has(self.controller)",message="name the controller with the scopes all and channel; otherwise it is that of the purpose"
type CallbackEvent struct {
	// when are the conditions, at most 4, that all have to hold for the record.
	// +required
	// +listType=map
	// +listMapKey=pointer
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	When []RecordCondition `json:"when"`
	// event: withdrawn takes back what was given for a purpose, objected says no to direct marketing on whatever ground (GDPR Art. 21(2)).
	// +required
	Event CallbackEventType `json:"event"`
	// purpose is the name of the DataPurpose that is taken back or objected to, for example the one that an unsubscribe group stands for.
	// +optional
	Purpose ObjectName `json:"purpose,omitempty"`
	// scope of an objection: all direct marketing of the controller, that by one channel, or that for one purpose.
	// +optional
	Scope ObjectionScope `json:"scope,omitempty"`
	// channel of an objection.
	// +optional
	Channel Channel `json:"channel,omitempty"`
	// controller is the legal entity that is told, 1 to 256 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Controller string `json:"controller,omitempty"`
}

// Callback is one call by which a service tells workloads what happened.
// +kubebuilder:validation:XValidation:rule="has(self.kindPointer) ? self.kinds.all(k, has(k.__in__)) : (size(self.kinds) == 1 && self.kinds.all(k, !has(k.__in__)))",message="with kindPointer every kind lists its values in; without it there is one kind, which lists none"
type Callback struct {
	// name of the callback within the service, 1 to 63 characters.
	// +required
	Name EndpointName `json:"name"`
	// methods of the call (RFC 9110). Omitted means POST.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=7
	Methods []Method `json:"methods,omitempty"`
	// signature by which the sender proves who it is.
	// +required
	Signature CallbackSignature `json:"signature"`
	// body says where the records are.
	// +required
	Body CallbackBody `json:"body"`
	// idPointer is where, within a record, the service's own id of the event stands, for example /sg_event_id. By it an event counts once,
	// however often it comes. Omitted means that the record as it is written stands for the event.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!self.contains('*')",message="an id is one value of the record: its pointer cannot contain *"
	IDPointer Pointer `json:"idPointer,omitempty"`
	// kindPointer is where, within a record, stands what tells kinds of records apart, for example /event. Omitted means that there is
	// one kind.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!self.contains('*')",message="a kind is told by one value of the record: its pointer cannot contain *"
	KindPointer Pointer `json:"kindPointer,omitempty"`
	// kinds of records, at most 16. Records of other kinds never reach a workload.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Kinds []RecordKind `json:"kinds"`
	// events that records tell the ledger, at most 32, whether or not their kind reaches a workload. Every one whose conditions hold is
	// told.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Events []CallbackEvent `json:"events,omitempty"`
}

// OnMissingRecord is what happens to the record of a person who may not be used for its purpose.
// +kubebuilder:validation:Enum=DropRecord;RedactField
type OnMissingRecord string

// CallbackRecords gives one kind of records a purpose.
type CallbackRecords struct {
	// kind of records, by its name in the callback.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind"`
	// purpose is the name of the DataPurpose that the records are used for.
	// +required
	Purpose ObjectName `json:"purpose"`
	// onMissing is what happens to the records of people without permission. DropRecord: they are taken out. RedactField: they stay without
	// their personal fields, so that they can be counted. Omitted means DropRecord.
	// +optional
	OnMissing OnMissingRecord `json:"onMissing,omitempty"`
}

// CallbackRule lets a callback of a service reach the policy's workloads.
type CallbackRule struct {
	// name within the policy, 1 to 63 characters; it shows in explanations.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// service that calls.
	// +required
	Service ServiceReference `json:"service"`
	// callback of the service, by name.
	// +required
	Callback EndpointName `json:"callback"`
	// port of the workload's containers at which the call arrives as HTTP without TLS, 1 to 65535.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// path at which it arrives, up to 512 characters, for example /hooks/sendgrid. Calls have no query. Any other spelling of it is refused.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^(/[A-Za-z0-9._~-]+)+$|^/$') && !self.matches('/[.]{1,2}(/|$)')",message="a path has plain segments, none of them empty, . or .., for example /hooks/sendgrid"
	Path string `json:"path"`
	// records that reach the application, by kind, at most 16. The others are taken out; what they tell the ledger is told all the same.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Records []CallbackRecords `json:"records,omitempty"`
	// redaction is how fields that may not be seen are taken out, as in rules. Omitted means Omit.
	// +optional
	Redaction Redaction `json:"redaction,omitempty"`
}
