package evidence

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/optup/optup/internal/consent"
)

// Err reports evidence that does not prove what it should. Its text names members, never their values.
var Err = errors.New("the evidence does not prove it")

// Kind says what the evidence is.
type Kind string

// Kinds, each with the member of Evidence that it fills.
const (
	// DoubleOptIn is a mail that its reader confirmed, sent by this ledger or by a mail service.
	DoubleOptIn Kind = "doubleOptIn"
	// NumberCode is a code that was sent to a number and came back.
	NumberCode Kind = "numberCode"
	// Recording is the recording of a telephone call to or from the number.
	Recording Kind = "recording"
	// SignedForm is a document that the person signed, on paper or electronically.
	SignedForm Kind = "signedForm"
	// Login is a session in which the person had proven who they are.
	Login Kind = "session"
	// Archived is where an older system keeps what proves it. It counts in imports alone (see CheckImported): whoever speaks for a person
	// as it happens has the evidence itself.
	Archived Kind = "archived"
)

// Kinds lists which kinds prove what.
var Kinds = map[consent.Proof][]Kind{
	consent.ProofMailboxConfirmed:     {DoubleOptIn},
	consent.ProofNumberConfirmed:      {NumberCode, Recording},
	consent.ProofSigned:               {SignedForm},
	consent.ProofAuthenticatedSession: {Login},
}

// Evidence is what somebody can show. Exactly the member of its kind is filled. It may name a person, so it prints redacted.
type Evidence struct {
	Kind Kind `json:"kind"`
	// WordingSHA256 is the hash of the words that the person was shown, in lower-case hexadecimal; empty if nobody knows it.
	WordingSHA256 string    `json:"wordingSHA256,omitzero"`
	DoubleOptIn   *Mailbox  `json:"doubleOptIn,omitempty"`
	NumberCode    *Code     `json:"numberCode,omitempty"`
	Recording     *Call     `json:"recording,omitempty"`
	SignedForm    *Document `json:"signedForm,omitempty"`
	Session       *Session  `json:"session,omitempty"`
	Archived      *Archive  `json:"archived,omitempty"`
}

// String never shows what is in evidence.
func (Evidence) String() string { return "evidence:redacted" }

// GoString never shows what is in evidence.
func (e Evidence) GoString() string { return e.String() }

// Mailbox proves a double opt-in: who sent the mail, when the person asked, when it was sent, and when its link was used.
type Mailbox struct {
	Sender      string    `json:"sender"`
	AskedAt     time.Time `json:"askedAt"`
	SentAt      time.Time `json:"sentAt"`
	ConfirmedAt time.Time `json:"confirmedAt"`
	// Reference is what the sender finds the mail by, such as its Message-ID.
	Reference string `json:"reference,omitzero"`
	Language  string `json:"language,omitzero"`
	// Address of the machine that confirmed, if it was kept.
	Address string `json:"address,omitzero"`
}

// Code proves that whoever has the number answered: by whom and how the code was sent, and when it came back.
type Code struct {
	Sender      string    `json:"sender"`
	Channel     string    `json:"channel"` // sms or call
	SentAt      time.Time `json:"sentAt"`
	ConfirmedAt time.Time `json:"confirmedAt"`
	Reference   string    `json:"reference,omitzero"`
}

// Call proves consent given on the telephone. The recording itself stays where it is; its hash says which one it was. Agreed tells that the
// person agreed to being recorded (StGB §201).
type Call struct {
	RecordedAt time.Time `json:"recordedAt"`
	SHA256     string    `json:"sha256"`
	Reference  string    `json:"reference"`
	Agent      string    `json:"agent,omitzero"`
	Agreed     bool      `json:"agreed"`
}

// Document proves a signature: the hash of the scan or file, when it was signed, and where it is kept.
type Document struct {
	SignedAt  time.Time `json:"signedAt"`
	SHA256    string    `json:"sha256"`
	Reference string    `json:"reference"`
	// Signature is handwritten, or the electronic kind after eIDAS Art. 3: simple, advanced or qualified.
	Signature string `json:"signature"`
}

// Session proves a login: who checked the person, when, and by which session the issuer finds it again.
type Session struct {
	Issuer          string    `json:"issuer"`
	AuthenticatedAt time.Time `json:"authenticatedAt"`
	Reference       string    `json:"reference"`
	// Method is how, such as password, otp or passkey (RFC 8176 names them).
	Method string `json:"method,omitzero"`
}

// Archive says when the person acted, and by what the artefact that proves it is found again.
type Archive struct {
	ProvenAt  time.Time `json:"provenAt"`
	Reference string    `json:"reference"`
}

const (
	maxWord = 512
	// ahead is how far the clock of whoever has the evidence may be ahead.
	ahead = 5 * time.Minute
)

var digest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Check tells whether evidence proves what an event says at a time. What it fails with names members and is wrapped in Err.
func Check(e Evidence, proof consent.Proof, now time.Time) error {
	var errs []error
	need := func(ok bool, member, what string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%w: %s %s", Err, member, what))
		}
	}
	fits := false
	for _, k := range Kinds[proof] {
		fits = fits || k == e.Kind
	}
	need(fits, "kind", fmt.Sprintf("is one of %q for this proof", Kinds[proof]))
	need(e.filled() == 1 && e.member(), "the member named like the kind", "is there, and no other")
	need(e.WordingSHA256 == "" || digest.MatchString(e.WordingSHA256), "wordingSHA256", "is a SHA-256 in lower-case hexadecimal")
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	word := func(s, member string, must bool) {
		need(len(s) <= maxWord && (!must || s != ""), member, "is there, with at most 512 bytes")
	}
	order := func(member string, times ...time.Time) {
		for i, t := range times {
			need(!t.IsZero() && !t.After(now.Add(ahead)), member, "is there, and not in the future")
			need(i == 0 || !t.Before(times[i-1]), member, "has its times in their order")
		}
	}
	switch e.Kind {
	case DoubleOptIn:
		m := e.DoubleOptIn
		word(m.Sender, "doubleOptIn.sender", true)
		order("doubleOptIn", m.AskedAt, m.SentAt, m.ConfirmedAt)
		for _, s := range []string{m.Reference, m.Language, m.Address} {
			word(s, "doubleOptIn", false)
		}
	case NumberCode:
		c := e.NumberCode
		word(c.Sender, "numberCode.sender", true)
		word(c.Reference, "numberCode.reference", false)
		need(c.Channel == "sms" || c.Channel == "call", "numberCode.channel", "is sms or call")
		order("numberCode", c.SentAt, c.ConfirmedAt)
	case Recording:
		c := e.Recording
		need(digest.MatchString(c.SHA256), "recording.sha256", "is a SHA-256 in lower-case hexadecimal")
		word(c.Reference, "recording.reference", true)
		word(c.Agent, "recording.agent", false)
		need(c.Agreed, "recording.agreed", "is true: the person agreed to being recorded")
		order("recording", c.RecordedAt)
	case SignedForm:
		d := e.SignedForm
		need(digest.MatchString(d.SHA256), "signedForm.sha256", "is a SHA-256 in lower-case hexadecimal")
		word(d.Reference, "signedForm.reference", true)
		switch d.Signature {
		case "handwritten", "simple", "advanced", "qualified":
		default:
			need(false, "signedForm.signature", "is handwritten, simple, advanced or qualified")
		}
		order("signedForm", d.SignedAt)
	case Login:
		l := e.Session
		word(l.Issuer, "session.issuer", true)
		word(l.Reference, "session.reference", true)
		word(l.Method, "session.method", false)
		order("session", l.AuthenticatedAt)
	case Archived: // no proof has this kind, so that it does not come here
	}
	return errors.Join(errs...)
}

// CheckImported tells whether a row of a file shows evidence of a proof: when the person acted, and where the artefact is kept. What fails
// names the columns, never what stands in them.
func CheckImported(a Archive, proof consent.Proof, now time.Time) error {
	word := strings.TrimSpace(a.Reference)
	_, isProof := Kinds[consent.Proof(word)]
	switch {
	case Kinds[proof] == nil:
		return fmt.Errorf("%w: proof is one of %q", Err, consent.Proofs)
	case word == "" || len(word) > maxWord || isProof || strings.ContainsFunc(word, unicode.IsControl):
		return fmt.Errorf("%w: evidence says where the artefact that proves it is archived, with 1 to 512 bytes; a row without one is imported without proof, "+
			"and permits nothing until the person confirms", Err)
	case a.ProvenAt.IsZero() || a.ProvenAt.After(now.Add(ahead)):
		return fmt.Errorf("%w: at says when the person did what is proven, which is not in the future", Err)
	}
	return nil
}

func (e Evidence) filled() int {
	n := 0
	for _, there := range []bool{
		e.DoubleOptIn != nil, e.NumberCode != nil, e.Recording != nil, e.SignedForm != nil, e.Session != nil, e.Archived != nil,
	} {
		if there {
			n++
		}
	}
	return n
}

// member tells whether the member of the kind is filled.
func (e Evidence) member() bool {
	switch e.Kind {
	case DoubleOptIn:
		return e.DoubleOptIn != nil
	case NumberCode:
		return e.NumberCode != nil
	case Recording:
		return e.Recording != nil
	case SignedForm:
		return e.SignedForm != nil
	case Login:
		return e.Session != nil
	case Archived:
		return e.Archived != nil
	}
	return false
}
