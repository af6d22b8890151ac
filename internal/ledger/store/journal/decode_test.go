package journal

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
)

// full has every member of every type.
func full() *consent.Record {
	at := time.Date(2026, 2, 21, 12, 0, 0, 123_000_000, time.UTC)
	objection := consent.Objection{Position: 7, Scope: consent.ScopePurpose, Channel: consent.ChannelEmail, Purpose: "newsletter"}
	return &consent.Record{
		Position: 1<<53 + 1,
		Grants: []consent.Grant{{
			Position: 1, Purpose: "newsletter", Notice: "newsletter-v1", Status: consent.StatusWithdrawn, Proof: consent.ProofSigned, Since: at, Renewed: at.Add(1),
			BasedOn: 2, WidenedFrom: 3, Touchpoint: "shop/form", Guardian: true, Confirmed: 4, RenewedAt: 5, EndedBy: []consent.Position{6, 7}, Before: consent.StatusGiven,
		}, {Position: 9, Purpose: "profiling", Notice: "p", Status: consent.StatusGiven, Since: at.Truncate(time.Second)}},
		Objections:    []consent.Objection{objection, {Position: 8, Scope: consent.ScopeAll}},
		Relationships: []consent.Relationship{{Position: 10, Goods: []string{"shoes", "socks"}, ObjectionNotice: true, Since: at}, {Position: 11, Since: at}},
		Noes:          []consent.No{{Position: 12, Purpose: "newsletter", Refusal: true}, {Position: 13, Purpose: "profiling"}},
		Restricted:    true,
		Inherited:     []consent.No{{Position: 14, Purpose: "newsletter"}},
		Suppressed:    15,
		Lifted:        []consent.Lifted{{Objection: objection, By: 16}},
		Unrestricted:  17,
		Unsuppressed:  []consent.Lifted{{Objection: consent.Objection{Position: 18, Scope: consent.ScopeAll}, By: 19}},
		Asks:          []consent.Ask{{Purpose: "newsletter", Status: consent.AskRefused, Position: 20, At: at}},
		Used:          map[consent.PurposeID]time.Time{"newsletter": at, "profiling": at.Add(time.Second)},
		AgeYears:      21, Business: true, Informed: true, Ambiguous: true,
	}
}

// TestEveryMemberIsReadFast: a member that the types get and the decoder does not know makes everything slow, and shows here.
func TestEveryMemberIsReadFast(t *testing.T) {
	r := full()
	for name, v := range map[string]any{
		"record": *r, "grant": r.Grants[0], "objection": r.Objections[0], "relationship": r.Relationships[0], "no": r.Noes[0], "lifted": r.Lifted[0], "ask": r.Asks[0],
	} {
		x := reflect.ValueOf(v)
		for i := range x.NumField() {
			if x.Field(i).IsZero() {
				t.Errorf("%s: the test leaves out %s", name, x.Type().Field(i).Name)
			}
		}
	}
	for name, r := range map[string]*consent.Record{"full": r, "nobody": {}, "one": {Position: 1}} {
		raw, err := EncodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		d := &decoder{words: map[string]string{}}
		if got := d.record(raw); !reflect.DeepEqual(got, r) {
			t.Errorf("%s: %s is read as %+v", name, raw, got)
		}
	}
}

// TestWhatIsWrittenOtherwiseIsReadTheSame, if by another reader.
func TestWhatIsWrittenOtherwiseIsReadTheSame(t *testing.T) {
	for _, raw := range []string{
		`{"position":1,"position":2}`, `{"Position":1}`, `{"position": 1}`, `{"position":1,"grants":[]}`, `{"position":1,"grants":null}`,
		`{"position":1,"later":true}`, `{"position":1,"restricted":false}`, `{"position":18446744073709551615}`, `{}`,
		`{"position":1,"grants":[{"position":1,"purpose":"a\u0026b","notice":"ü","status":"given","since":"2026-01-01T00:00:00+01:00"}]}`,
		`{"position":1,"used":{"a":"2026-01-01T00:00:00Z","a":"2027-01-01T00:00:00Z"}}`,
	} {
		var want consent.Record
		if err := json.Unmarshal([]byte(raw), &want); err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeRecord([]byte(raw)); err != nil || !reflect.DeepEqual(got, &want) {
			t.Errorf("%s: %+v, %v; want %+v", raw, got, err, want)
		}
	}
	for _, raw := range []string{``, `{`, `{"position":1}}`, `{"position":01}`, `{"position":-1}`, `{"position":1,}`, `{"position":1,"restricted":tru}`, `{"position":1,"grants":[{"since":"yesterday"}]}`} {
		if got, err := DecodeRecord([]byte(raw)); err == nil {
			t.Errorf("%s is read as %+v", raw, got)
		}
	}
}

// FuzzDecodeRecord: what is read fast is what encoding/json reads.
func FuzzDecodeRecord(f *testing.F) {
	raw, err := EncodeRecord(full())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"position":1,"noes":[{"position":1,"purpose":"a"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := &decoder{words: map[string]string{}}
		got := d.record(raw)
		if got == nil {
			return
		}
		want := &consent.Record{}
		if err := json.Unmarshal(raw, want); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is read as %+v, and by encoding/json as %+v, %v", raw, got, want, err)
		}
	})
}

func BenchmarkDecodeRecord(b *testing.B) {
	raw, err := EncodeRecord(&consent.Record{Position: 3, Grants: full().Grants[1:], Noes: full().Noes[:1]})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeRecord(raw); err != nil {
			b.Fatal(err)
		}
	}
}
