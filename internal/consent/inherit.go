package consent

import (
	"cmp"
	"slices"
)

// Inherit gives what is known about a person under one identifier together with what restricts the same person under other, verified
// ones. Restrictions are inherited within their scope; permissions never leave the identifier that they were given for; where records
// disagree, the least permissive one counts. The order of the others does not matter. None of the records is changed.
//
// A withdrawal under another identifier stands against every grant that did not name it in basedOn. A refusal stands only against
// grants that came after it, because refusing a further step never shrinks a grant that exists. Whether an identifier is ambiguous is
// not inherited: that several people share a device says nothing against the addresses of each.
func Inherit(own *Record, others ...*Record) *Record {
	all := make([]other, 0, len(others))
	for _, o := range others {
		if o != nil {
			all = append(all, other{record: o})
		}
	}
	return inherit(own, all)
}

// other is the record of another identity, which nobody could connect with this one before a position.
type other struct {
	record *Record
	since  Position
}

func inherit(own *Record, others []other) *Record {
	out := *own
	out.Objections, out.Inherited = slices.Clone(own.Objections), slices.Clone(own.Inherited)
	for _, o := range others {
		out.take(own, o)
	}
	slices.SortFunc(out.Objections, func(a, b Objection) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Purpose, b.Purpose))
	})
	out.Objections = slices.Compact(out.Objections)
	slices.SortFunc(out.Inherited, func(a, b No) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Purpose, b.Purpose), refusals(a)-refusals(b))
	})
	out.Inherited = slices.Compact(out.Inherited)
	return &out
}

// take takes over what restricts under another identity. What an act under this one has lifted stays lifted here.
func (r *Record) take(own *Record, o other) {
	for _, objection := range o.record.Objections {
		objection.Position = max(objection.Position, o.since)
		if !own.hasLifted(objection) {
			r.Objections = append(r.Objections, objection)
		}
	}
	for _, n := range o.record.Noes {
		if !n.Refusal { // whether a refusal stands against a grant depends on which was first
			n.Position = max(n.Position, o.since)
		}
		r.Inherited = append(r.Inherited, n)
	}
	r.Inherited = append(r.Inherited, o.record.Inherited...)
	r.Restricted = r.Restricted || o.record.Restricted
	if s := o.record.Suppressed; s != 0 && !own.hasReturned(max(s, o.since)) {
		r.Suppressed = max(r.Suppressed, s, o.since)
	}
	r.Position = max(r.Position, o.record.Position)
	if y := o.record.AgeYears; y != 0 && y < r.AgeYears {
		r.AgeYears = y
	}
}

func (r *Record) hasLifted(o Objection) bool {
	return slices.ContainsFunc(r.Lifted, func(l Lifted) bool {
		return l.Scope == o.Scope && l.Channel == o.Channel && l.Purpose == o.Purpose && l.Position >= o.Position
	})
}

func (r *Record) hasReturned(suppressed Position) bool {
	return slices.ContainsFunc(r.Unsuppressed, func(l Lifted) bool { return l.Position >= suppressed })
}

// Clone gives a record that may be changed without changing this one.
func (r *Record) Clone() *Record {
	c := *r
	c.Grants, c.Objections, c.Relationships = slices.Clone(r.Grants), slices.Clone(r.Objections), slices.Clone(r.Relationships)
	c.Noes, c.Inherited, c.Asks = slices.Clone(r.Noes), slices.Clone(r.Inherited), slices.Clone(r.Asks)
	c.Lifted, c.Unsuppressed = slices.Clone(r.Lifted), slices.Clone(r.Unsuppressed)
	return &c
}

func refusals(n No) int {
	if n.Refusal {
		return 1
	}
	return 0
}
