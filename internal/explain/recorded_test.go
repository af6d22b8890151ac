package explain

import (
	"testing"

	"github.com/optup/optup/internal/decide"
)

func TestEveryReasonIsPutIntoWordsAtAGate(t *testing.T) {
	for _, r := range decide.Reasons() {
		a := Recorded(r)
		if a.Says == "" || a.Gate == "" || (a.Result == Passed) != r.Permits() {
			t.Errorf("%s: %+v", r, a)
		}
	}
	for r, want := range map[decide.Reason]decide.Gate{
		decide.Withdrawn: decide.GateGrant, decide.Objected: decide.GateObjection, decide.LedgerBehind: decide.GateFreshness, decide.OKConsent: decide.GateGround,
		decide.EndpointUnknown: GateEndpoint,
	} {
		if got := Recorded(r).Gate; got != want {
			t.Errorf("%s fails at gate %s, not %s", r, want, got)
		}
	}
}
