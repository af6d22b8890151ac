package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/optup/optup/internal/consent"
)

// Version is the version of the stream that this package speaks, Oldest the oldest one that it still understands. A subscriber names all
// that it speaks (see VersionParameter), one that names none speaks version 2; the ledger takes the newest that both do.
//
// In version 2 a change is about one person (Single), nothing is resumed, and nothing can be compared. Before version 4 tags are made with one
// key: a ledger whose key has changed refuses it.
const (
	Version = 4
	Oldest  = 2
)

// Protocol is what a subscriber may ask the ledger to upgrade an HTTP/1.1 connection to, with version 3: from then on frames go both
// ways, and pings with them. Without it the stream is the body of an answer, and pings are requests of their own.
const Protocol = "optup-stream"

// Tag is a consent.Tag as text: base64 without padding.
type Tag consent.Tag

// MarshalText implements encoding.TextMarshaler.
func (t Tag) MarshalText() ([]byte, error) { return base64.RawStdEncoding.AppendEncode(nil, t[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Tag) UnmarshalText(text []byte) error {
	var raw [len(t) + 2]byte
	if base64.RawStdEncoding.DecodedLen(len(text)) != len(t) {
		return fmt.Errorf("%w: tag", ErrFrame)
	}
	if n, err := base64.RawStdEncoding.Strict().Decode(raw[:], text); err != nil || n != len(t) {
		return fmt.Errorf("%w: tag", ErrFrame)
	}
	copy(t[:], raw[:])
	return nil
}

// String never shows the tag.
func (t Tag) String() string { return consent.Tag(t).String() }

// GoString never shows the tag.
func (t Tag) GoString() string { return t.String() }

// Hello is how a stream begins.
type Hello struct {
	Version int `json:"version"`
	// Epoch names the log. Positions of different epochs cannot be compared.
	Epoch string `json:"epoch"`
	// Key is the key that tags are made with (see consent.Tagger), and KeyID its name.
	KeyID string `json:"keyID"`
	Key   []byte `json:"key"`
	// Later are the keys that took its place since, which make tags of tags (see consent.Retagger); from version 4 on.
	Later [][]byte `json:"later,omitempty"`
	// Purposes are those that the stream is about. Nothing can be told from it about others.
	Purposes []consent.PurposeID `json:"purposes"`
	// Timed are those of them for which times are told. For the others, facts that would need one say so (consent.Fact.Untimed).
	Timed []consent.PurposeID `json:"timed,omitempty"`
	// Proven is the size of the checkpoint that the subscriber held, if the ledger compared it with its log and it is of this log.
	Proven consent.Position `json:"proven,omitempty"`
}

// Held is what a subscriber says about the facts that it has, in HeldHeader.
type Held struct {
	Epoch    string           `json:"epoch"`
	Position consent.Position `json:"position"`
	// Checkpoint is the newest that the ledger sent, which may be of an earlier position, or of a later one (see Change.Checkpoint).
	Checkpoint string `json:"checkpoint"`
	// Resume asks for the changes since Position, without a snapshot. The facts are complete up to there, for these purposes, made with the
	// key of this name, and the checkpoint is of Position.
	Resume   bool                `json:"resume,omitempty"`
	Purposes []consent.PurposeID `json:"purposes,omitempty"`
	Timed    []consent.PurposeID `json:"timed,omitempty"`
	KeyID    string              `json:"keyID,omitempty"`
}

// Person is what is known about one person, reduced (see decide.Reduce). Without facts there is nothing (any more).
type Person struct {
	Tags  []Tag                              `json:"tags"`
	Facts map[consent.PurposeID]consent.Fact `json:"facts,omitempty"`
}

// People is a part of a snapshot as text, for whoever wants to read or compare one. Streams carry it as AppendFacts and AppendPerson write
// it.
type People struct {
	People []Person `json:"people"`
}

// At names a position.
type At struct {
	Position consent.Position `json:"position"`
	// Plain tells, at the end of a snapshot, that nobody in it is known by a hashed identifier alone, and that changes say when that ends
	// to be so.
	Plain bool `json:"plain,omitempty"`
	// Checkpoint is that of the position, at the end of a snapshot.
	Checkpoint string `json:"checkpoint,omitempty"`
}

// Change is what one event made of people; it replaces what was known about each of them.
type Change struct {
	Position consent.Position `json:"position"`
	// Hashed tells that from now on somebody may be known by a hashed identifier alone.
	Hashed bool     `json:"hashed,omitempty"`
	People []Person `json:"people"`
	// Checkpoint is a signed checkpoint, where the ledger has one. It is opaque to a subscriber, which keeps the newest and shows it with each
	// ping: a ledger whose log contradicts it has forgotten something. The first of several changes that were committed together carries that
	// of them all, so that nobody has a part of them without it; Covers is then the position that it is of, and 0 where that is Position.
	Checkpoint string           `json:"checkpoint,omitempty"`
	Covers     consent.Position `json:"covers,omitempty"`
}

// Single is a Change in version 2 of the stream.
type Single struct {
	Position consent.Position `json:"position"`
	Hashed   bool             `json:"hashed,omitempty"`
	Person
}

// Ping asks for the head of the log.
type Ping struct {
	Nonce string `json:"nonce"`
	// Position is up to where changes have been applied, of the log with this Epoch, and Checkpoint the newest that the subscriber has
	// of it.
	Epoch      string           `json:"epoch,omitempty"`
	Position   consent.Position `json:"position,omitempty"`
	Checkpoint string           `json:"checkpoint,omitempty"`
	// AgeMillis is how old the facts are as the ping is sent; negative for facts that nothing may rest on.
	AgeMillis int64 `json:"ageMillis,omitempty"`
}

// Pong answers a ping. The position was read from the store after the ping came.
type Pong struct {
	Nonce    string           `json:"nonce"`
	Epoch    string           `json:"epoch"`
	Position consent.Position `json:"position"`
	// Time is the ledger's time, UTC. It is not before that of any event.
	Time time.Time `json:"time"`
	// Proven is the size of the checkpoint in the ping, if it was compared with the log, after the ping came, and is of this log.
	Proven consent.Position `json:"proven,omitempty"`
}

// Parameters of a subscription: purposes that are asked for, those of them for which times count, the versions that the subscriber speaks,
// and its freshness bound in milliseconds, past which it permits nothing that rests on facts.
const (
	PurposeParameter = "purpose"
	TimedParameter   = "timed"
	VersionParameter = "version"
	BoundParameter   = "bound"
)

// GrantHeader is the HTTP header that carries a subscriber's grant, HeldHeader the one with Held, in JSON and base64 (URL alphabet, no
// padding).
const (
	GrantHeader = "OptUp-Grant"
	HeldHeader  = "OptUp-Held"
)

// Contradicted is the type of the problem that a ledger answers with once its log contradicts a checkpoint that it signed.
const Contradicted = "urn:optup:problem:contradicted"

// EncodeHeld gives the value of HeldHeader.
func EncodeHeld(h Held) (string, error) {
	raw, err := json.Marshal(h)
	return base64.RawURLEncoding.EncodeToString(raw), err
}

// DecodeHeld reads the value of HeldHeader. It fails with ErrFrame.
func DecodeHeld(value string) (Held, error) {
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return Held{}, fmt.Errorf("%w: what the subscriber holds", ErrFrame)
	}
	return Decode[Held](raw)
}
