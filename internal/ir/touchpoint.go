package ir

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
)

// Place is the kind of place where people are asked.
type Place string

// Places.
const (
	PlaceWebForm    Place = "WebForm"
	PlaceCheckout   Place = "Checkout"
	PlaceAccount    Place = "Account"
	PlaceApp        Place = "App"
	PlaceMailLink   Place = "MailLink"
	PlaceStore      Place = "Store"
	PlaceCallCentre Place = "CallCentre"
	PlacePaper      Place = "Paper"
	PlaceImport     Place = "Import"
)

// Places are all that this version knows.
var Places = []Place{
	PlaceWebForm, PlaceCheckout, PlaceAccount, PlaceApp, PlaceMailLink, PlaceStore, PlaceCallCentre, PlacePaper, PlaceImport,
}

// Touchpoint is one place where people are asked. It stands in the bundles of ledgers only. Every wording that it names is in the
// bundle, belongs to its controller and can lead to a permission.
type Touchpoint struct {
	// Name is "namespace/name".
	Name       string `json:"name"`
	Controller string `json:"controller"`
	Place      Place  `json:"place"`
	URL        string `json:"url,omitempty"`
	// OptIn are the wordings that are offered first, Ladder those that may be offered next, in this order. Either may be empty, where
	// what was declared leads to nothing.
	OptIn  []consent.NoticeID `json:"optIn,omitempty"`
	Ladder []LadderStep       `json:"ladder,omitempty"`
	// Confirmation is nil for a touchpoint that brings evidence of its own.
	Confirmation *Confirmation `json:"confirmation,omitempty"`
	// CoolDownDays is how long a person who refused is not asked for the same again; at least 1.
	CoolDownDays int `json:"coolDownDays"`
	// DeferDays is how long a person who put the answer off is not asked for the same again; at least 1.
	DeferDays int `json:"deferDays"`
	// Writers are the subjects of the tokens that may speak for people here, for example "system:serviceaccount:shop:checkout".
	Writers []string `json:"writers,omitempty"`
	// Intake is nil where no form of somebody else is taken in.
	Intake *Intake `json:"intake,omitempty"`
}

// Intake says where the body of somebody else's form has what. Members are JSON pointers; "*" is a name like any other.
type Intake struct {
	Email    string          `json:"email,omitempty"`
	Phone    string          `json:"phone,omitempty"`
	Language string          `json:"language,omitempty"`
	Purposes []IntakePurpose `json:"purposes,omitempty"`
	Evidence []string        `json:"evidence,omitempty"`
	// KeyGeneration of the key that signs; at least 1.
	KeyGeneration int `json:"keyGeneration"`
}

// IntakePurpose says what in a form tells that a person ticked a purpose. No In means the JSON value true.
type IntakePurpose struct {
	Notice  consent.NoticeID  `json:"notice"`
	Purpose consent.PurposeID `json:"purpose"`
	Pointer string            `json:"pointer"`
	In      []string          `json:"in,omitempty"`
}

// LadderStep is a wording that may be offered to people who agreed to others.
type LadderStep struct {
	Notice consent.NoticeID `json:"notice"`
	// After are the wordings to all of which a person has to have agreed. None means any of OptIn.
	After []consent.NoticeID `json:"after,omitempty"`
}

// Confirmation says how a person proves that a grant is theirs.
type Confirmation struct {
	Proof consent.Proof `json:"proof"`
	// ValidForHours is how long a person may take, AgainAfterHours how long no second message goes to the same address; both at least 1.
	ValidForHours   int `json:"validForHours"`
	AgainAfterHours int `json:"againAfterHours"`
}

// Offers lists the wordings of a touchpoint: those of OptIn, then those of Ladder.
func (t *Touchpoint) Offers() []consent.NoticeID {
	out := slices.Clone(t.OptIn)
	for _, s := range t.Ladder {
		out = append(out, s.Notice)
	}
	return out
}

// Text is a wording in one language, word for word.
type Text struct {
	Language string `json:"language"`
	// SHA256 is that of the text's UTF-8 bytes, in lower-case hexadecimal. Evidence names it.
	SHA256 string `json:"sha256"`
	// Text is empty in the bundle of a ledger that would be too large with it. No touchpoint offers such a wording.
	Text string `json:"text,omitempty"`
}

// TextOf gives a text with its hash.
func TextOf(language, text string) Text {
	sum := sha256.Sum256([]byte(text))
	return Text{Language: language, SHA256: hex.EncodeToString(sum[:]), Text: text}
}

// Label names and describes a purpose for people, in one language.
type Label struct {
	Language    string `json:"language"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}

// ForLedger tells whether a bundle is one for a ledger.
func ForLedger(b *Bundle) bool { return strings.HasPrefix(b.Workload, "ConsentLedger/") }

// asking checks what only ledgers need: words and touchpoints.
func (v *validator) asking(b *Bundle) {
	notices := map[consent.NoticeID]*Notice{}
	for i := range b.Notices {
		n := &b.Notices[i]
		notices[n.Name] = n
		for _, t := range n.Texts {
			v.check(t.Language != "" && len(t.SHA256) == 2*sha256.Size, "notice %q: a text without language or hash", n.Name)
			v.check(t.Text == "" || TextOf(t.Language, t.Text) == t, "notice %q: the text in %q has another hash than it says", n.Name, t.Language)
		}
	}
	seen := map[string]bool{}
	for i := range b.Touchpoints {
		t := &b.Touchpoints[i]
		v.check(strings.Count(t.Name, "/") == 1 && !seen[t.Name], "touchpoint %q twice, or without its namespace", t.Name)
		seen[t.Name] = true
		v.touchpoint(t, notices)
	}
}

// ValidateTouchpoint checks one touchpoint that names no wording.
func ValidateTouchpoint(t *Touchpoint) error {
	return Validate(&Bundle{Mode: ModeEnforce, Ungoverned: Ungoverned{Action: UngovernedDeny}, FreshnessBoundMillis: 1000, Touchpoints: []Touchpoint{*t}})
}

func (v *validator) touchpoint(t *Touchpoint, notices map[consent.NoticeID]*Notice) {
	known := func(id consent.NoticeID) {
		n := notices[id]
		v.check(n != nil && n.Controller == t.Controller, "touchpoint %q: unknown notice %q", t.Name, id)
	}
	v.check(slices.Contains(Places, t.Place), "touchpoint %q: place %q", t.Name, t.Place)
	v.check(t.CoolDownDays >= 1, "touchpoint %q: coolDownDays %d, at least 1", t.Name, t.CoolDownDays)
	v.check(t.DeferDays >= 1, "touchpoint %q: deferDays %d, at least 1", t.Name, t.DeferDays)
	for _, id := range t.Offers() {
		known(id)
	}
	for _, s := range t.Ladder {
		for _, id := range s.After {
			known(id)
		}
	}
	if c := t.Confirmation; c != nil {
		v.check(slices.Contains(consent.Proofs, c.Proof), "touchpoint %q: proof %q", t.Name, c.Proof)
		v.check(c.ValidForHours >= 1 && c.AgainAfterHours >= 1, "touchpoint %q: a confirmation without time", t.Name)
	}
	v.intake(t)
	for _, w := range t.Writers {
		v.check(w != "", "touchpoint %q: a writer without name", t.Name)
	}
}

func (v *validator) intake(t *Touchpoint) {
	x := t.Intake
	if x == nil {
		return
	}
	v.check(x.KeyGeneration >= 1, "touchpoint %q: keyGeneration %d, at least 1", t.Name, x.KeyGeneration)
	v.check(x.Email != "" || x.Phone != "", "touchpoint %q: an intake about nobody", t.Name)
	for _, p := range append([]string{x.Email, x.Phone, x.Language}, x.Evidence...) {
		v.check(ValidPointer(p), "touchpoint %q: pointer %q", t.Name, p)
	}
	for _, p := range x.Purposes {
		v.check(p.Pointer != "" && ValidPointer(p.Pointer), "touchpoint %q: pointer %q", t.Name, p.Pointer)
		v.check(slices.Contains(t.Offers(), p.Notice), "touchpoint %q: the intake names the notice %q, which is not offered", t.Name, p.Notice)
	}
}
