package pages

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
)

// Errors that pages have words for. Every other error is a fault of the ledger.
var (
	// ErrLink reports a token that is unknown, altered, of another kind, too old, or used up. They all look the same.
	ErrLink = errors.New("the link does not count, or no longer")
	// ErrOutdated reports an act that rests on a page which no longer shows what is so.
	ErrOutdated = errors.New("the page is out of date")
	// ErrNotOffered reports a touchpoint that does not exist, or an answer to what nobody asks there.
	ErrNotOffered = errors.New("this is not offered here")
	// ErrInput reports an answer that cannot be one, such as an address without an @.
	ErrInput = errors.New("the answer is not complete")
)

// Text is a text, and the language that it is in.
type Text struct {
	Language string `json:"language"`
	Text     string `json:"text"`
}

// Purpose is what data is used for, in words.
type Purpose struct {
	ID          consent.PurposeID
	Title       Text
	Description Text
}

// Notice is one version of a wording.
type Notice struct {
	ID      consent.NoticeID
	Version int
	Text    Text
	// SHA256 is the hash of the text in that language, in hexadecimal; empty where the ledger no longer has the wording.
	SHA256 string
}

// Links is what mailed links do. Tokens and sessions are opaque. No method tells whether an address is known.
type Links interface {
	// RequestPage sends a link to the person's page to an address. It fails with ErrInput for what cannot be an address, and
	// otherwise always does the same as far as the caller can see.
	RequestPage(ctx context.Context, address, language string) error
	// Open spends the token of a link to the person's page.
	Open(ctx context.Context, token string) (session string, until time.Time, err error)
	// Session tells who has opened a session; ErrLink for nobody.
	Session(ctx context.Context, session string) (Who, error)
	// Look shows what a token is about and spends nothing.
	Look(ctx context.Context, token string) (Asked, error)
	// Confirm and Disown answer the question of a double opt-in, and spend its token.
	Confirm(ctx context.Context, token string) error
	Disown(ctx context.Context, token string) error
	// Withdraw takes back what the token of a withdrawal link names. It may be repeated: whoever wants out gets out.
	Withdraw(ctx context.Context, token string) error
}

// Who is the person at the page: whoever has shown that the mailbox is theirs.
type Who struct {
	// Tags are those of the proven identifier under the ledger's first key.
	Tags []consent.Tag
	// Until is when the session ends.
	Until time.Time
}

// LinkKind is what a mailed link is for.
type LinkKind string

// Kinds of links.
const (
	LinkConfirm  LinkKind = "confirm"
	LinkOpen     LinkKind = "open"
	LinkWithdraw LinkKind = "withdraw"
)

// Asked is what a mailed link is about.
type Asked struct {
	Kind       LinkKind
	Controller string
	// Purposes and Notice are what was agreed to, or what is taken back; none for a link to the person's page.
	Purposes []Purpose
	Notice   Notice
	// At is when it was asked for.
	At    time.Time
	Until time.Time
	// Back is where the person came from, an address of the touchpoint; empty for none.
	Back string
}

// Desk serves a person whose mailbox is proven.
type Desk interface {
	Person(ctx context.Context, who Who, language string) (*Person, error)
	// Do appends what the person did. It fails with ErrOutdated where Act.BasedOn is older than what it contradicts; taking back,
	// objecting, restricting and asking for erasure never fail for that.
	Do(ctx context.Context, who Who, act Act) error
	// Export gives everything that is known (GDPR Art. 15), to be written as JSON.
	Export(ctx context.Context, who Who, language string) (any, error)
	// Receipt gives the receipt of one event of the person, or ErrNotOffered.
	Receipt(ctx context.Context, who Who, p consent.Position) (any, error)
}

// ActKind is what a person does on the page.
type ActKind string

// Acts. Widen and Accept permit; all others restrict, or end a restriction that was the person's own.
const (
	ActWithdraw    ActKind = "withdraw"
	ActWithdrawAll ActKind = "withdraw-all"
	ActObject      ActKind = "object"
	ActLift        ActKind = "lift"
	ActRestrict    ActKind = "restrict"
	ActUnrestrict  ActKind = "unrestrict"
	ActErase       ActKind = "erase"
	ActWiden       ActKind = "widen"
	ActRefuse      ActKind = "refuse"
)

// Act is one act of a person.
type Act struct {
	Kind    ActKind
	Purpose consent.PurposeID
	Notice  consent.NoticeID
	// BasedOn is the position that the page showed.
	BasedOn  consent.Position
	Language string
}

// Forms serves touchpoints on the pages of a shop.
type Forms interface {
	// Form gives what a visitor is asked at a touchpoint, or ErrNotOffered.
	Form(ctx context.Context, touchpoint, language string) (*Form, error)
	// Answer takes what a visitor answered. It fails with ErrInput and ErrNotOffered; whether the address is known never shows.
	Answer(ctx context.Context, touchpoint string, a Answer) error
}

// Form is what a visitor is asked.
type Form struct {
	Touchpoint string
	Controller string
	Language   string
	// Origins are those of pages that may show the form: that of the touchpoint's own address.
	Origins []string
	// Back is the touchpoint's own address; empty for none.
	Back      string
	Questions []Question
}

// Words is the hash of the words that a visitor was shown beside a box; empty if the form has no such box.
func (f *Form) Words(g Given) string {
	for _, q := range f.Questions {
		if q.Notice.ID == g.Notice && slices.ContainsFunc(q.Purposes, func(p Purpose) bool { return p.ID == g.Purpose }) {
			return q.Notice.SHA256
		}
	}
	return ""
}

// Question is one wording with one box for each of its purposes.
type Question struct {
	Notice   Notice
	Purposes []Purpose
}

// Answer is what a visitor ticked.
type Answer struct {
	Address  string
	Language string
	Given    []Given
	// NoSale tells that the browser sent Sec-GPC: data shall be neither sold nor shared (Global Privacy Control).
	NoSale bool
}

// Given is one box that was ticked.
type Given struct {
	Purpose consent.PurposeID `json:"purpose"`
	Notice  consent.NoticeID  `json:"notice"`
}
