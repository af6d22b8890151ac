package api_test

import (
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/ledgertest"
)

// TestSeveralIdentifiersAreOneAct: what it permits holds under each of them, and what one of them takes back later under all. An officer
// can separate them again.
func TestSeveralIdentifiersAreOneAct(t *testing.T) {
	l := ledgertest.New(t).Start()
	both := func(event string) string {
		return strings.Replace(eventBody("ada@example.org", event), `"ada@example.org"}`, `"ada@example.org"},{"type":"customer","value":"4711"}`, 1)
	}
	post := func(subject, body string) {
		t.Helper()
		if status, answer := l.Do(subject, "POST", "/v1/events", body); status != 201 {
			t.Fatalf("status %d: %s", status, answer)
		}
	}
	of := func(i consent.Identifier) *consent.Record {
		t.Helper()
		tags, err := l.Keys.Tags(i)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Store.Lookup(t.Context(), tags[0])
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	customer := consent.Identifier{Type: consent.IdentifierCustomer, Value: "4711"}
	post(ledgertest.Touchpoint, both(given))
	for _, i := range []consent.Identifier{ledgertest.Email("ada@example.org"), customer} {
		if r := of(i); len(r.Grants) != 1 || r.Grants[0].Position != 1 {
			t.Fatalf("%s: %+v", i.Type, r)
		}
	}
	post(ledgertest.Touchpoint, eventBody("ada@example.org", `{"type":"withdrawn","purpose":"newsletter"}`))
	if r := of(customer); len(r.Inherited) != 1 || r.Inherited[0].Position != 2 {
		t.Fatalf("the withdrawal by mail does not reach the customer number: %+v", r)
	}
	post(ledgertest.Officer, both(`{"type":"unlinked"}`))
	if r := of(customer); len(r.Inherited) != 0 || r.Grants[0].Status != consent.StatusGiven {
		t.Fatalf("after they were separated: %+v", r)
	}
}
