package consent

import "time"

// Project is the one view of a record on which decisions about a purpose rest, as known at time t (the ledger's).
// Grants of other purposes and objections that name another purpose are left out; nothing is ever added.
func Project(r *Record, purpose PurposeID, t time.Time) Fact {
	f := Fact{
		Position: r.Position, Restricted: r.Restricted, Suppressed: r.Suppressed, Used: r.Used[purpose],
		AgeYears: r.AgeYears, Business: r.Business, Informed: r.Informed, Ambiguous: r.Ambiguous,
	}
	for _, n := range r.Inherited {
		if n.Purpose == purpose {
			f.Inherited = append(f.Inherited, n)
		}
	}
	for _, g := range r.Grants {
		if g.Purpose == purpose && !g.Since.After(t) {
			f.Grants = append(f.Grants, g)
		}
	}
	for _, o := range r.Objections {
		if o.Scope != ScopePurpose || o.Purpose == purpose {
			f.Objections = append(f.Objections, o)
		}
	}
	for _, s := range r.Relationships {
		if !s.Since.After(t) {
			f.Relationships = append(f.Relationships, s)
		}
	}
	return f
}
