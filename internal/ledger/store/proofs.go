package store

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store/plain"
	"github.com/optup/optup/internal/ledger/wire"
)

// Entry is what the log says about one event. EncodeEntry writes it; the bytes are what a leaf stands for.
type Entry struct {
	Event      consent.Event   `json:"event"`
	Identities []EntryIdentity `json:"identities"`
}

// EntryIdentity is one identity that an event names, as it was appended.
type EntryIdentity struct {
	Type  consent.IdentifierType `json:"type,omitempty"`
	Plain bool                   `json:"plain,omitempty"`
	// Twice tells that the second half of the tags are those of the first half under another key.
	Twice bool       `json:"twice,omitempty"`
	Tags  []wire.Tag `json:"tags"`
}

// EncodeEntry gives the one encoding of an event with its position and time: JSON with members in the order of the types above, as encoding/json
// writes it, which most entries need not be left to.
func EncodeEntry(e consent.Event, identities []Identity) ([]byte, error) {
	w := plain.Writer{Out: make([]byte, 0, 512)}
	w.Raw(`{"event":{`)
	writeEvent(&w, &e)
	w.Raw(`},"identities":[`)
	for i := range identities {
		if i > 0 {
			w.Raw(`,`)
		}
		writeIdentity(&w, &identities[i])
	}
	if w.Raw(`]}`); !w.Bad {
		return w.Out, nil
	}
	out := Entry{Event: e, Identities: make([]EntryIdentity, len(identities))}
	for i, id := range identities {
		tags := make([]wire.Tag, len(id.Tags))
		for j, t := range id.Tags {
			tags[j] = wire.Tag(t)
		}
		out.Identities[i] = EntryIdentity{Type: id.Type, Plain: id.Plain, Twice: id.Twice, Tags: tags}
	}
	return json.Marshal(out)
}

// DecodeEntry reads an encoded entry.
func DecodeEntry(raw []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, errors.New("an entry of the log cannot be read; verify the database and restore a backup")
	}
	return e, nil
}

// Logged is one place of the log. Entry and Salt are nil once the person was erased; Leaf stays.
type Logged struct {
	Position consent.Position
	Leaf     [32]byte
	Salt     []byte
	Entry    []byte
}

// Proofs gives what it takes to prove a log (see package proof). Sizes are positions: the log that ends there. What lies beyond the head
// fails with proof.ErrRange.
type Proofs interface {
	// Inclusion proves that the leaf at a position is in the log of a size.
	Inclusion(ctx context.Context, position, size consent.Position) ([][32]byte, error)
	// Consistency proves that the log of one size begins with the log of another.
	Consistency(ctx context.Context, from, to consent.Position) ([][32]byte, error)
	// RootAt is the root of the log when it had a size.
	RootAt(ctx context.Context, size consent.Position) ([32]byte, error)
	// Entries gives at most limit places of the log in their order, from a position on.
	Entries(ctx context.Context, from consent.Position, limit int) ([]Logged, error)
}
