package store_test

import (
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// TestAPreparedEntryIsTheEntry, byte for byte: what a leaf stands for must not depend on when it was encoded.
func TestAPreparedEntryIsTheEntry(t *testing.T) {
	tag := consent.Tag{1, 2, 3}
	who := []store.Identity{{Tags: []consent.Tag{tag, {4}}, Type: consent.IdentifierEmail, Plain: true}, {Tags: []consent.Tag{{5}}}}
	events := map[string]consent.Event{
		"as little as can be":  {Type: consent.EventAsked},
		"with a time":          {Type: consent.EventGiven, OccurredAt: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Purpose: "newsletter", Notice: "newsletter-v1", BasedOn: 7},
		"with what is escaped": {Type: consent.EventRelationship, Goods: []string{"<shoes> & \"socks\" \u2028", "Stra\u00dfe"}, Touchpoint: "a\\b"},
		"with everything else": {
			Type: consent.EventCorrected, Actor: consent.ActorOfficer, Pending: true, Proof: consent.ProofSigned, Grant: 1 << 62, Channel: consent.ChannelEmail,
			Scope: consent.ScopeAll, ObjectionNotice: true, Attribute: "age", Value: "20", Guardian: true, Corrects: 3, By: "a", ApprovedBy: "b",
		},
		"with a position and a time that it has already": {Type: consent.EventGiven, Position: 99, At: time.Unix(1, 0)},
	}
	for name, e := range events {
		for _, at := range []consent.Position{1, 10, 1<<63 - 1} {
			for _, now := range []time.Time{time.Unix(1_700_000_000, 0).UTC(), time.Unix(1_700_000_000, 123_000_000).UTC(), time.Unix(0, 1).UTC()} {
				p, ok := store.PrepareEntry(e, who)
				if !ok {
					t.Fatalf("%s: it cannot be prepared", name)
				}
				text, err := now.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				e.Position, e.At = at, now
				want, err := store.EncodeEntry(e, who)
				if err != nil {
					t.Fatal(err)
				}
				if got := p.Encode(at, text); string(got) != string(want) {
					t.Errorf("%s: prepared\n%s, want\n%s", name, got, want)
				}
			}
		}
	}
	for name, e := range map[string]consent.Event{"no plain word": {Type: "gi\"ven"}, "a letter that is escaped": {Type: "given<"}} {
		if _, ok := store.PrepareEntry(e, who); ok {
			t.Errorf("%s is prepared", name)
		}
	}
}
