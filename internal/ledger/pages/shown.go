package pages

import (
	"time"

	"github.com/optup/optup/internal/consent"
)

// Person is everything that the person's page shows.
type Person struct {
	Controller string
	// Position is that of the newest event about the person, on which acts of the page are based. At is the ledger's time.
	Position consent.Position
	At       time.Time
	// Agreed are grants that count, Waiting those that do not count yet, Ended those that no longer do; the newest first.
	Agreed, Waiting, Ended []Grant
	// Offers are what may be asked next.
	Offers []Offer
	// Others are purposes that rest on something else than consent, to which the person may object.
	Others []Other
	// Uses are what data was used for, Withheld what was asked for and denied; the newest first. More tells that there are older ones.
	Uses, Withheld []Use
	More           bool
	// Objected tells that a standing objection covers all direct marketing; Restricted and Suppressed that processing is restricted, or
	// that erasure was asked for.
	Objected, Restricted, Suppressed bool
	History                          []Entry
	// Nobody tells that the ledger knows nothing about the mailbox.
	Nobody bool
}

// Grant is one thing that the person agreed to.
type Grant struct {
	Position consent.Position
	Purpose  Purpose
	Notice   Notice
	Status   consent.Status
	Proof    consent.Proof
	Since    time.Time
	Renewed  time.Time
	// Ends is when the grant ends by itself; zero for never.
	Ends       time.Time
	Touchpoint string
	// Hindered is the reason code for which the grant does not count at present although it stands, such as an objection.
	Hindered string
}

// Offer is one wording that the person may agree to, for one purpose.
type Offer struct {
	Notice  Notice
	Purpose Purpose
}

// Other is a purpose on another ground than consent.
type Other struct {
	Purpose Purpose
	Ground  string
	// Objected tells that the person has objected to this very purpose. Hit tells that it is not done, be it for that or for a wider objection.
	Objected, Hit bool
}

// Use is what somebody did, or was refused, for one purpose: repeated uses are one line.
type Use struct {
	Purpose Purpose
	// Recipient is the party that received the data, or that asked: its name where it has one, else the service.
	Recipient   string
	Count       int
	First, Last time.Time
	// Reason is the reason code of the decision: why it was permitted, or why not.
	Reason string
}

// Entry is one line of the history.
type Entry struct {
	Position consent.Position
	At       time.Time
	Type     consent.EventType
	Purpose  Purpose
	Notice   consent.NoticeID
	Actor    consent.Actor
	Proof    consent.Proof
	// Receipt tells that there is a receipt of it.
	Receipt bool
}
