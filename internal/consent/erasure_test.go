package consent

import "testing"

func TestNothingOfAnErasureComesBack(t *testing.T) {
	sale := Event{Type: EventRelationship, Goods: []string{"garden"}, ObjectionNotice: true}
	profile := Event{Type: EventGiven, Purpose: "profiling", Notice: "v1", Proof: ProofSigned}
	business := Event{Type: EventAttribute, Attribute: "addressee", Value: "business"}
	for name, end := range map[string]EventType{"asked for": EventErasureRequested, "done": EventErased, "a suppression alone": EventSuppressed} {
		t.Run(name, func(t *testing.T) {
			r := fold(profile, sale, business, Event{Type: end}, returning(4))
			if last := len(r.Grants) - 1; r.Suppressed != 0 || standing(r.Grants[:last]) != 0 || r.Grants[last].Status != StatusGiven || len(r.Relationships) != 0 {
				t.Errorf("%+v", r)
			}
			if (end == EventErased) != (len(r.Grants) == 1) {
				t.Errorf("grants %+v", r.Grants)
			}
			if r.Business != (end == EventSuppressed) {
				t.Errorf("business is %t", r.Business)
			}
			again := fold(profile, sale, Event{Type: end}, returning(3), sale)
			if len(again.Relationships) != 1 {
				t.Errorf("a sale after the return is forgotten: %+v", again)
			}
			if r := fold(profile, Event{Type: end}, Event{Type: EventCorrected, Actor: ActorOfficer, Corrects: 2, By: "a", ApprovedBy: "b"}); r.Suppressed == 0 || (end != EventSuppressed && standing(r.Grants) != 0) {
				t.Errorf("an erasure was corrected away: %+v", r)
			}
		})
	}
}

func standing(grants []Grant) (n int) {
	for _, g := range grants {
		if g.Status != StatusWithdrawn {
			n++
		}
	}
	return n
}

func TestTakingBackAPurposeIsAnObjectionToIt(t *testing.T) {
	taken := Event{Type: EventWithdrawn, Purpose: "customers"}
	if r := fold(taken); len(r.Objections) != 1 || r.Objections[0] != (Objection{Position: 1, Scope: ScopePurpose, Purpose: "customers"}) {
		t.Errorf("%+v", r.Objections)
	}
	if r := fold(given(0), Event{Type: EventWithdrawn, Grant: 1}); len(r.Objections) != 0 {
		t.Errorf("the end of one grant became an objection: %+v", r.Objections)
	}
	if r := fold(taken, Event{Type: EventObjectionLifted, Scope: ScopePurpose, Purpose: "customers", BasedOn: 1}); len(r.Objections) != 0 {
		t.Errorf("the person's own act did not lift it: %+v", r.Objections)
	}
}
