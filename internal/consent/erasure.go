package consent

import "slices"

// erase ends what the person agreed to and forgets what is known besides: whoever asks for erasure withdraws (GDPR Art. 17(1)(b)), and
// nothing of it comes back when the person does. Objections stay, as the suppression does.
func (r *Record) erase() {
	for i := range r.Grants {
		r.Grants[i].end(StatusWithdrawn, 0) // by no position, so that no correction can bring it back
	}
	r.Relationships = nil
	r.AgeYears, r.Business, r.Informed = 0, false, false
}

// liftSuppression: the person who returns after an erasure counts again by a new, proven act that knew of the suppression.
func (r *Record) liftSuppression(e Event, known Position) {
	if r.Suppressed != 0 && !e.Pending && e.Proof != ProofNone && known >= r.Suppressed {
		r.Unsuppressed = append(slices.Clone(r.Unsuppressed), Lifted{Objection: Objection{Position: r.Suppressed}, By: e.Position})
		r.forget(r.Suppressed, e.Position)
		r.Suppressed = 0
	}
}

// forget ends, by the event that lifts a suppression, what is older than it and did not know of it: the person has come back for what
// they agreed to now, and for nothing else.
func (r *Record) forget(suppressed, by Position) {
	for i := range r.Grants {
		if g := &r.Grants[i]; g.Position < by && g.BasedOn < suppressed {
			g.end(StatusWithdrawn, by)
		}
	}
	r.Relationships = slices.DeleteFunc(slices.Clone(r.Relationships), func(s Relationship) bool { return s.Position < suppressed })
}

// unsubscribe: whoever takes back a purpose as a whole wants no more of it on any ground; where none of its grants carried, as with
// mail to existing customers, that is an objection (GDPR Art. 21(2), UWG §7(3) no. 3).
func (r *Record) unsubscribe(e Event) {
	if e.Grant == 0 {
		r.Objections = append(r.Objections, Objection{Position: e.Position, Scope: ScopePurpose, Purpose: e.Purpose})
	}
}
