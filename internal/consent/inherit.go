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
	out := *own
	out.Objections, out.Inherited = slices.Clone(own.Objections), slices.Clone(own.Inherited)
	for _, o := range others {
		if o == nil {
			continue
		}
		out.Objections = append(out.Objections, o.Objections...)
		out.Inherited = append(append(out.Inherited, o.Noes...), o.Inherited...)
		out.Restricted = out.Restricted || o.Restricted
		out.Suppressed = max(out.Suppressed, o.Suppressed)
		out.Position = max(out.Position, o.Position)
		if o.AgeYears != 0 && o.AgeYears < out.AgeYears {
			out.AgeYears = o.AgeYears
		}
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

func refusals(n No) int {
	if n.Refusal {
		return 1
	}
	return 0
}
