package consent

import "time"

// Position is the place of an event in the one order of a ledger. Positions start at 1 and have no gaps; 0 means "none".
type Position uint64

// PurposeID is the name of a DataPurpose.
type PurposeID string

// NoticeID is the name of a ConsentNotice, which is one immutable version of a wording.
type NoticeID string

// Channel is a way to reach a person.
type Channel string

// The channels that German and European marketing law tells apart (UWG §7, ePrivacy Directive Art. 13).
const (
	ChannelEmail Channel = "email"
	ChannelSMS   Channel = "sms"
	ChannelPhone Channel = "phone"
	ChannelPost  Channel = "post"
	ChannelWeb   Channel = "web"
)

// Proof is the strength of the evidence behind a grant (GDPR Art. 7(1); UWG §7a).
type Proof string

// Proofs, as a purpose can require them and as an event can carry them. The empty value means no evidence.
const (
	ProofNone                 Proof = ""
	ProofMailboxConfirmed     Proof = "MailboxConfirmed"
	ProofNumberConfirmed      Proof = "NumberConfirmed"
	ProofSigned               Proof = "Signed"
	ProofAuthenticatedSession Proof = "AuthenticatedSession"
)

// Proofs lists every proof that an event can carry.
var Proofs = []Proof{ProofMailboxConfirmed, ProofNumberConfirmed, ProofSigned, ProofAuthenticatedSession}

// EventType names what happened. Names follow the ledger's public API.
type EventType string

// Events that the ledger appends. Asked, Refused and Deferred are an overlay and never change a grant.
const (
	EventAsked            EventType = "asked"
	EventRefused          EventType = "refused"
	EventDeferred         EventType = "deferred"
	EventGiven            EventType = "given"
	EventConfirmed        EventType = "confirmed"
	EventDisowned         EventType = "disowned"
	EventRenewed          EventType = "renewed"
	EventWidened          EventType = "widened"
	EventWithdrawn        EventType = "withdrawn"
	EventCancelled        EventType = "cancelled"
	EventCorrected        EventType = "corrected"
	EventObjected         EventType = "objected"
	EventObjectionLifted  EventType = "objectionLifted"
	EventRestricted       EventType = "restricted"
	EventUnrestricted     EventType = "unrestricted"
	EventRelationship     EventType = "relationship"
	EventAttribute        EventType = "attribute"
	EventLinked           EventType = "linked"
	EventUnlinked         EventType = "unlinked"
	EventUsed             EventType = "used"
	EventErasureRequested EventType = "erasureRequested"
	EventErased           EventType = "erased"
	EventSuppressed       EventType = "suppressed"
	// EventRekeyed gives an identity its tags under the ledger's next key. It says nothing about the person.
	EventRekeyed EventType = "rekeyed"
)

// Actor is who stands behind an event. The ledger sets it from the authenticated role, never from the payload.
type Actor string

// Actors. Only an act of the person, or evidence of one, may permit; anyone may restrict.
const (
	ActorPerson     Actor = "person"
	ActorTouchpoint Actor = "touchpoint"
	ActorOfficer    Actor = "officer"
	ActorImport     Actor = "import"
)

// Scope is how much an objection covers.
type Scope string

// Scopes of an objection (GDPR Art. 21(2), (3)).
const (
	ScopeAll     Scope = "all"
	ScopeChannel Scope = "channel"
	ScopePurpose Scope = "purpose"
)

// Event is one entry of the ledger. Which fields count depends on Type; Validate says so.
type Event struct {
	Position Position  `json:"position,omitempty"`
	Type     EventType `json:"type"`
	// At is the ledger's time of the append, UTC.
	At time.Time `json:"at,omitzero"`
	// OccurredAt is when the person acted, as told by whoever appended. Zero means At. It never decides order.
	OccurredAt time.Time `json:"occurredAt,omitzero"`
	Actor      Actor     `json:"actor,omitempty"`
	Touchpoint string    `json:"touchpoint,omitempty"`
	Purpose    PurposeID `json:"purpose,omitempty"`
	Notice     NoticeID  `json:"notice,omitempty"`
	// Language is that of the wording which the person saw, as a BCP 47 tag.
	Language string `json:"language,omitempty"`
	// Pending marks a grant that the person has yet to confirm (double opt-in).
	Pending bool  `json:"pending,omitempty"`
	Proof   Proof `json:"proof,omitempty"`
	// BasedOn is the newest position about this person that the writer knew. A grant after a "no" has to name it.
	BasedOn Position `json:"basedOn,omitempty"`
	// Grant is the position of the grant that confirmed, disowned, renewed or withdrawn is about; 0 means every one of Purpose.
	Grant   Position `json:"grant,omitempty"`
	Channel Channel  `json:"channel,omitempty"`
	Scope   Scope    `json:"scope,omitempty"`
	// Goods and ObjectionNotice describe a sale (UWG §7(3)): what was sold, and whether the right to object was shown.
	Goods           []string `json:"goods,omitempty"`
	ObjectionNotice bool     `json:"objectionNotice,omitempty"`
	// Attribute and Value carry facts about the person other than acts: "age" (years, verified), "addressee" (business, consumer),
	// "informed" (that the person was told of data from elsewhere, GDPR Art. 14: shown, or withdrawn), "registered" (that there is such a
	// person in some register, and nothing else).
	Attribute string `json:"attribute,omitempty"`
	Value     string `json:"value,omitempty"`
	// Guardian tells that whoever holds parental responsibility agreed (GDPR Art. 8(1)).
	Guardian bool `json:"guardian,omitempty"`
	// Corrects is the position of the mis-keyed entry that a corrected event voids. By and ApprovedBy are the two officers who stand
	// for that; the ledger sets them from their tokens.
	Corrects   Position `json:"corrects,omitempty"`
	By         string   `json:"by,omitempty"`
	ApprovedBy string   `json:"approvedBy,omitempty"`
}

// Status is the state of a grant. StatusExpired and StatusUnused are computed by package decide, never stored.
type Status string

// Statuses of a grant. Only StatusGiven and StatusRenewed can permit.
const (
	StatusPending     Status = "pending"
	StatusGiven       Status = "given"
	StatusRenewed     Status = "renewed"
	StatusUnproven    Status = "unproven"
	StatusWithdrawn   Status = "withdrawn"
	StatusCancelled   Status = "cancelled"
	StatusInvalidated Status = "invalidated"
	StatusExpired     Status = "expired"
	StatusUnused      Status = "unused"
)

// AskStatus is the state of the asking. It is an overlay: it never changes a grant.
type AskStatus string

// Statuses of the asking.
const (
	AskUnknown  AskStatus = "unknown"
	AskAsked    AskStatus = "asked"
	AskDeferred AskStatus = "deferred"
	AskRefused  AskStatus = "refused"
)

// Ask is the newest thing that happened when a person was asked for a purpose.
type Ask struct {
	Purpose  PurposeID `json:"purpose"`
	Status   AskStatus `json:"status"`
	Position Position  `json:"position"`
	At       time.Time `json:"at"`
}

// Grant is what one act of a person permits, as covered by its notice.
type Grant struct {
	Position Position  `json:"position"`
	Purpose  PurposeID `json:"purpose"`
	Notice   NoticeID  `json:"notice"`
	Status   Status    `json:"status"`
	Proof    Proof     `json:"proof,omitempty"`
	// Since is when the person acted; Renewed when the same scope was last agreed to again.
	Since   time.Time `json:"since"`
	Renewed time.Time `json:"renewed,omitzero"`
	BasedOn Position  `json:"basedOn,omitempty"`
	// WidenedFrom is the position of the grant that this one widened (opt-up); 0 for a first grant.
	WidenedFrom Position `json:"widenedFrom,omitempty"`
	Touchpoint  string   `json:"touchpoint,omitempty"`
	// Guardian tells that whoever holds parental responsibility agreed (GDPR Art. 8(1)).
	Guardian bool `json:"guardian,omitempty"`
	// Confirmed and RenewedAt are the positions of the newest such events, EndedBy those of all that end the grant, Before the status
	// that it had until the first of them: what corrections of these events need.
	Confirmed Position   `json:"confirmed,omitempty"`
	RenewedAt Position   `json:"renewedAt,omitempty"`
	EndedBy   []Position `json:"endedBy,omitempty"`
	Before    Status     `json:"before,omitempty"`
}

// Objection is one standing objection (GDPR Art. 21).
type Objection struct {
	Position Position  `json:"position"`
	Scope    Scope     `json:"scope"`
	Channel  Channel   `json:"channel,omitempty"`
	Purpose  PurposeID `json:"purpose,omitempty"`
}

// Lifted is an objection, or the position of a suppression alone, that the event at By lifted.
type Lifted struct {
	Objection
	By Position `json:"by"`
}

// Relationship is one sale (UWG §7(3), ePrivacy Directive Art. 13(2)).
type Relationship struct {
	Position        Position  `json:"position"`
	Goods           []string  `json:"goods,omitempty"`
	ObjectionNotice bool      `json:"objectionNotice,omitempty"`
	Since           time.Time `json:"since"`
}

// No is one "no" of the person to one purpose: a refusal, a withdrawal or a disowned confirmation. A grant that comes later has
// to know of it.
type No struct {
	Position Position  `json:"position"`
	Purpose  PurposeID `json:"purpose"`
	// Refusal tells that a question was refused: such a "no" never shrinks a grant that was there before it.
	Refusal bool `json:"refusal,omitempty"`
}

// Record is everything that the events of one person come to.
type Record struct {
	// Position is that of the newest event folded in; 0 means that the ledger has never seen the person.
	Position      Position       `json:"position"`
	Grants        []Grant        `json:"grants,omitempty"`
	Objections    []Objection    `json:"objections,omitempty"`
	Relationships []Relationship `json:"relationships,omitempty"`
	Noes          []No           `json:"noes,omitempty"`
	Restricted    bool           `json:"restricted,omitempty"`
	// Inherited are the "noes" that the same person said under other identifiers (see Inherit).
	Inherited  []No     `json:"inherited,omitempty"`
	Suppressed Position `json:"suppressed,omitempty"`
	// Lifted are objections that were lifted, Unrestricted is the position of the event that ended a restriction, and Unsuppressed tells
	// which suppression a return ended: what stands again when the lifting turns out to be a mis-keyed entry.
	Lifted       []Lifted `json:"lifted,omitempty"`
	Unrestricted Position `json:"unrestricted,omitempty"`
	Unsuppressed []Lifted `json:"unsuppressed,omitempty"`
	// Asks are the overlay of the asking, one per purpose.
	Asks []Ask `json:"asks,omitempty"`
	// Used is when data was last used for a purpose.
	Used map[PurposeID]time.Time `json:"used,omitempty"`
	// AgeYears is the verified age; 0 means unknown.
	AgeYears int `json:"ageYears,omitempty"`
	// Business tells that the addressee is known to be a business.
	Business bool `json:"business,omitempty"`
	// Informed tells that the person was told of data that came from elsewhere (GDPR Art. 14).
	Informed bool `json:"informed,omitempty"`
	// Ambiguous tells that the identifier stands for more than one person.
	Ambiguous bool `json:"ambiguous,omitempty"`
}

// Fact is what a decision about one person and one purpose rests on. The zero Fact is that of a person never seen.
// Times are the ledger's; whether something has expired is computed by package decide from the purpose's periods.
type Fact struct {
	Position      Position       `json:"position,omitempty"`
	Grants        []Grant        `json:"grants,omitempty"`
	Objections    []Objection    `json:"objections,omitempty"`
	Relationships []Relationship `json:"relationships,omitempty"`
	// Inherited are the "noes" to the purpose that the same person said under other identifiers.
	Inherited  []No     `json:"inherited,omitempty"`
	Restricted bool     `json:"restricted,omitempty"`
	Suppressed Position `json:"suppressed,omitempty"`
	// Used is when data was last used for the purpose; zero for never.
	Used      time.Time `json:"used,omitzero"`
	AgeYears  int       `json:"ageYears,omitempty"`
	Business  bool      `json:"business,omitempty"`
	Informed  bool      `json:"informed,omitempty"`
	Ambiguous bool      `json:"ambiguous,omitempty"`
	// Untimed tells that times were left out (see decide.Reduce): nothing that needs one may be permitted.
	Untimed bool `json:"untimed,omitempty"`
}
