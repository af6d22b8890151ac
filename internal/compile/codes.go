package compile

// Code classifies a finding. Codes are part of the public API: they become condition reasons.
type Code string

// Codes of findings. Those that say "always a warning" deny nothing; the others are errors, unless they say when they are not.
const (
	// PurposeNotFound surfaces when a rule, its tracking, a wording, or the access to a device names a DataPurpose that does not exist.
	PurposeNotFound Code = "PurposeNotFound"
	// ServiceNotFound surfaces when a rule names a DataService that does not exist, or that does not allow the policy's namespace.
	ServiceNotFound Code = "ServiceNotFound"
	// EndpointNotFound surfaces when a rule, or an endpoint's replaces, names an endpoint that the service does not declare.
	EndpointNotFound Code = "EndpointNotFound"
	// NoticeNotFound surfaces when a touchpoint offers a ConsentNotice that does not exist, or a purpose sets a minimum for a series that
	// no wording belongs to.
	NoticeNotFound Code = "NoticeNotFound"
	// NamespaceNotAllowed surfaces when a purpose does not allow the policy's namespace to act for it, and no purpose of a controller the
	// touchpoint's.
	NamespaceNotAllowed Code = "NamespaceNotAllowed"
	// LedgerNotFound surfaces when no ConsentLedger exists for the controller of a purpose or touchpoint.
	LedgerNotFound Code = "LedgerNotFound"
	// ParentNotFound surfaces when a purpose names a parent that does not exist, or that leads back to itself.
	ParentNotFound Code = "ParentNotFound"
	// ControllerMismatch surfaces when a purpose, wording or touchpoint refers to one of another controller.
	ControllerMismatch Code = "ControllerMismatch"
	// ControllerConflict surfaces when two ledgers are for the same controller.
	ControllerConflict Code = "ControllerConflict"
	// DuplicateName surfaces when two objects of a kind, or two endpoints of a service, have the same name.
	DuplicateName Code = "DuplicateName"

	// NotLawful surfaces when a purpose combines ground, channel, addressees, data and processing in a way that the law does not allow.
	NotLawful Code = "NotLawful"
	// RetentionTooShort surfaces when evidence is kept for less time than the law asks for; always a warning.
	RetentionTooShort Code = "RetentionTooShort"
	// WiderThanParent surfaces when a purpose lists what its parent does not. It is an error for advertisers and goods; processing,
	// categories and channels are cut, which is a warning.
	WiderThanParent Code = "WiderThanParent"
	// ParentLeavesNothing surfaces when a purpose and its parent have no processing, or no proof, in common.
	ParentLeavesNothing Code = "ParentLeavesNothing"
	// DeviceAccessNested surfaces when the purpose by which a device is accessed needs access to a device itself.
	DeviceAccessNested Code = "DeviceAccessNested"
	// InvalidPurpose surfaces when a purpose holds a value that no bundle can hold.
	InvalidPurpose Code = "InvalidPurpose"
	// OverBroadCategory surfaces when a purpose lists a top-level term, or a category that no endpoint of its rules carries; always a
	// warning.
	OverBroadCategory Code = "OverBroadCategory"
	// NoNotice surfaces when a purpose rests on consent and no wording covers it, or what a rule uses it for; always a warning.
	NoNotice Code = "NoNotice"
	// NoTouchpoint surfaces when a purpose rests on consent and no touchpoint of its controller offers a wording that names it, although
	// there are touchpoints; always a warning.
	NoTouchpoint Code = "NoTouchpoint"
	// ProofNotAccepted surfaces when the proof that a touchpoint obtains is not among those that a purpose accepts.
	ProofNotAccepted Code = "ProofNotAccepted"
	// NothingToAsk surfaces when a touchpoint offers a wording none of whose purposes a consent given there could carry.
	NothingToAsk Code = "NothingToAsk"
	// InvalidTouchpoint surfaces when a touchpoint holds a value that no bundle can hold.
	InvalidTouchpoint Code = "InvalidTouchpoint"
	// TextsLeftOut surfaces when the words of wordings that no touchpoint offers do not fit a ledger's bundle; always a warning.
	TextsLeftOut Code = "TextsLeftOut"
	// StepNotReachable surfaces when a step of a ladder waits for wordings that nobody can have agreed to; always a warning.
	StepNotReachable Code = "StepNotReachable"
	// VersionConflict surfaces when two wordings have the same series and version; always a warning.
	VersionConflict Code = "VersionConflict"

	// HostConflict surfaces when two services declare the same host and port, and some namespace has both.
	HostConflict Code = "HostConflict"
	// InvalidEndpoint surfaces when a service, or an endpoint's template, pointers or units, do not fit together.
	InvalidEndpoint Code = "InvalidEndpoint"
	// EndpointConflict surfaces when another endpoint takes every request, or every request with one method, that an endpoint would match.
	EndpointConflict Code = "EndpointConflict"
	// InvalidCallback surfaces when a callback holds a value that no bundle can hold.
	InvalidCallback Code = "InvalidCallback"
	// CallbackConflict surfaces when two policies of a workload have callbacks at the same port and path.
	CallbackConflict Code = "CallbackConflict"
	// TransferNotCovered surfaces when data leaves the European Economic Area on no basis, or on one that a rule's purpose cannot carry.
	TransferNotCovered Code = "TransferNotCovered"
	// InvalidAuthorities surfaces when a service's authorities are no certificates of authorities.
	InvalidAuthorities Code = "InvalidAuthorities"
	// AuthoritiesWithoutTLS surfaces when a service has authorities and no port on which the sidecar speaks TLS; always a warning.
	AuthoritiesWithoutTLS Code = "AuthoritiesWithoutTLS"
	// InvalidCredential surfaces when what a service says about its credential is something that no bundle can hold.
	InvalidCredential Code = "InvalidCredential"
	// CredentialInPlain surfaces when a credential is inserted into requests that go out without TLS; always a warning.
	CredentialInPlain Code = "CredentialInPlain"

	// NotProvided surfaces when a service names its workloads, and nothing can be decided at them; always a warning.
	NotProvided Code = "NotProvided"
	// CallersLeftOut surfaces when the rules of all callers of a service do not fit the bundle of its sidecars.
	CallersLeftOut Code = "CallersLeftOut"

	// InvalidRule surfaces when a rule holds a value that no bundle can hold.
	InvalidRule Code = "InvalidRule"
	// NothingCovered surfaces when a rule's endpoint, or tracking, does something that its purpose does not include.
	NothingCovered Code = "NothingCovered"
	// NobodyNamed surfaces when a rule's endpoint says nowhere whom a request is about, although its purpose rests on a record or can be
	// objected to.
	NobodyNamed Code = "NobodyNamed"
	// PartyNotCovered surfaces when a rule sends data to a controller or joint controller for a purpose that does not include disclose.
	PartyNotCovered Code = "PartyNotCovered"
	// AmbiguousRules surfaces when two rules of a workload with different purposes match the same requests; always a warning, because
	// requests may name their purpose themselves.
	AmbiguousRules Code = "AmbiguousRules"
	// UnreachableRule surfaces when no request can match a rule. It is a warning where that is so for some of its endpoints or values.
	UnreachableRule Code = "UnreachableRule"
	// RedundantRule surfaces when another rule matches all that a rule matches, with the same purpose and handling; always a warning.
	RedundantRule Code = "RedundantRule"
	// HandlingWithoutEffect surfaces when a rule says how to handle what its endpoints do not have; always a warning.
	HandlingWithoutEffect Code = "HandlingWithoutEffect"
	// TrackingWithoutSwitch surfaces when a rule allows tracking for which none of its endpoints has a switch; always a warning.
	TrackingWithoutSwitch Code = "TrackingWithoutSwitch"
	// ObligationUnmet surfaces when a permission brings an obligation that the endpoint does not fulfil; always a warning.
	ObligationUnmet Code = "ObligationUnmet"

	// BundleTooLarge surfaces when a workload's bundle exceeds the size that can be published.
	BundleTooLarge Code = "BundleTooLarge"
)
