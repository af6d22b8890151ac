package api

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/access"
	"github.com/optup/optup/internal/ledger/problem"
)

// source is how an event came in.
type source int

const (
	fromTouchpoint source = iota
	fromOfficer
	fromImport
)

// sourceOf is the role that counts for a caller's events. Who has both roles speaks as a touchpoint where evidence of the person
// is at hand or not needed, and as an officer for what only an officer may do.
func sourceOf(c access.Caller, e consent.EventType) source {
	if !c.Has(access.RoleTouchpoint) || (officerOnly[e] && c.Has(access.RoleOfficer)) {
		return fromOfficer
	}
	return fromTouchpoint
}

// officerOnly are events that no touchpoint can witness.
var officerOnly = map[consent.EventType]bool{
	consent.EventUnrestricted: true, consent.EventErased: true, consent.EventSuppressed: true, consent.EventAttribute: true,
	consent.EventUnlinked: true, // it takes restrictions off identifiers
}

// needsProof are events that permit something, or make a permission last. They need evidence of an act of the person, whoever
// appends them. A first grant is not among them: whether it carries without evidence is for the purpose to say, and decide
// compares; an import's grant without evidence is unproven.
var needsProof = map[consent.EventType]bool{
	consent.EventConfirmed: true, consent.EventRenewed: true, consent.EventWidened: true, consent.EventObjectionLifted: true,
}

// importable are events that a row of a file can say everything about.
var importable = map[consent.EventType]bool{
	consent.EventGiven: true, consent.EventWithdrawn: true, consent.EventRefused: true, consent.EventCancelled: true,
	consent.EventObjected: true, consent.EventRestricted: true, consent.EventRelationship: true, consent.EventErasureRequested: true,
	consent.EventSuppressed: true,
}

// stand sets the actor. Nobody may permit against the person, anyone may restrict.
func stand(e *consent.Event, from source) error {
	switch {
	case needsProof[e.Type] && e.Proof == consent.ProofNone:
		return problem.Invalid("say in event.proof how the person proved to have done this: MailboxConfirmed, NumberConfirmed, Signed or AuthenticatedSession")
	case from == fromTouchpoint && officerOnly[e.Type]:
		return problem.Forbidden("this event needs the role officer")
	case from == fromOfficer && e.Type == consent.EventGiven && e.Proof == consent.ProofNone && !e.Pending:
		return problem.Invalid("an officer records a grant only with event.proof, or as pending until the person confirms it")
	case from == fromImport && !importable[e.Type]:
		return problem.Invalid("this event cannot be imported; append it with POST /v1/events")
	}
	switch from {
	case fromImport:
		e.Actor = consent.ActorImport
	case fromOfficer:
		e.Actor = consent.ActorOfficer
	default:
		e.Actor = consent.ActorTouchpoint
		if e.Proof != consent.ProofNone {
			e.Actor = consent.ActorPerson
		}
	}
	return nil
}
