package desk_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/pages"
	"github.com/optup/optup/internal/ledger/receipt"
)

// TestAPersonGetsReceiptsOfTheirOwn events, which can be verified without the ledger.
func TestAPersonGetsReceiptsOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.given("ada@example.org", "newsletter"), w.given("bob@example.org", "newsletter")
	w.must("ada@example.org", pages.Act{Kind: pages.ActWithdraw, Purpose: "newsletter", BasedOn: ada})
	withdrawn := w.record("ada@example.org").Position
	for _, p := range []consent.Position{ada, withdrawn} {
		out, err := w.Receipt(t.Context(), w.who("ada@example.org"), p)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		r, err := receipt.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := receipt.Verify(r, w.publicKey); err != nil || r.Proof.Position != p || strings.Contains(string(text), "ada@") {
			t.Fatalf("%v: %s", err, text)
		}
	}
	for name, p := range map[string]consent.Position{
		"somebody else's": bob, "one before the first": 0, "one that never was": withdrawn + 1, "one that cannot be": math.MaxInt64, "one beyond numbers": math.MaxUint64,
	} {
		if out, err := w.Receipt(t.Context(), w.who("ada@example.org"), p); !errors.Is(err, pages.ErrNotOffered) {
			t.Errorf("%s: %v, %v", name, out, err)
		}
	}
	for _, e := range w.page("ada@example.org").History {
		if !e.Receipt {
			t.Errorf("position %d has no receipt on the page", e.Position)
		}
	}
}

// TestOfficersAreNotNamedToPeople by receipts of what they put right.
func TestOfficersAreNotNamedToPeople(t *testing.T) {
	w := newWorld(t)
	given := w.given("ada@example.org", "newsletter")
	corrected := w.happened("ada@example.org", consent.Event{
		Type: consent.EventCorrected, Corrects: given, By: "officer-1", ApprovedBy: "officer-2", Actor: consent.ActorOfficer,
	})
	if out, err := w.Receipt(t.Context(), w.who("ada@example.org"), corrected); !errors.Is(err, pages.ErrNotOffered) {
		t.Fatalf("%v, %v", out, err)
	}
	for _, e := range w.page("ada@example.org").History {
		if e.Receipt != (e.Position == given) {
			t.Errorf("position %d: a receipt is shown: %v", e.Position, e.Receipt)
		}
	}
}

func TestAnErasedPersonHasNoReceipts(t *testing.T) {
	w := newWorld(t)
	given := w.given("ada@example.org", "newsletter")
	w.happened("ada@example.org", consent.Event{Type: consent.EventErased, Actor: consent.ActorOfficer})
	if out, err := w.Receipt(t.Context(), w.who("ada@example.org"), given); !errors.Is(err, pages.ErrNotOffered) {
		t.Fatalf("%v, %v", out, err)
	}
}
