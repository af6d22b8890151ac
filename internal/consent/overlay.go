package consent

import (
	"slices"
	"time"
)

// Asking is the state of the asking for a purpose.
func (r *Record) Asking(purpose PurposeID) AskStatus {
	for _, a := range r.Asks {
		if a.Purpose == purpose {
			return a.Status
		}
	}
	return AskUnknown
}

func (r *Record) ask(e Event, s AskStatus) {
	now := Ask{Purpose: e.Purpose, Status: s, Position: e.Position, At: e.At}
	for i := range r.Asks {
		if r.Asks[i].Purpose == e.Purpose {
			r.Asks[i] = now
			return
		}
	}
	r.Asks = append(r.Asks, now)
}

// use notes a use. It is the ledger's time that counts: a use that somebody reports for the past does not keep a grant alive longer
// than it did.
func (r *Record) use(e Event) {
	at := e.At
	if !e.OccurredAt.IsZero() && e.OccurredAt.Before(at) {
		at = e.OccurredAt
	}
	used := make(map[PurposeID]time.Time, len(r.Used)+1)
	for p, t := range r.Used {
		used[p] = t
	}
	if at.After(used[e.Purpose]) {
		used[e.Purpose] = at
	}
	r.Used = used
}

// lift takes away the objections that an event lifts, and remembers them for a correction.
func (r *Record) lift(e Event) {
	kept := make([]Objection, 0, len(r.Objections))
	lifted := slices.Clone(r.Lifted)
	for _, o := range r.Objections {
		if o.liftedBy(e) {
			lifted = append(lifted, Lifted{Objection: o, By: e.Position})
		} else {
			kept = append(kept, o)
		}
	}
	r.Objections, r.Lifted = kept, lifted
}

// correct voids what one mis-keyed entry did. A grant that it made is invalidated; what it ended, or lifted, stands again as it was,
// unless something else ended it, too; an objection, a sale or a "no" that it was is gone. Erasure and restriction cannot be corrected
// away, they are lifted by acts of their own; attributes are corrected by telling them anew.
func (r *Record) correct(p Position) {
	for _, l := range r.Lifted {
		if l.By == p {
			r.Objections = append(slices.Clone(r.Objections), l.Objection)
		}
	}
	r.Restricted = r.Restricted || (p != 0 && r.Unrestricted == p)
	for i := range r.Grants {
		r.Grants[i].correct(p)
	}
	for _, l := range r.Unsuppressed {
		if l.By == p {
			r.Suppressed = max(r.Suppressed, l.Position)
			r.unknowing(l.Position, p)
		}
	}
	r.Objections = slices.DeleteFunc(slices.Clone(r.Objections), func(o Objection) bool { return o.Position == p })
	r.Lifted = slices.DeleteFunc(slices.Clone(r.Lifted), func(l Lifted) bool { return l.Position == p || l.By == p })
	r.Relationships = slices.DeleteFunc(slices.Clone(r.Relationships), func(s Relationship) bool { return s.Position == p })
	r.Noes = slices.DeleteFunc(slices.Clone(r.Noes), func(n No) bool { return n.Position == p })
	r.Asks = slices.DeleteFunc(slices.Clone(r.Asks), func(a Ask) bool { return a.Position == p })
}

// unknowing ends the grants that were admitted while a "no" seemed lifted, without knowing of it.
func (r *Record) unknowing(no, by Position) {
	for i := range r.Grants {
		if g := &r.Grants[i]; g.Position > no && g.BasedOn < no {
			g.end(StatusInvalidated, by)
		}
	}
}

func (g *Grant) correct(p Position) {
	live := &g.Status
	if len(g.EndedBy) > 0 {
		live = &g.Before
	}
	switch p {
	case g.Position:
		g.Status, g.EndedBy = StatusInvalidated, append(slices.Clone(g.EndedBy), p)
		return
	case g.Confirmed:
		// What the voided act knew is not known.
		*live, g.Confirmed, g.BasedOn = StatusPending, 0, 0
	case g.RenewedAt:
		*live, g.RenewedAt, g.Renewed, g.BasedOn = StatusGiven, 0, time.Time{}, 0
	}
	if !slices.Contains(g.EndedBy, p) {
		return
	}
	g.EndedBy = slices.DeleteFunc(slices.Clone(g.EndedBy), func(e Position) bool { return e == p })
	if len(g.EndedBy) == 0 {
		g.Status, g.Before, g.EndedBy = g.Before, "", nil
	}
}
