package stream

import (
	"bytes"
	"errors"

	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/ledger/wire"
)

// errTogether reports a change that version 2 of the stream has no words for.
var errTogether = errors.New("an event changed several people in different ways, which version 2 of the stream cannot tell")

// single tells a change in version 2: about one person. Several who stand alike for this scope are told as one. For others there is no way
// but a new snapshot: leaving somebody out would leave a withdrawal out.
func single(c wire.Change) (wire.Single, error) {
	out := wire.Single{Position: c.Position, Hashed: c.Hashed}
	var same []byte
	for i, p := range c.People {
		encoded := facts.Encode(nil, p.Facts)
		if i == 0 {
			same, out.Facts = encoded, p.Facts
		}
		if !bytes.Equal(encoded, same) {
			return out, errTogether
		}
		out.Tags = append(out.Tags, p.Tags...)
	}
	return out, nil
}
