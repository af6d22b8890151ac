package consent

import "testing"

// TestACorrectionVoidsOneEntryAndNothingElse: what the voided entry did is undone, what others did stands.
func TestACorrectionVoidsOneEntryAndNothingElse(t *testing.T) {
	correct := func(p Position) Event {
		return Event{Type: EventCorrected, Actor: ActorOfficer, Corrects: p, By: "officer-1", ApprovedBy: "officer-2"}
	}
	withdrawn := Event{Type: EventWithdrawn, Purpose: "newsletter"}
	objected := Event{Type: EventObjected, Scope: ScopeAll}
	erased := Event{Type: EventErasureRequested}
	back := returning(2)
	unknowing := Event{Type: EventGiven, Purpose: "profiling", Notice: "v1"}
	pending := given(0)
	pending.Pending, pending.Proof = true, ProofNone
	for name, tt := range map[string]struct {
		events     []Event
		status     Status // of the first grant
		objections int
		suppressed Position
		restricted bool
	}{
		"a withdrawal that was keyed for the wrong person": {[]Event{given(0), withdrawn, correct(2)}, StatusGiven, 0, 0, false},
		"one of two withdrawals":                           {[]Event{given(0), withdrawn, withdrawn, correct(2)}, StatusWithdrawn, 1, 0, false},
		"both of two withdrawals":                          {[]Event{given(0), withdrawn, withdrawn, correct(2), correct(3)}, StatusGiven, 0, 0, false},
		"a grant":                                          {[]Event{given(0), correct(1)}, StatusInvalidated, 0, 0, false},
		"a grant that was withdrawn, and the withdrawal":   {[]Event{given(0), withdrawn, correct(1), correct(2)}, StatusInvalidated, 0, 0, false},
		"a confirmation":                                   {[]Event{pending, {Type: EventConfirmed, Purpose: "newsletter", Proof: ProofMailboxConfirmed}, correct(2)}, StatusPending, 0, 0, false},
		"an objection":                                     {[]Event{given(0), objected, correct(2)}, StatusGiven, 0, 0, false},
		"the lifting of an objection": {
			[]Event{given(0), objected, {Type: EventObjectionLifted, Scope: ScopeAll, BasedOn: 2}, correct(3)}, StatusGiven, 1, 0, false,
		},
		"the end of a restriction":      {[]Event{given(0), {Type: EventRestricted}, {Type: EventUnrestricted}, correct(3)}, StatusGiven, 0, 0, true},
		"the return after an erasure":   {[]Event{given(0), erased, back, correct(3)}, StatusWithdrawn, 0, 2, false},
		"an erasure stays":              {[]Event{given(0), erased, correct(2)}, StatusWithdrawn, 0, 2, false},
		"a restriction stays":           {[]Event{given(0), {Type: EventRestricted}, correct(2)}, StatusGiven, 0, 0, true},
		"by one officer alone: nothing": {[]Event{given(0), withdrawn, {Type: EventCorrected, Actor: ActorOfficer, Corrects: 2, By: "a", ApprovedBy: "a"}}, StatusWithdrawn, 1, 0, false},
		"by a touchpoint: nothing":      {[]Event{given(0), withdrawn, {Type: EventCorrected, Actor: ActorTouchpoint, Corrects: 2, By: "a", ApprovedBy: "b"}}, StatusWithdrawn, 1, 0, false},
		"of what comes later: nothing":  {[]Event{given(0), correct(3), withdrawn}, StatusWithdrawn, 1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := fold(tt.events...)
			if r.Grants[0].Status != tt.status || len(r.Objections) != tt.objections || r.Suppressed != tt.suppressed || r.Restricted != tt.restricted {
				t.Errorf("%+v", r)
			}
		})
	}
	r := fold(erased, returning(1), unknowing, correct(2))
	for _, g := range r.Grants {
		if g.Status == StatusGiven {
			t.Errorf("a grant stands that knew nothing of the erasure: %+v", g)
		}
	}
}

// returning is a grant of somebody who knows of what happened up to a position.
func returning(known Position) Event {
	e := given(0)
	e.BasedOn = known
	return e
}

// fold gives events their positions.
func fold(events ...Event) *Record {
	r := &Record{}
	for i, e := range events {
		e.Position, e.At = Position(i+1), day.AddDate(0, 0, i)
		r.Apply(e)
	}
	return r
}
