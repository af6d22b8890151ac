package wire

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/optup/optup/internal/consent"
)

// UsesVersion is the version of the batches of use records that this package speaks.
const UsesVersion = 1

// UsesPath is where a ledger takes them.
const UsesPath = "/v1/uses"

// Limits of one batch.
const (
	MaxUsesBytes = 4 << 20
	MaxDecisions = 4096
	MaxUses      = 16384
)

// Uses is one batch of use records of one sidecar. A batch that is sent again has the same ID and counts once.
type Uses struct {
	Version int    `json:"version"`
	ID      string `json:"id"`
	// Lost is how many records the sidecar could not keep since the batch before.
	Lost      uint64    `json:"lost,omitempty"`
	Decisions []Decided `json:"decisions,omitempty"`
}

// Decided is one decision about a request, or a part of one: a long answer is told in parts, and the last of them has an effect.
// Which workload it was is for the ledger to know from its grant.
type Decided struct {
	ID DecisionID `json:"id"`
	// At is the ledger's time as the sidecar knew it; the sidecar's own where it never reached the ledger.
	At         time.Time         `json:"at"`
	Effect     string            `json:"effect,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Mode       string            `json:"mode,omitempty"`
	Purpose    consent.PurposeID `json:"purpose,omitempty"`
	Policies   []string          `json:"policies,omitempty"`
	Service    string            `json:"service,omitempty"`
	Endpoint   string            `json:"endpoint,omitempty"`
	Party      string            `json:"party,omitempty"`
	Generation int64             `json:"generation,omitempty"`
	Position   consent.Position  `json:"position,omitempty"`
	// Unanswered tells that the service did not answer, so that nobody knows whether it got the data.
	Unanswered bool `json:"unanswered,omitempty"`
	// First is the number of the first of the people in this part; numbers of a decision start at 1.
	First int   `json:"first,omitempty"`
	Uses  []Use `json:"uses,omitempty"`
}

// Use is what was decided about one person. The tag is absent where no identifier could be read.
type Use struct {
	Tag    *Tag             `json:"tag,omitempty"`
	Reason string           `json:"reason"`
	Grant  consent.Position `json:"grant,omitempty"`
}

// Taken answers a batch.
type Taken struct {
	// Replayed tells that the batch had been taken before.
	Replayed bool `json:"replayed,omitempty"`
	// Refused is how many decisions the grant does not cover. Sending them again does not help.
	Refused int `json:"refused,omitempty"`
}

// DecisionID names one decision. It says when it was taken and nothing else. As text it is 26 characters that sort by time.
type DecisionID [16]byte

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewDecisionID makes an ID of a moment, in milliseconds, and of random values.
func NewDecisionID(at time.Time, high, low uint64) (id DecisionID) {
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|high>>48)
	binary.BigEndian.PutUint64(id[8:], low)
	return id
}

// ParseDecisionID reads the text of an ID.
func ParseDecisionID(text string) (id DecisionID, err error) {
	return id, id.UnmarshalText([]byte(text))
}

// String is the ID as callers are told it.
func (id DecisionID) String() string { return idEncoding.EncodeToString(id[:]) }

// MarshalText implements encoding.TextMarshaler.
func (id DecisionID) MarshalText() ([]byte, error) { return idEncoding.AppendEncode(nil, id[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *DecisionID) UnmarshalText(text []byte) error {
	var raw [len(id)]byte
	if len(text) != idEncoding.EncodedLen(len(id)) {
		return fmt.Errorf("%w: an id of a decision has 26 characters", ErrFrame)
	}
	if n, err := idEncoding.Decode(raw[:], text); err != nil || n != len(id) {
		return fmt.Errorf("%w: this is no id of a decision", ErrFrame)
	}
	*id = raw
	return nil
}
