package wire

import (
	"encoding/json"
	"testing"
	"time"
)

// TestEncodedUses: what is written by hand is, byte for byte, what the standard library writes.
func TestEncodedUses(t *testing.T) {
	tag := Tag{1, 2, 0xff, 15: 0xa7}
	at := time.Date(2026, 3, 2, 10, 0, 0, 120_000_000, time.UTC)
	full := Decided{
		ID: NewDecisionID(at, 1, 2), At: at, Effect: "Permit", Reason: "NotPermitted", Mode: "Enforce", Purpose: "news",
		Policies: []string{"a/b", "c"}, Service: "crm/people", Endpoint: "list", Party: "M\u00fcller & <S\u00f6hne>\u2028\n\xff", Generation: 7, Position: 1 << 63, Unanswered: true, First: 3,
		Uses: []Use{{Tag: &tag, Reason: "Consent", Grant: 12}, {Reason: "Unknown"}, {Tag: &tag, Reason: `"\\`}},
	}
	for name, u := range map[string]Uses{
		"nothing":     {},
		"lost":        {Version: UsesVersion, ID: "x", Lost: 1<<64 - 1},
		"empty":       {Version: UsesVersion, ID: "x", Decisions: []Decided{{}}},
		"full":        {Version: UsesVersion, ID: "x", Decisions: []Decided{full, full}},
		"other zone":  {Decisions: []Decided{{At: at.In(time.FixedZone("x", 7200))}}},
		"whole hours": {Decisions: []Decided{{At: at.Truncate(time.Hour)}}},
		"negative":    {Version: -1, Decisions: []Decided{{Generation: -5, First: -1}}},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := json.Marshal(u)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := encode(&u); err != nil || string(got) != string(want) {
				t.Errorf("\n%s\n%s %v", got, want, err)
			}
		})
	}
	if got, err := (&Decided{At: at.AddDate(9000, 0, 0)}).Append([]byte("before")); err == nil || string(got) != "before" {
		t.Errorf("a year that JSON has no time for: %q, %v", got, err)
	}
}

// encode writes a batch as a sidecar does: decision by decision, and the batch around them.
func encode(u *Uses) ([]byte, error) {
	var decisions []byte
	for i := range u.Decisions {
		if i > 0 {
			decisions = append(decisions, ',')
		}
		var err error
		if decisions, err = u.Decisions[i].Append(decisions); err != nil {
			return nil, err
		}
	}
	return u.AppendWith(nil, decisions)
}
