package doors

import (
	"bytes"
	stdjson "encoding/json"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// FuzzWriting: answers are written by hand as a library would by their tags, and what is no text is not written.
func FuzzWriting(f *testing.F) {
	f.Add(true, "NOT_PERMITTED", "replace-body", "{\"a\":\"\\u0000\"}", "newsletter", "id", "a \"message\"\n\\", int64(7), uint8(0xff))
	f.Add(false, "", "", "ü€𝄞\u2028<&>", "", "", "\x7f\x1f", int64(-1), uint8(0))
	f.Add(false, "\xff", "", "", "", "", "", int64(0), uint8(1))
	f.Fuzz(func(t *testing.T, yes bool, reason, obligation, body, purpose, id, message string, number int64, parts uint8) {
		a := Answer{Decision: yes, Context: Note{
			Reason: decide.Reason(reason), Purpose: consent.PurposeID(purpose), ID: id, Observed: parts&1 != 0, Position: consent.Position(number),
		}}
		if parts&2 != 0 {
			a.Context.Obligations = []ir.Obligation{ir.Obligation(obligation), "two"}
		}
		if parts&4 != 0 {
			a.Context.Bodies = []string{}
		}
		if parts&8 != 0 {
			a.Context.Bodies = append(a.Context.Bodies, body, body)
		}
		if parts&16 != 0 {
			a.Context.Error = &Failure{Status: int(uint16(number)), Message: message}
		}
		all := []Answer{a, {}}
		want, errWant := json.Marshal(struct {
			Evaluations []Answer `json:"evaluations"`
		}{all})
		got, err := answers(all).append(nil)
		if (err == nil) != (errWant == nil) || (err == nil && !reflect.DeepEqual(said(t, got), said(t, want))) {
			t.Errorf("%q %v, want %q %v", got, err, want, errWant)
		}
	})
}

// said is what JSON says, however it is written.
func said(t *testing.T, text []byte) (out any) {
	t.Helper()
	d := stdjson.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return out
}
