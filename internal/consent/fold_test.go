package consent

import (
	"errors"
	"testing"
	"time"
)

var day = time.Date(2026, 1, 10, 9, 0, 0, 0, time.UTC)

func given(p Position) Event {
	return Event{Position: p, Type: EventGiven, Purpose: "newsletter", Notice: "v1", Proof: ProofMailboxConfirmed, At: day.AddDate(0, 0, int(p))}
}

// TestAGrantAfterANoHasToKnowOfIt, however the grant is spelled.
func TestAGrantAfterANoHasToKnowOfIt(t *testing.T) {
	no := map[string]Event{
		"withdrawn":  {Type: EventWithdrawn, Purpose: "newsletter"},
		"refused":    {Type: EventRefused, Purpose: "newsletter"},
		"disowned":   {Type: EventDisowned, Purpose: "newsletter"},
		"objected":   {Type: EventObjected, Scope: ScopeAll},
		"suppressed": {Type: EventSuppressed},
	}
	for name, event := range no {
		t.Run(name, func(t *testing.T) {
			first, other := given(1), given(2)
			other.Purpose = "profiling"
			event.Position, event.At = 3, day.AddDate(0, 0, 3)
			r := Fold([]Event{first, other, event})
			for spelling, grant := range map[string]Event{
				"given":   {Type: EventGiven, Purpose: "newsletter", Notice: "v1"},
				"widened": {Type: EventWidened, Purpose: "newsletter", Notice: "v1", Grant: 2},
				"renewed": {Type: EventRenewed, Grant: 1},
			} {
				if err := Admit(r, grant); !errors.Is(err, ErrConflict) {
					t.Errorf("%s: %v", spelling, err)
				}
				grant.BasedOn = 3
				if err := Admit(r, grant); err != nil {
					t.Errorf("%s that knows of the no: %v", spelling, err)
				}
			}
		})
	}
}

func TestAskingNeverShrinksAGrant(t *testing.T) {
	for _, ask := range []Event{{Type: EventAsked, Purpose: "newsletter"}, {Type: EventDeferred, Purpose: "newsletter"}, {Type: EventRefused, Purpose: "newsletter"}} {
		ask.Position, ask.At = 2, day.AddDate(0, 0, 2)
		r := Fold([]Event{given(1), ask})
		if len(r.Grants) != 1 || r.Grants[0].Status != StatusGiven {
			t.Errorf("%s: %+v", ask.Type, r.Grants)
		}
	}
}

func TestAnImportWithoutEvidenceProvesNothing(t *testing.T) {
	e := given(1)
	e.Actor, e.Proof = ActorImport, ProofNone
	if r := Fold([]Event{e}); r.Grants[0].Status != StatusUnproven {
		t.Errorf("status %s", r.Grants[0].Status)
	}
}

func TestAProjectionHoldsItsPurposeOnly(t *testing.T) {
	other := given(2)
	other.Purpose = "profiling"
	r := Fold([]Event{given(1), other, {Position: 3, Type: EventObjected, Scope: ScopePurpose, Purpose: "profiling", At: day}})
	f := Project(r, "newsletter", day.AddDate(1, 0, 0))
	if len(f.Grants) != 1 || f.Grants[0].Purpose != "newsletter" || len(f.Objections) != 0 {
		t.Errorf("%+v", f)
	}
}

func TestNobodyKnowsTheFuture(t *testing.T) {
	e := given(1)
	e.BasedOn = 99
	if r := Fold([]Event{e}); len(r.Grants) != 0 {
		t.Errorf("a grant that names the future counts: %+v", r.Grants)
	}
}
