package journal

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strconv"
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
		raw, err := AppendRecord(nil, r)
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
		`{"grants":[{"purpose":""}]}`, `{"grants":[{"position":1,"notice":"n","status":"given"}]}`, `{"grants":[{"notice":"n"},{"status":"given","since":"2026-02-21T12:00:00Z"}]}`,
		`{"noes":[{"purpose":""}]}`, `{"noes":[{"refusal":true}]}`, `{"noes":[{"position":1,"refusal":true},{"purpose":"a","refusal":true}]}`,
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

// TestWhatIsLikelyHasItsQuotes: what is expected is taken only where it stands whole, between quotes.
func TestWhatIsLikelyHasItsQuotes(t *testing.T) {
	grant := func(status string) []byte {
		return []byte(`{"position":1,"grants":[{"position":1,"purpose":"a","notice":"n","status":` + status + `,"since":"2026-02-21T12:00:00Z"}]}`)
	}
	d := &decoder{words: map[string]string{}}
	for _, status := range []string{`xgiven"`, `"givenx`, `"given`, `given`} {
		if d.record(grant(`"given"`)) == nil {
			t.Fatal("what is usual is left to others")
		}
		if r := d.record(grant(status)); r != nil {
			t.Errorf("%s is read as %+v", status, r)
		}
	}
	d.in, d.at, d.bad = []byte(`"givenx"`), 0, false
	if last := "given"; d.again(&last) != "givenx" || d.bad {
		t.Errorf("%s is read as %q", d.in, last)
	}
}

// TestUnescaped: eight bytes at once are looked at like one.
func TestUnescaped(t *testing.T) {
	for n := 1; n <= 17; n++ {
		for at := range n {
			for c := range 256 {
				text := bytes.Repeat([]byte("a"), n)
				text[at] = byte(c)
				if got, want := unescaped(text), c >= ' ' && c <= '~' && c != '\\'; got != want {
					t.Fatalf("%q: %v", text, got)
				}
			}
		}
	}
}

// FuzzDecodeRecord: what is read fast is what encoding/json reads.
func FuzzDecodeRecord(f *testing.F) {
	raw, err := AppendRecord(nil, full())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"position":1,"noes":[{"position":1,"purpose":"a"}]}`))
	for _, row := range population(f, 10) {
		f.Add(row.Record)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := &decoder{words: map[string]string{}}
		got, again := d.record(raw), d.record(raw)
		if got == nil {
			return
		}
		if !reflect.DeepEqual(again, got) {
			t.Fatalf("%q is read as %+v, and then as %+v", raw, got, again)
		}
		want := &consent.Record{}
		if err := json.Unmarshal(raw, want); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is read as %+v, and by encoding/json as %+v, %v", raw, got, want, err)
		}
	})
}

func BenchmarkDecodeRecord(b *testing.B) {
	raw, err := AppendRecord(nil, &consent.Record{Position: 3, Grants: full().Grants[1:], Noes: full().Noes[:1]})
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

// population gives rows of people, each with some of eight purposes.
func population(tb testing.TB, n int) (rows []Row) {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		r := &consent.Record{Position: consent.Position(i + 1)}
		for n := range 8 {
			purpose := consent.PurposeID("marketing-purpose-" + strconv.Itoa(n))
			at := time.Unix(1_700_000_000+random.Int64N(1e7), 0).UTC()
			switch random.IntN(8) {
			case 0, 1, 2:
				r.Grants = append(r.Grants, consent.Grant{
					Position: consent.Position(8*i + n + 1), Purpose: purpose, Notice: consent.NoticeID(purpose + "-v1"), Status: consent.StatusGiven,
					Proof: consent.ProofMailboxConfirmed, Since: at, Touchpoint: "shop/form",
				})
			case 3: // like the one before, and not quite
				r.Grants = append(r.Grants, consent.Grant{
					Position: consent.Position(8*i + n + 1), Purpose: purpose[:len(purpose)-1], Notice: consent.NoticeID(purpose + "-v"), Status: consent.StatusRenewed,
					Proof: consent.ProofSigned, Since: at, BasedOn: 1, Touchpoint: "shop/form2",
				})
			case 4: // with members that few have
				r.Grants = append(r.Grants, consent.Grant{Purpose: purpose, Status: consent.StatusWithdrawn, Since: at, Renewed: at, EndedBy: []consent.Position{7}})
			case 5:
				r.Noes = append(r.Noes, consent.No{Position: consent.Position(8*i + n + 1), Purpose: purpose, Refusal: i%50 == 0})
			case 6:
				r.Noes = append(r.Noes, consent.No{Position: consent.Position(8*i + n + 1), Purpose: purpose + "ü"})
			}
		}
		raw, err := AppendRecord(nil, r)
		if err != nil {
			tb.Fatal(err)
		}
		kind := consent.IdentifierEmail
		if i%3 == 0 {
			kind = consent.IdentifierPhone
		}
		rows = append(rows, Row{ID: int64(i), Type: []byte(kind), Record: raw})
	}
	return rows
}

// TestReaderTakesNothingForGranted: it expects what came before to come again, and reads what comes.
func TestReaderTakesNothingForGranted(t *testing.T) {
	reader := NewReader()
	defer reader.Close()
	for _, row := range population(t, 2000) {
		got, err := reader.Alone(row)
		if err != nil {
			t.Fatal(err)
		}
		var want consent.Record
		if err := json.Unmarshal(row.Record, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Record, &want) || string(got.Type) != string(row.Type) {
			t.Fatalf("%s %s is read as %s %+v", row.Type, row.Record, got.Type, got.Record)
		}
	}
}

// Of many people, for who keeps nothing.
func BenchmarkReader(b *testing.B) {
	rows := population(b, 1000)
	reader := NewReader()
	defer reader.Close()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := reader.Alone(rows[i%len(rows)]); err != nil {
			b.Fatal(err)
		}
	}
}
