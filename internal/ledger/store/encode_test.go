package store_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
	"github.com/optup/optup/internal/ledger/wire"
)

// TestAnEntryIsEncodedAsJSONIs, with each member alone and without it, and whatever a text or a time holds. A member that the types get and the
// encoder does not know would be lost, and shows here.
func TestAnEntryIsEncodedAsJSONIs(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	whole := consent.Event{
		Position: 1<<63 + 1, Type: consent.EventGiven, At: at, OccurredAt: at.Add(1), Actor: consent.ActorOfficer, Touchpoint: "shop/form", Purpose: "newsletter",
		Notice: "newsletter-v1", Language: "de", Pending: true, Proof: consent.ProofSigned, BasedOn: 2, Grant: 3, Channel: consent.ChannelEmail,
		Scope: consent.ScopeAll, Goods: []string{"shoes", "socks"}, ObjectionNotice: true, Attribute: "age", Value: "20", Guardian: true, Corrects: 4, By: "a", ApprovedBy: "b",
	}
	quick := whole
	quick.Goods = nil
	events := []consent.Event{{}, whole, quick, {Goods: []string{}}}
	for i := range reflect.TypeFor[consent.Event]().NumField() {
		if reflect.ValueOf(whole).Field(i).IsZero() {
			t.Errorf("the test leaves out %s", reflect.TypeFor[consent.Event]().Field(i).Name)
		}
		alone, without := consent.Event{}, quick
		reflect.ValueOf(&alone).Elem().Field(i).Set(reflect.ValueOf(whole).Field(i))
		reflect.ValueOf(&without).Elem().Field(i).SetZero()
		events = append(events, alone, without)
	}
	for _, text := range []string{"<a>", `"`, `\`, "&", "\u00e4", "\x00", "\x7f", "\xff", "\u2028", "~ !"} {
		events = append(events, consent.Event{Type: consent.EventType(text)}, consent.Event{Value: text})
	}
	for _, at := range []time.Time{time.Unix(1, 0).In(time.FixedZone("", 3600)), time.Unix(1, 0), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)} {
		events = append(events, consent.Event{OccurredAt: at})
	}
	if n := reflect.TypeFor[store.EntryIdentity]().NumField(); n != 4 {
		t.Errorf("an identity has %d members, of which the encoder knows 4", n)
	}
	for _, who := range [][]store.Identity{
		nil,
		{},
		{{}},
		{{Tags: []consent.Tag{{1}}, Type: consent.IdentifierEmail, Plain: true}},
		{{Tags: []consent.Tag{{1}, {2, 255}}, Twice: true}, {Tags: []consent.Tag{{3}}, Type: "<"}},
	} {
		for _, e := range events {
			entry := store.Entry{Event: e, Identities: make([]store.EntryIdentity, len(who))}
			for i, id := range who {
				tags := make([]wire.Tag, len(id.Tags))
				for n, tag := range id.Tags {
					tags[n] = wire.Tag(tag)
				}
				entry.Identities[i] = store.EntryIdentity{Type: id.Type, Plain: id.Plain, Twice: id.Twice, Tags: tags}
			}
			want, failed := json.Marshal(entry)
			got, err := store.EncodeEntry(e, who)
			if string(got) != string(want) || (err == nil) != (failed == nil) {
				t.Errorf("encoded as\n%s, %v, want\n%s, %v", got, err, want, failed)
			}
		}
	}
}
