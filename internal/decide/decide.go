package decide

import (
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Decide decides about a whole request whose people are known: the composition of Endpoint, Plan and Person.
//
// Request-level reasons deny the request. People without permission are handled as the plan says: with Deny one of them denies
// the request, otherwise they are dropped and the effect is permit-filtered; with nobody left, a request to addressees is denied
// unless the plan answers as if it were accepted. Facts that are too old deny the whole request, whatever the plan says: to drop
// people for a while would lose their mail without a word, while a denied request can be sent again. An obligation that nobody meets
// denies it, too.
func Decide(x *Index, r Request, now Now) Decision {
	d := Decision{Effect: Deny, Position: now.Position}
	e, reason := x.Endpoint(r.Method, r.Host, r.Port, r.Path)
	if reason != "" {
		d.Reasons = []Reason{reason}
		return d
	}
	if e.IR.NoPersonalData {
		d.Effect, d.Reasons = Permit, []Reason{}
		return d
	}
	p, reason := x.Plan(e, r.Constant)
	if reason != "" {
		d.Reasons = []Reason{reason}
		return d
	}
	p.Honours = r.Honours
	d.Purpose = p.Purpose.Name
	for _, c := range r.Categories {
		if !p.Category(c) {
			d.Reasons = []Reason{CategoryNotCovered}
			return d
		}
	}
	return p.people(d, r.People, now)
}

func (p *Plan) people(d Decision, people []Person, now Now) Decision {
	permitted := 0
	for _, one := range people {
		v := p.Unresolved()
		if !one.Unresolved {
			v = p.Person(one.facts, one.Collected, now)
		}
		d.People = append(d.People, v.Reason)
		d.Reasons = append(d.Reasons, v.Reason.Public())
		for _, o := range v.Obligations {
			if !slices.Contains(d.Obligations, o) {
				d.Obligations = append(d.Obligations, o)
			}
		}
		if v.Permit() {
			permitted++
		}
	}
	slices.Sort(d.Reasons)
	d.Reasons = slices.Compact(d.Reasons)
	d.Effect = p.effect(permitted, len(people))
	if slices.Contains(d.People, LedgerBehind) || slices.Contains(d.People, ObligationUnmet) {
		d.Effect = Deny
	}
	return d
}

func (one Person) facts(purpose consent.PurposeID) consent.Fact {
	if one.Facts == nil {
		return consent.Fact{}
	}
	return one.Facts(purpose)
}

func (p *Plan) effect(permitted, people int) Effect {
	toAddressees := p.Endpoint.Request != nil && len(p.Endpoint.Request.Addressees) > 0
	switch {
	case people == 0 && toAddressees:
		return Deny // a request about people in which nobody was found
	case permitted == people:
		return Permit
	case p.OnMissing == ir.OnMissingDeny, toAddressees && p.OnMissing != ir.OnMissingDropAddressee:
		return Deny
	case permitted == 0 && toAddressees && p.OnEmpty != ir.OnEmptyAnswerAccepted:
		return Deny
	default:
		return PermitFiltered
	}
}
