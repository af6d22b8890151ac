package decide

import (
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// Decide decides about a whole request whose people are known: the composition of Endpoint, Plan and Person.
//
// Request-level reasons deny the request, and so does a person whom its path or query names and who may not be used. Others without
// permission are handled as the plan says: with Deny one of them denies the request, otherwise they are dropped and the effect is
// permit-filtered; with nobody left, a request to addressees is denied unless the plan answers as if it were accepted. Facts that are too old deny the whole request, whatever the plan says: to drop
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
		d.Reasons = []Reason{reason.Public()}
		return d
	}
	p = p.Honouring(r.Honours)
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
	var t tally
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
		t.count(one.Place, v.Permit())
	}
	slices.Sort(d.Reasons)
	d.Reasons = slices.Compact(d.Reasons)
	d.Effect = p.effect(t)
	if slices.Contains(d.People, LedgerBehind) || slices.Contains(d.People, ObligationUnmet) {
		d.Effect = Deny
	}
	if d.Effect == Deny && len(d.Reasons) == 0 {
		d.Reasons = []Reason{NotPermitted} // nobody was found, and a denial never goes without a reason
	}
	return d
}

func (one Person) facts(purpose consent.PurposeID) consent.Fact {
	if one.Facts == nil {
		return consent.Fact{}
	}
	return one.Facts(purpose)
}

// tally counts people by place and outcome.
type tally struct{ permitted, refused [InAnswer + 1]int }

func (t *tally) count(place Place, permitted bool) {
	if permitted {
		t.permitted[place]++
	} else {
		t.refused[place]++
	}
}

func (p *Plan) effect(t tally) Effect {
	toAddressees := p.Endpoint.Request != nil && len(p.Endpoint.Request.Addressees) > 0
	switch {
	case t.refused[InAddress] > 0:
		return Deny // nobody else is left in such a request
	case toAddressees && t.permitted[InBody]+t.refused[InBody] == 0:
		return Deny // a request about people in which nobody was found
	case t.refused == [InAnswer + 1]int{}:
		return Permit
	case p.OnMissing == ir.OnMissingDeny, toAddressees && t.refused[InBody] > 0 && p.OnMissing != ir.OnMissingDropAddressee:
		return Deny
	case toAddressees && t.permitted[InBody] == 0 && p.OnEmpty != ir.OnEmptyAnswerAccepted:
		return Deny
	case t.refused[InAnswer] > 0 && p.oneRecord() && p.OnMissing != ir.OnMissingRedactField:
		return Deny // an answer about one person has nothing left
	default:
		return PermitFiltered
	}
}

// oneRecord tells whether the answer is one record about one person.
func (p *Plan) oneRecord() bool {
	m := p.Endpoint.Response
	return m != nil && m.Records != nil && m.Records.Each == ""
}
