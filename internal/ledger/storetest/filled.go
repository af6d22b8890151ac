package storetest

import (
	"fmt"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/proof"
	"github.com/optup/optup/internal/ledger/store"
)

// Identity gives the identity of a number: a mail address with two forms, a customer number or a device.
func Identity(kind consent.IdentifierType, n int) store.Identity {
	tag := func(form byte) consent.Tag { return consent.Tag{kind[0], form, byte(n), byte(n >> 8), 1} }
	if kind != consent.IdentifierEmail {
		return store.Identity{Type: kind, Plain: true, Tags: []consent.Tag{tag(1)}}
	}
	return store.Identity{Type: kind, Plain: true, Tags: []consent.Tag{tag(1), tag(2)}}
}

// Places of the log that Fill makes.
const (
	GivenAt, WithdrawnAt, LinkedAt = 301, 302, 303
	// What was said at ErasedFrom and after it was erased at ErasedAt.
	ErasedFrom, ErasedAt, FilledSize = 307, 310, 620
)

// Fill appends a log with everything that happens, and gives the checkpoints of some sizes.
func Fill(t testing.TB, s store.Store) map[consent.Position]proof.Checkpoint {
	given := func(ids ...store.Identity) store.Append {
		return store.Append{Identities: ids, Event: consent.Event{
			Type: consent.EventGiven, Purpose: "newsletter", Notice: "newsletter-v1", Proof: consent.ProofSigned, Actor: consent.ActorPerson,
		}}
	}
	event := func(e consent.Event, ids ...store.Identity) store.Append {
		return store.Append{Identities: ids, Event: e}
	}
	mail := func(n int) store.Identity { return Identity(consent.IdentifierEmail, n) }
	var all []store.Append
	for n := range 300 {
		all = append(all, given(mail(n)))
	}
	all = append(all,
		given(mail(1000)), // 301
		event(consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"}, mail(1000)),                                    // 302
		event(consent.Event{Type: consent.EventLinked}, mail(1), Identity(consent.IdentifierCustomer, 1)),                        // 303
		event(consent.Event{Type: consent.EventObjected, Scope: consent.ScopeAll}, Identity(consent.IdentifierDevice, 1)),        // 304
		event(consent.Event{Type: consent.EventAsked, Purpose: "newsletter"}, mail(2), Identity(consent.IdentifierDevice, 1)),    // 305
		event(consent.Event{Type: consent.EventUnlinked, Actor: consent.ActorOfficer}, mail(1)),                                  // 306
		given(mail(2000), Identity(consent.IdentifierCustomer, 2)),                                                               // 307
		event(consent.Event{Type: consent.EventObjected, Scope: consent.ScopeAll}, mail(2000)),                                   // 308
		event(consent.Event{Type: consent.EventRelationship, Goods: []string{"shoes"}}, Identity(consent.IdentifierCustomer, 2)), // 309
		event(consent.Event{Type: consent.EventErased}, mail(2000)),                                                              // 310
		event(consent.Event{Type: consent.EventAsked, Purpose: "newsletter"}, mail(2000)),                                        // 311
	)
	for n := range FilledSize - len(all) {
		all = append(all, event(consent.Event{Type: consent.EventAttribute, Attribute: "age", Value: fmt.Sprint(20 + n%50)}, mail(n%400)))
	}
	out := map[consent.Position]proof.Checkpoint{}
	for len(all) > 0 {
		n := min(len(all), 155)
		results, errs, err := s.Append(t.Context(), all[:n]...)
		for i, err := range append(errs, err) {
			if err != nil {
				t.Fatalf("%d: %+v: %v", i, all[i], err)
			}
		}
		all = all[n:]
		last := results[n-1]
		out[last.Size] = proof.Checkpoint{Origin: proof.Origin("key", "EPOCH"), Size: last.Size, Root: last.Root}
	}
	return out
}
