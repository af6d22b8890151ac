package decide

import (
	"slices"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Reduce leaves out of a fact whatever no decision can depend on, so that many people have equal facts: every plan decides as before,
// with the same reason, ground and obligations (Verdict.Grant is lost). It also leaves out times, unless they are asked for; where a
// decision needs one that is missing, it is LedgerBehind. To reduce again changes nothing. It reports false where nothing is left, as about a person never seen.
//
// Positions become places in the order of those that are compared.
func Reduce(f consent.Fact, times bool) (consent.Fact, bool) {
	out := consent.Fact{
		Restricted: f.Restricted, AgeYears: f.AgeYears, Business: f.Business, Informed: f.Informed, Ambiguous: f.Ambiguous,
		Untimed: f.Untimed,
	}
	if f.Suppressed != 0 {
		out.Suppressed = 1
	}
	known := len(f.Objections)+len(f.Inherited) > 0
	refusals := slices.ContainsFunc(f.Inherited, func(n consent.No) bool { return n.Refusal })
	standingGrants := false
	for i := range f.Grants {
		g := reduceGrant(&f.Grants[i], times, known, refusals)
		if standing(g.Status) == "" {
			standingGrants = true
		}
		if !slices.ContainsFunc(out.Grants, func(o consent.Grant) bool { return sameGrant(&o, &g) }) {
			out.Grants = append(out.Grants, g)
		}
	}
	for _, o := range f.Objections {
		out.Objections = addObjection(out.Objections, o)
	}
	for _, s := range f.Relationships {
		r := consent.Relationship{Goods: s.Goods, ObjectionNotice: s.ObjectionNotice}
		if !slices.ContainsFunc(out.Relationships, func(o consent.Relationship) bool {
			return slices.Equal(o.Goods, r.Goods) && o.ObjectionNotice == r.ObjectionNotice
		}) {
			out.Relationships = append(out.Relationships, r)
		}
	}
	if standingGrants {
		out.Inherited = slices.Clone(f.Inherited)
		if times {
			out.Used = f.Used.UTC()
		} else {
			out.Untimed = true
		}
	}
	rank(&out)
	return out, !blank(&out)
}

// sameGrant compares what reduceGrant leaves.
func sameGrant(a, b *consent.Grant) bool {
	return a.Purpose == b.Purpose && a.Status == b.Status && a.Notice == b.Notice && a.Proof == b.Proof && a.Guardian == b.Guardian &&
		a.BasedOn == b.BasedOn && a.Position == b.Position && a.Since.Equal(b.Since) && a.Renewed.Equal(b.Renewed)
}

// blank tells whether a fact says nothing. Reflection would take most of the time of a snapshot.
func blank(f *consent.Fact) bool {
	return len(f.Grants)+len(f.Objections)+len(f.Relationships)+len(f.Inherited) == 0 && f.Position == 0 && f.Suppressed == 0 && f.Used.IsZero() &&
		f.AgeYears == 0 && !f.Restricted && !f.Business && !f.Informed && !f.Ambiguous && !f.Untimed
}

// reduceGrant: of a grant that does not stand, only why counts. Positions count where something is compared with them.
func reduceGrant(g *consent.Grant, times, known, refusals bool) consent.Grant {
	out := consent.Grant{Purpose: g.Purpose, Status: g.Status}
	if standing(g.Status) != "" {
		return out
	}
	out.Notice, out.Proof, out.Guardian = g.Notice, g.Proof, g.Guardian
	if known {
		out.BasedOn = g.BasedOn
	}
	if refusals {
		out.Position = g.Position
	}
	if times {
		out.Since, out.Renewed = g.Since.UTC(), g.Renewed.UTC()
	}
	return out
}

// addObjection: of objections that hit the same, the newest counts.
func addObjection(to []consent.Objection, o consent.Objection) []consent.Objection {
	for i := range to {
		if to[i].Scope == o.Scope && to[i].Channel == o.Channel && to[i].Purpose == o.Purpose {
			to[i].Position = max(to[i].Position, o.Position)
			return to
		}
	}
	return append(to, o)
}

// rank replaces positions. What grants name becomes 2, 4, 6 in ascending order, and what is compared with it the same number if it is
// equal, otherwise the odd one between. Zero stays zero.
func rank(f *consent.Fact) {
	var marks []consent.Position
	for i := range f.Grants {
		for _, p := range []consent.Position{f.Grants[i].Position, f.Grants[i].BasedOn} {
			if p != 0 {
				marks = append(marks, p)
			}
		}
	}
	slices.Sort(marks)
	marks = slices.Compact(marks)
	ranked := func(p consent.Position) consent.Position {
		if p == 0 {
			return 0
		}
		i, there := slices.BinarySearch(marks, p)
		if there {
			return consent.Position(2*i + 2)
		}
		return consent.Position(2*i + 1)
	}
	for i := range f.Grants {
		f.Grants[i].Position, f.Grants[i].BasedOn = ranked(f.Grants[i].Position), ranked(f.Grants[i].BasedOn)
	}
	for i := range f.Objections {
		f.Objections[i].Position = ranked(f.Objections[i].Position)
	}
	for i := range f.Inherited {
		f.Inherited[i].Position = ranked(f.Inherited[i].Position)
	}
}

// Timed gives the purposes of a bundle, sorted, for which some decision depends on when something happened: because a grant ends by
// itself, or because an endpoint declares when the data was collected.
func Timed(b *ir.Bundle) []consent.PurposeID {
	var out []consent.PurposeID
	for i := range b.Purposes {
		p := &b.Purposes[i]
		if p.ValidForDays > 0 || p.UnusedForDays > 0 {
			out = append(out, p.Name)
		}
	}
	for i := range b.Rules {
		r := &b.Rules[i]
		if !dated(b, r) {
			continue
		}
		out = append(out, r.Purpose)
		for _, t := range r.Tracking {
			out = append(out, t.Purpose)
		}
	}
	for i := range b.Callbacks {
		c := &b.Callbacks[i]
		for _, k := range c.Kinds {
			if declaresTime(c.Body) {
				out = append(out, k.Purpose)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Ends gives the instants at which a grant ends by itself, if it does at all: because it was agreed to too long ago, or not used for too
// long.
func Ends(p *ir.Purpose, g *consent.Grant, used time.Time) (expired, unused time.Time) {
	start := g.Since
	if g.Renewed.After(start) {
		start = g.Renewed
	}
	if p.ValidForDays > 0 {
		expired = start.AddDate(0, 0, p.ValidForDays)
	}
	if used.After(start) {
		start = used
	}
	if p.UnusedForDays > 0 {
		unused = start.AddDate(0, 0, p.UnusedForDays)
	}
	return expired, unused
}

// dated tells whether some endpoint of a rule declares when data was collected.
func dated(b *ir.Bundle, r *ir.Rule) bool {
	for i := range b.Services {
		s := &b.Services[i]
		if s.Name != r.Service {
			continue
		}
		for j := range s.Endpoints {
			e := &s.Endpoints[j]
			if slices.Contains(r.Endpoints, e.Name) && (declaresTime(e.Request) || declaresTime(e.Response)) {
				return true
			}
		}
	}
	return false
}

func declaresTime(m *ir.Message) bool {
	return m != nil && ((m.Records != nil && m.Records.Time != "") ||
		slices.ContainsFunc(m.Addressees, func(a ir.Addressees) bool { return a.Time != "" }))
}
