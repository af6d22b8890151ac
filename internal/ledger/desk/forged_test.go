package desk_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/pages"
)

// TestAFormWritesNoPurposeOfItsOwn: the log keeps for good what it is told, and a form may send anything.
func TestAFormWritesNoPurposeOfItsOwn(t *testing.T) {
	w := newWorld(t)
	w.given("ada@example.org", "newsletter")
	w.happened("ada@example.org", consent.Event{Type: consent.EventGiven, Actor: consent.ActorImport, Purpose: "retired", Notice: "retired-v1"})
	before := w.record("ada@example.org").Position
	for _, kind := range []pages.ActKind{pages.ActWithdraw, pages.ActObject, pages.ActLift} {
		for _, purpose := range []consent.PurposeID{"nobody-declared-it", consent.PurposeID(strings.Repeat("x", 10_000)), "grace@example.org"} {
			if err := w.do("ada@example.org", pages.Act{Kind: kind, Purpose: purpose, BasedOn: before}); !errors.Is(err, pages.ErrInput) {
				t.Errorf("%s of a made-up purpose: %v", kind, err)
			}
		}
	}
	if at := w.record("ada@example.org").Position; at != before {
		t.Errorf("something was appended up to %d", at)
	}
	// What the person agreed to can be taken back for ever, whether or not it is still declared.
	for _, a := range []pages.Act{{Kind: pages.ActWithdraw, Purpose: "retired"}, {Kind: pages.ActObject, Purpose: "retired"}, {Kind: pages.ActObject}} {
		if err := w.do("ada@example.org", a); err != nil {
			t.Errorf("%s %s: %v", a.Kind, a.Purpose, err)
		}
	}
}
