package wire

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/optup/optup/internal/consent"
)

// Version is the version of the stream that this package speaks. Another one is another protocol.
const Version = 2

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
	// Purposes are those that the stream is about. Nothing can be told from it about others.
	Purposes []consent.PurposeID `json:"purposes"`
	// Timed are those of them for which times are told. For the others, facts that would need one say so (consent.Fact.Untimed).
	Timed []consent.PurposeID `json:"timed,omitempty"`
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
}

// Change is what one event came to; it replaces what was known about the people in it. The first of them is named in Change itself.
type Change struct {
	Position consent.Position `json:"position"`
	// Hashed tells that from now on somebody may be known by a hashed identifier alone.
	Hashed bool `json:"hashed,omitempty"`
	Person
	// More are others whom the event concerns: the same person under other identifiers.
	More []Person `json:"more,omitempty"`
}

// Ping asks for the head of the log.
type Ping struct {
	Nonce string `json:"nonce"`
}

// Pong answers a ping. The position was read from the store after the ping came.
type Pong struct {
	Nonce    string           `json:"nonce"`
	Epoch    string           `json:"epoch"`
	Position consent.Position `json:"position"`
	// Time is the ledger's time, UTC. It is not before that of any event.
	Time time.Time `json:"time"`
}

// Parameters of a subscription: purposes that are asked for, and those of them for which times count.
const (
	PurposeParameter = "purpose"
	TimedParameter   = "timed"
)

// GrantHeader is the HTTP header that carries a subscriber's grant.
const GrantHeader = "OptUp-Grant"
