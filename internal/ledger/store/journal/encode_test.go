package journal

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
)

// TestARecordIsEncodedAsJSONIs, with and without each member that there is, and whatever a text or a time holds. A member that the types get and
// the encoder does not know would be lost, and shows here.
func TestARecordIsEncodedAsJSONIs(t *testing.T) {
	all := []*consent.Record{{}, {Position: 1}, full(), {Grants: []consent.Grant{}}, {Grants: full().Grants}, {Grants: []consent.Grant{{}, {}}}}
	for i := range reflect.TypeFor[consent.Record]().NumField() {
		r := &consent.Record{Position: 3, Grants: full().Grants}
		reflect.ValueOf(r).Elem().Field(i).Set(reflect.ValueOf(full()).Elem().Field(i))
		all = append(all, r)
	}
	for i := range reflect.TypeFor[consent.Grant]().NumField() {
		with, without := full().Grants[1], full().Grants[0]
		reflect.ValueOf(&with).Elem().Field(i).Set(reflect.ValueOf(full().Grants[0]).Field(i))
		reflect.ValueOf(&without).Elem().Field(i).SetZero()
		all = append(all, &consent.Record{Grants: []consent.Grant{with, without}})
	}
	for _, text := range []string{"<a>", `"`, `\`, "&", "ä", "\x00", "\x7f", "\xff", "\u2028", "~ !"} {
		all = append(all, &consent.Record{Grants: []consent.Grant{{Purpose: consent.PurposeID(text)}}}, &consent.Record{Grants: []consent.Grant{{Touchpoint: text}}})
	}
	for _, at := range []time.Time{time.Unix(1, 5).UTC(), time.Unix(1, 0).In(time.FixedZone("", 3600)), time.Unix(1, 0), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)} {
		all = append(all, &consent.Record{Grants: []consent.Grant{{Since: at, Renewed: at}}})
	}
	for _, r := range all {
		want, failed := json.Marshal(r)
		got, err := AppendRecord([]byte(`{"before":1}`), r)
		got, after := bytes.CutPrefix(got, []byte(`{"before":1}`))
		if !after {
			t.Fatal("what was there before is gone")
		}
		if string(got) != string(want) || (err == nil) != (failed == nil) {
			t.Errorf("encoded as\n%s, %v, want\n%s, %v", got, err, want, failed)
		}
	}
}
