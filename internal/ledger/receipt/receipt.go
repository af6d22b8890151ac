package receipt

import (
	"time"

	"github.com/optup/optup/internal/consent"
)

// SchemaVersion says what the fields are.
const SchemaVersion = "ISO/IEC TS 27560:2023"

// Receipt is a receipt about one event.
type Receipt struct {
	Context       map[string]any `json:"@context"`
	Type          string         `json:"@type"`
	SchemaVersion string         `json:"schema_version"`
	ReceiptID     string         `json:"receipt_id"`
	Record        Record         `json:"consent_record"`
	Proof         Proof          `json:"proof"`
	// Statement is the ledger's signature over everything else: a signed note with the hash of the rest (see Statement).
	Statement string `json:"statement,omitempty"`
}

// Record is what was recorded.
type Record struct {
	Type          string `json:"@type"`
	SchemaVersion string `json:"schema_version"`
	RecordID      string `json:"record_id"`
	// PIIPrincipalID is a tag of the person: a keyed pseudonym.
	PIIPrincipalID string     `json:"pii_principal_id"`
	Processing     Processing `json:"pii_processing"`
	Parties        []Party    `json:"party_identification"`
	Event          Event      `json:"event"`
}

// Processing is what the event is about.
type Processing struct {
	Notice   *Notice   `json:"privacy_notice,omitempty"`
	Purposes []Purpose `json:"purposes,omitempty"`
}

// Notice is the wording that the person saw.
type Notice struct {
	Type string           `json:"@type"`
	Name consent.NoticeID `json:"notice"`
	// Language is that of the wording which the person saw, where it is known.
	Language string `json:"language,omitempty"`
	// Wordings are what it says, by language.
	Wordings []Wording `json:"wordings,omitempty"`
}

// Wording is one language of a notice.
type Wording struct {
	Language string `json:"language"`
	// SHA256 is that of the text's UTF-8 bytes, in lower-case hexadecimal.
	SHA256 string `json:"sha256"`
}

// Purpose is one purpose.
type Purpose struct {
	Type         string            `json:"@type"`
	Purpose      consent.PurposeID `json:"purpose"`
	PurposeType  string            `json:"purpose_type,omitempty"`
	LawfulBasis  []string          `json:"lawful_basis,omitempty"`
	Information  []Information     `json:"pii_information,omitempty"`
	Controllers  []string          `json:"pii_controllers"`
	Methods      []string          `json:"processing_method,omitempty"`
	Channels     []consent.Channel `json:"services,omitempty"`
	ThirdParties []string          `json:"recipient_third_parties,omitempty"`
	ValidFor     string            `json:"validity_duration,omitempty"`
}

// Information is one category of data.
type Information struct {
	Type    string `json:"pii_type"`
	Special bool   `json:"special_pii_category,omitempty"`
}

// Party is who is responsible.
type Party struct {
	PartyID string `json:"party_id"`
	Role    string `json:"party_role"`
}

// Event is what happened.
type Event struct {
	// Time is the ledger's; Acted is when the person acted, where somebody told.
	Time  time.Time `json:"event_time"`
	Acted time.Time `json:"acted_at,omitzero"`
	// EntityID is who told the ledger: a kind of actor, never a person.
	EntityID   string            `json:"entity_id,omitempty"`
	Touchpoint string            `json:"touchpoint,omitempty"`
	Type       consent.EventType `json:"event_type"`
	// State is the consent that the event left behind, as a term.
	State    string        `json:"event_state,omitempty"`
	Evidence consent.Proof `json:"evidence,omitempty"`
}

// Proof is what shows that the event stands in the log.
type Proof struct {
	Position consent.Position `json:"position"`
	// Entry is what the log says, byte for byte, and Salt is in hexadecimal: the leaf at Position is the hash of both.
	Salt  string `json:"salt"`
	Entry string `json:"entry"`
	// Path leads from the leaf to the root of the log in Checkpoint (RFC 6962), in hexadecimal.
	Path []string `json:"inclusion_path"`
	// Checkpoint is a signed note: the log whose newest entry is this one.
	Checkpoint string `json:"checkpoint"`
}
