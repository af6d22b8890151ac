package consent

import (
	"errors"
	"fmt"
	"slices"
)

// ErrConflict reports an event that contradicts what the person said since: the writer has to read again and ask again (HTTP 409).
var ErrConflict = errors.New("the person has said no since")

// ErrInvalid reports an event that says too little or too much to be folded (HTTP 422).
var ErrInvalid = errors.New("invalid event")

// Validate checks what an event can tell about itself, without a record.
func Validate(e Event) error {
	need := func(ok bool, what string) error {
		if ok {
			return nil
		}
		return fmt.Errorf("%w: %s needs %s", ErrInvalid, e.Type, what)
	}
	switch e.Type {
	case EventGiven, EventWidened:
		return errors.Join(need(e.Purpose != "", "a purpose"), need(e.Notice != "", "the notice that the person agreed to"),
			need(e.Type != EventWidened || e.Grant != 0, "the grant that it widens"))
	case EventRenewed:
		return need(e.Grant != 0, "the grant that it renews")
	case EventConfirmed:
		return errors.Join(need(e.Purpose != "" || e.Grant != 0, "a purpose or a grant"), need(e.Proof != ProofNone, "a proof"))
	case EventDisowned, EventWithdrawn, EventCancelled:
		return need(e.Purpose != "" || e.Grant != 0, "a purpose or a grant")
	case EventAsked, EventRefused, EventDeferred:
		return need(e.Purpose != "", "a purpose")
	case EventObjected, EventObjectionLifted:
		switch e.Scope {
		case ScopeAll:
			return nil
		case ScopeChannel:
			return need(e.Channel != "", "a channel with scope channel")
		case ScopePurpose:
			return need(e.Purpose != "", "a purpose with scope purpose")
		default:
			return need(false, "a scope: all, channel or purpose")
		}
	case EventRelationship:
		return nil
	case EventAttribute:
		return need(slices.Contains([]string{"age", "addressee", "informed", "registered"}, e.Attribute), `attribute "age", "addressee", "informed" or "registered"`)
	case EventUsed:
		return need(e.Purpose != "", "a purpose")
	case EventCorrected:
		return errors.Join(need(e.Corrects != 0, "the position that it corrects"),
			need(e.By != "" && e.ApprovedBy != "" && e.By != e.ApprovedBy, "two officers, by and approvedBy"),
			need(e.Actor == ActorOfficer, "the officer role"))
	case EventLinked, EventUnlinked, EventRekeyed:
		return nil
	case EventRestricted, EventUnrestricted, EventErasureRequested, EventErased, EventSuppressed:
		return nil
	default:
		return fmt.Errorf("%w: unknown type %q", ErrInvalid, e.Type)
	}
}

// Admit tells whether an event may be appended after what the record holds. Restricting events always may.
func Admit(r *Record, e Event) error {
	if err := Validate(e); err != nil {
		return err
	}
	switch e.Type {
	case EventGiven, EventWidened, EventRenewed, EventConfirmed:
		purpose := e.Purpose
		switch g := r.grant(e.Grant); {
		case g == nil && e.Grant != 0:
			return fmt.Errorf("%w: there is no grant at position %d", ErrInvalid, e.Grant)
		case g != nil && e.Type != EventWidened:
			purpose = g.Purpose // what is widened names its own, new purpose
		}
		known := e.BasedOn
		if e.Type == EventConfirmed {
			// A confirmation stands for the act it confirms, which knew what its grant knew.
			known = max(known, r.confirmable(e))
		}
		if no := r.lastNo(purpose); no > known {
			return fmt.Errorf("%w: at position %d; a grant has to name it in basedOn", ErrConflict, no)
		}
	case EventObjectionLifted:
		if no := r.lastNo(e.Purpose); no > e.BasedOn {
			return fmt.Errorf("%w: at position %d; lifting has to name it in basedOn", ErrConflict, no)
		}
	default:
		// Everything else restricts, or tells a fact: anyone may, at any time.
	}
	return nil
}

// Fold folds events in their order into a new record. Events that Admit refuses change nothing but the position: a ledger that
// was written by something else cannot permit against the person.
func Fold(events []Event) *Record {
	r := &Record{}
	for _, e := range events {
		r.Apply(e)
	}
	return r
}

// Apply folds one more event in. Positions have to ascend; one that does not is ignored.
func (r *Record) Apply(e Event) {
	if e.Position <= r.Position {
		return
	}
	// Nobody can have known, or correct, what comes later: such a grant would outlive every "no".
	if Admit(r, e) == nil && e.BasedOn < e.Position && e.Corrects < e.Position {
		r.apply(e)
	}
	r.Position = e.Position
}

func (r *Record) apply(e Event) {
	at := e.At
	if !e.OccurredAt.IsZero() && e.OccurredAt.Before(at) {
		at = e.OccurredAt
	}
	switch e.Type {
	case EventGiven, EventWidened:
		r.Grants = append(r.Grants, Grant{
			Position: e.Position, Purpose: e.Purpose, Notice: e.Notice, Status: firstStatus(e), Proof: e.Proof,
			Since: at, BasedOn: e.BasedOn, WidenedFrom: e.Grant, Touchpoint: e.Touchpoint, Guardian: e.Guardian,
		})
		r.liftSuppression(e, e.BasedOn)
	case EventConfirmed:
		r.each(e, func(g *Grant) {
			if g.Status == StatusPending || g.Status == StatusUnproven {
				g.Status, g.Confirmed = StatusGiven, e.Position
				g.Proof, g.Since, g.BasedOn = e.Proof, at, max(g.BasedOn, e.BasedOn)
				g.Guardian = g.Guardian || e.Guardian
				r.liftSuppression(e, g.BasedOn)
			}
		})
	case EventDisowned:
		r.no(e)
		r.each(e, func(g *Grant) { g.end(StatusInvalidated, e.Position) })
	case EventRenewed:
		r.each(e, func(g *Grant) {
			if g.Status == StatusGiven || g.Status == StatusRenewed {
				g.Status, g.RenewedAt = StatusRenewed, e.Position
				g.Renewed, g.BasedOn = at, max(g.BasedOn, e.BasedOn)
			}
		})
	case EventWithdrawn:
		r.no(e)
		r.unsubscribe(e)
		r.each(e, func(g *Grant) { g.end(StatusWithdrawn, e.Position) })
	case EventCancelled:
		r.each(e, func(g *Grant) { g.end(StatusCancelled, e.Position) })
	case EventRefused:
		r.no(e)
		r.ask(e, AskRefused)
	case EventAsked:
		r.ask(e, AskAsked)
	case EventDeferred:
		r.ask(e, AskDeferred)
	case EventUsed:
		r.use(e)
	case EventCorrected:
		r.correct(e.Corrects)
	case EventObjected:
		r.Objections = append(r.Objections, Objection{Position: e.Position, Scope: e.Scope, Channel: e.Channel, Purpose: e.Purpose})
	case EventObjectionLifted:
		r.lift(e)
	case EventRelationship:
		r.Relationships = append(r.Relationships, Relationship{
			Position: e.Position, Goods: slices.Clone(e.Goods), ObjectionNotice: e.ObjectionNotice, Since: at,
		})
	case EventRestricted:
		r.Restricted = true
	case EventUnrestricted:
		if r.Restricted {
			r.Restricted, r.Unrestricted = false, e.Position
		}
	case EventErasureRequested:
		r.Suppressed = e.Position
		r.erase()
	case EventErased:
		r.Suppressed = e.Position
		r.erase()
		r.Grants, r.Asks, r.Used = nil, nil, nil // what is left says no, and to what
	case EventSuppressed:
		r.Suppressed = e.Position
	case EventAttribute:
		r.attribute(e)
	case EventLinked, EventUnlinked, EventRekeyed:
		// What identifiers have in common is known elsewhere; see Links.
	}
}

// firstStatus: what came without evidence from an import proves nothing; what waits for the mailbox owner is pending.
func firstStatus(e Event) Status {
	switch {
	case e.Pending:
		return StatusPending
	case e.Actor == ActorImport && e.Proof == ProofNone:
		return StatusUnproven
	default:
		return StatusGiven
	}
}

// end ends a grant. One that has ended keeps its status, unless it turns out that it never was the person's.
func (g *Grant) end(s Status, at Position) {
	g.EndedBy = append(slices.Clone(g.EndedBy), at)
	switch g.Status {
	case StatusGiven, StatusRenewed, StatusPending, StatusUnproven:
		g.Before, g.Status = g.Status, s
	case StatusWithdrawn, StatusCancelled, StatusInvalidated, StatusExpired, StatusUnused:
		if s == StatusInvalidated {
			g.Status = s
		}
	}
}

// no notes a "no" of the person. It ends nothing by itself, and it stands even where there was no grant to end.
func (r *Record) no(e Event) {
	purpose := e.Purpose
	if g := r.grant(e.Grant); g != nil {
		purpose = g.Purpose
	}
	r.Noes = append(r.Noes, No{Position: e.Position, Purpose: purpose, Refusal: e.Type == EventRefused})
}

func (r *Record) attribute(e Event) {
	switch e.Attribute {
	case "age":
		years := 0
		if _, err := fmt.Sscanf(e.Value, "%d", &years); err == nil && years >= 0 && years < 150 {
			r.AgeYears = years
		}
	case "addressee":
		r.Business = e.Value == "business"
	case "informed":
		r.Informed = e.Value == "shown"
	}
}

// each visits the grants that an event names: one by position, or every one of the purpose.
func (r *Record) each(e Event, f func(*Grant)) {
	for i := range r.Grants {
		g := &r.Grants[i]
		if (e.Grant != 0 && g.Position == e.Grant) || (e.Grant == 0 && g.Purpose == e.Purpose) {
			f(g)
		}
	}
}

func (r *Record) grant(p Position) *Grant {
	if p == 0 {
		return nil
	}
	for i := range r.Grants {
		if r.Grants[i].Position == p {
			return &r.Grants[i]
		}
	}
	return nil
}

// confirmable is the newest position that the act behind a confirmation knew of: the position of the pending grant itself.
func (r *Record) confirmable(e Event) Position {
	var p Position
	r.each(e, func(g *Grant) {
		if g.Status == StatusPending || g.Status == StatusUnproven {
			p = max(p, g.Position)
		}
	})
	return p
}

// lastNo is the newest position at which the person said no to a purpose in any way; 0 if never.
func (r *Record) lastNo(purpose PurposeID) Position {
	no := r.Suppressed
	for _, o := range r.Objections {
		if o.Scope != ScopePurpose || o.Purpose == purpose {
			no = max(no, o.Position)
		}
	}
	for _, noes := range [][]No{r.Noes, r.Inherited} {
		for _, n := range noes {
			if n.Purpose == purpose {
				no = max(no, n.Position)
			}
		}
	}
	return no
}

func (o Objection) liftedBy(e Event) bool {
	if o.Position > e.BasedOn {
		return false
	}
	switch e.Scope {
	case ScopeAll:
		return true
	case ScopeChannel:
		return o.Scope == ScopeChannel && o.Channel == e.Channel
	case ScopePurpose:
		return o.Scope == ScopePurpose && o.Purpose == e.Purpose
	}
	return false
}
