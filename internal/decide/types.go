package decide

import (
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Effect is the outcome of a decision.
type Effect string

// Effects.
const (
	Permit         Effect = "permit"
	PermitFiltered Effect = "permit-filtered"
	Deny           Effect = "deny"
)

// Reason is a reason code. Codes are part of the public API.
type Reason string

// Reasons that permit.
const (
	OKConsent                Reason = "OK_CONSENT"
	OKSpecialCategoryConsent Reason = "OK_SPECIAL_CATEGORY_CONSENT"
	OKExistingCustomer       Reason = "OK_EXISTING_CUSTOMER"
	OKPresumedConsent        Reason = "OK_PRESUMED_CONSENT"
	OKContract               Reason = "OK_CONTRACT"
	OKLegalObligation        Reason = "OK_LEGAL_OBLIGATION"
	OKVitalInterest          Reason = "OK_VITAL_INTEREST"
	OKPublicTask             Reason = "OK_PUBLIC_TASK"
	OKLINotObjected          Reason = "OK_LI_NOT_OBJECTED"
)

// Reasons about a request. The caller sees these.
const (
	HostUndeclared       Reason = "HOST_UNDECLARED"
	EndpointUnknown      Reason = "ENDPOINT_UNKNOWN"
	PurposeUndeclared    Reason = "PURPOSE_UNDECLARED"
	PurposeAmbiguous     Reason = "PURPOSE_AMBIGUOUS"
	NamespaceNotAllowed  Reason = "NAMESPACE_NOT_ALLOWED"
	NoPolicy             Reason = "NO_POLICY"
	CategoryNotCovered   Reason = "CATEGORY_NOT_COVERED"
	PartyNotCovered      Reason = "PARTY_NOT_COVERED"
	TransferNotCovered   Reason = "TRANSFER_NOT_COVERED"
	ObligationUnmet      Reason = "OBLIGATION_UNMET"
	NotCanonical         Reason = "NOT_CANONICAL"
	BodyUnreadable       Reason = "BODY_UNREADABLE"
	BodyTooLarge         Reason = "BODY_TOO_LARGE"
	EncodingNotAllowed   Reason = "ENCODING_NOT_ALLOWED"
	TLSRefused           Reason = "TLS_REFUSED"
	CredentialNotAllowed Reason = "CREDENTIAL_NOT_ALLOWED"
	CredentialMissing    Reason = "CREDENTIAL_MISSING"
	SignatureRefused     Reason = "SIGNATURE_REFUSED"
	LedgerBehind         Reason = "LEDGER_BEHIND"
	CallerUnknown        Reason = "CALLER_UNKNOWN"
	InternalError        Reason = "INTERNAL_ERROR"
	NotPermitted         Reason = "NOT_PERMITTED"
)

// Reasons about a person. Only the officer role, explanations and tests see these; callers get NotPermitted.
const (
	NoGrant                Reason = "NO_GRANT"
	PendingConfirmation    Reason = "PENDING_CONFIRMATION"
	Withdrawn              Reason = "WITHDRAWN"
	Cancelled              Reason = "CANCELLED"
	Invalidated            Reason = "INVALIDATED"
	Expired                Reason = "EXPIRED"
	UnusedTooLong          Reason = "UNUSED_TOO_LONG"
	Unproven               Reason = "UNPROVEN"
	Objected               Reason = "OBJECTED"
	Restricted             Reason = "RESTRICTED"
	Suppressed             Reason = "SUPPRESSED"
	ControllerNotCovered   Reason = "CONTROLLER_NOT_COVERED"
	ProcessingNotCovered   Reason = "PROCESSING_NOT_COVERED"
	ChannelNotCovered      Reason = "CHANNEL_NOT_COVERED"
	RecipientNotNamed      Reason = "RECIPIENT_NOT_NAMED"
	AdvertiserNotNamed     Reason = "ADVERTISER_NOT_NAMED"
	GoodsNotCovered        Reason = "GOODS_NOT_COVERED"
	NoticeTooOld           Reason = "NOTICE_TOO_OLD"
	CollectedBeforeConsent Reason = "COLLECTED_BEFORE_CONSENT"
	Art14NoticeMissing     Reason = "ART14_NOTICE_MISSING"
	DeviceAccessNotAllowed Reason = "DEVICE_ACCESS_NOT_ALLOWED"
	IdentityAmbiguous      Reason = "IDENTITY_AMBIGUOUS"

	SpecialCategoryConsentMissing Reason = "SPECIAL_CATEGORY_CONSENT_MISSING"

	NotSimilar             Reason = "NOT_SIMILAR"
	NoObjectionNotice      Reason = "NO_OBJECTION_NOTICE"
	NoSale                 Reason = "NO_SALE"
	AddresseeKind          Reason = "ADDRESSEE_KIND_NOT_ALLOWED"
	GuardianConsentMissing Reason = "GUARDIAN_CONSENT_MISSING"
	PersonUnresolved       Reason = "PERSON_UNRESOLVED"
)

// Permits tells whether a reason permits.
func (r Reason) Permits() bool {
	// Two letters are compared at once, because nobody could foresee at which of them reasons differ. No other reason begins like this.
	return len(r) > 3 && uint16(r[0])|uint16(r[1])<<8 == 'O'|'K'<<8
}

// Public is the reason that a caller may learn: reasons about people collapse into one, so that absent and refused look the same.
func (r Reason) Public() Reason {
	switch r {
	case HostUndeclared, EndpointUnknown, PurposeUndeclared, PurposeAmbiguous, NamespaceNotAllowed, NoPolicy, CategoryNotCovered,
		PartyNotCovered, TransferNotCovered, ObligationUnmet, NotCanonical, BodyUnreadable, BodyTooLarge, EncodingNotAllowed, TLSRefused, LedgerBehind,
		CredentialNotAllowed, CredentialMissing, SignatureRefused, CallerUnknown, InternalError:
		return r
	default:
		if r.Permits() {
			return r
		}
		return NotPermitted
	}
}

// Now is the moment of a decision, as told by the ledger. The wall clock is nowhere in it.
type Now struct {
	// Ledger is the ledger's time at the last answered ping plus monotonic time since; zero if it was never reached.
	Ledger time.Time
	// Age is how long ago the ledger last proved that the facts are complete, on a clock that counts suspend. Negative means never.
	Age time.Duration
	// Position is that of the newest event in the facts.
	Position consent.Position
}

// Never is the moment of a sidecar that has not reached its ledger yet.
var Never = Now{Age: -1}

// Request is what a request says about itself. Strings are canonical: the caller refuses what is not.
type Request struct {
	Method string
	// Host is lower-case, without port.
	Host string
	Port int
	// Path is the decoded path; segments never contain a slash.
	Path string
	// Constant reads a constant of the request (see ir.Condition). Name is the condition's name, except for SourcePath, which
	// Plan resolves itself. Numbers and booleans of a body count as they are written. It reports false for what is absent, null, an
	// object or a list.
	Constant func(ir.Source, string) (string, bool)
	// People are those that the request is about, when they are known before the answer is (Decide only).
	People []Person
	// Honours are the obligations that whoever asks promises to meet (Decide only).
	Honours []Obligation
	// Categories are the data categories that the request carries; "" stands for a field that nobody declared (Decide only).
	Categories []string
}

// Place is where a person is named.
type Place int

// Places. Only people in lists and records can be taken out.
const (
	// InBody is a list of addressees; where the endpoint declares none, a record.
	InBody Place = iota
	// InAddress is the path or the query: the whole request is about that person.
	InAddress
	// InAnswer is a record of the answer.
	InAnswer
)

// Person is one person in a request.
type Person struct {
	// Facts is what is known about the person; nil for somebody whom the ledger has never seen.
	Facts Facts
	// Unresolved tells that no identifier could be read or normalised.
	Unresolved bool
	Collected  Collected
	Place      Place
}

// Verdict is the decision about one person.
type Verdict struct {
	Reason Reason
	Ground ir.Ground
	// Grant is the position of the grant that carried; 0 where none is needed.
	Grant       consent.Position
	Obligations []Obligation
}

// Permit tells whether the person's data may be used.
func (v Verdict) Permit() bool { return v.Reason.Permits() }

// Obligation is something that has to be done for a permission to hold. Those that nothing in the request meets, and that the plan's
// Honours do not promise, are denials.
type Obligation = ir.Obligation

// Decision is the outcome for a whole request.
type Decision struct {
	Effect  Effect            `json:"effect"`
	Purpose consent.PurposeID `json:"purpose,omitempty"`
	// Reasons are sorted and distinct.
	Reasons     []Reason         `json:"reasons"`
	Obligations []Obligation     `json:"obligations,omitempty"`
	People      []Reason         `json:"people,omitempty"`
	Position    consent.Position `json:"position,omitempty"`
}
