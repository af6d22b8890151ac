package store

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store/plain"
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

// writeEvent writes the members of an event.
func writeEvent(w *plain.Writer, e *consent.Event) {
	w.SomeNumber("position", uint64(e.Position))
	w.Name("type")
	w.Text(string(e.Type))
	w.SomeTime("at", e.At)
	w.SomeTime("occurredAt", e.OccurredAt)
	w.SomeText("actor", string(e.Actor))
	w.SomeText("touchpoint", e.Touchpoint)
	w.SomeText("purpose", string(e.Purpose))
	w.SomeText("notice", string(e.Notice))
	w.SomeText("language", e.Language)
	w.Yes("pending", e.Pending)
	w.SomeText("proof", string(e.Proof))
	w.SomeNumber("basedOn", uint64(e.BasedOn))
	w.SomeNumber("grant", uint64(e.Grant))
	w.SomeText("channel", string(e.Channel))
	w.SomeText("scope", string(e.Scope))
	w.Bad = w.Bad || len(e.Goods) > 0
	w.Yes("objectionNotice", e.ObjectionNotice)
	w.SomeText("attribute", e.Attribute)
	w.SomeText("value", e.Value)
	w.Yes("guardian", e.Guardian)
	w.SomeNumber("corrects", uint64(e.Corrects))
	w.SomeText("by", e.By)
	w.SomeText("approvedBy", e.ApprovedBy)
}

func writeIdentity(w *plain.Writer, id *Identity) {
	w.Raw(`{`)
	w.SomeText("type", string(id.Type))
	w.Yes("plain", id.Plain)
	w.Yes("twice", id.Twice)
	w.Name("tags")
	for i := range id.Tags {
		if i == 0 {
			w.Raw(`["`)
		} else {
			w.Raw(`,"`)
		}
		w.Out = base64.RawStdEncoding.AppendEncode(w.Out, id.Tags[i][:])
		w.Raw(`"`)
	}
	if len(id.Tags) == 0 {
		w.Raw(`[`)
	}
	w.Raw(`]}`)
}
