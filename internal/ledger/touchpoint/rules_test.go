package touchpoint

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/optup/optup/internal/ir"
)

// TestAskingData holds the data to its form: every place is there, every rule can be read, has a statute and a time.
func TestAskingData(t *testing.T) {
	dec := json.NewDecoder(bytes.NewReader(askingData))
	dec.DisallowUnknownFields()
	var a asking
	if err := dec.Decode(&a); err != nil {
		t.Fatal(err)
	}
	if len(a.Places) != len(ir.Places) || len(a.Rules) == 0 {
		t.Fatalf("%d places, %d rules", len(a.Places), len(a.Rules))
	}
	for _, p := range ir.Places {
		at := a.Places[p]
		if !slices.Contains([]approach{byPerson, byController, byNobody}, at.Approach) || (at.Approach == byController) != (at.Channel != "") {
			t.Errorf("%s: %+v", p, at)
		}
	}
	states := []state{
		stateRestricted, stateSuppressed, stateAmbiguous, stateTooYoung, stateSpecialTogether, stateObjected, stateSaidNo, stateNotPermitted,
	}
	reasons := []Reason{Restricted, Suppressed, IdentityAmbiguous, TooYoung, SpecialCategoryTogether, Objected, SaidNo, AskingIsAdvertising}
	used := map[state]bool{}
	for _, r := range a.Rules {
		used[r.State] = true
		if !slices.Contains(states, r.State) || !slices.Contains(reasons, r.Reason) || r.Says == "" || r.Statute == "" {
			t.Errorf("%+v", r)
		}
		if r.Approach != "" && r.Approach != byPerson && r.Approach != byController {
			t.Errorf("%s: approach %q", r.Reason, r.Approach)
		}
		for _, day := range []string{r.From, r.Until} {
			if _, err := time.Parse(time.DateOnly, day); err != nil && day != "" {
				t.Errorf("%s: %v", r.Reason, err)
			}
		}
	}
	if len(used) != len(states) {
		t.Errorf("rules for %d of %d states", len(used), len(states))
	}
}

func TestAStateThatNobodyCanReadForbids(t *testing.T) {
	b := &ir.Bundle{}
	if !New(b).is("Sleepwalking", place{}, &ir.Notice{}, &ir.Purpose{}, nil, time.Time{}) {
		t.Error("allowed")
	}
}
