package store

import (
	"bytes"
	"strconv"
	"time"

	"github.com/optup/optup/internal/consent"
)

// PreparedEntry is an entry but for the position and the time of its event, which nobody knows before it is its turn.
type PreparedEntry struct{ until, rest []byte }

// PrepareEntry does what can be done of EncodeEntry before the event has its position. It reports false where that is nothing.
func PrepareEntry(e consent.Event, identities []Identity) (PreparedEntry, bool) {
	for _, c := range []byte(e.Type) {
		if c < 'A' || c > 'z' {
			return PreparedEntry{}, false
		}
	}
	e.Position, e.At = 1, time.Time{}
	raw, err := EncodeEntry(e, identities)
	rest, ok := bytes.CutPrefix(raw, []byte(`{"event":{"position":1,"type":"`+e.Type+`"`))
	if err != nil || !ok {
		return PreparedEntry{}, false
	}
	return PreparedEntry{until: []byte(`,"type":"` + e.Type + `","at":`), rest: rest}, true
}

// Encode gives what EncodeEntry gives for the event with a position and a time, which is as JSON writes it.
func (p PreparedEntry) Encode(at consent.Position, t []byte) []byte {
	const begin = `{"event":{"position":`
	out := make([]byte, 0, len(begin)+20+len(p.until)+len(t)+len(p.rest))
	out = strconv.AppendUint(append(out, begin...), uint64(at), 10)
	return append(append(append(out, p.until...), t...), p.rest...)
}
