package enforce

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// Person is one person whom a request or an answer names.
type Person struct {
	Identifier consent.Identifier
	// Unresolved tells that no identifier could be read.
	Unresolved bool
	Collected  decide.Collected
	Place      decide.Place
}

// Judge decides about one person. It is called once for each: those of the path, of the query, of the body, and of the answer.
type Judge func(Person) decide.Verdict

// Sent is what becomes of a request.
type Sent struct {
	// Reason why it is denied; empty if it is not.
	Reason decide.Reason
	// Accepted tells that nobody is left and that the request is answered as accepted.
	Accepted bool
	// Bodies are what is sent, in this order: one, unless the request is sent in groups. A nil body stands for none.
	Bodies [][]byte
}

// Request decides about a request. Named are the people of its path and query; doc is its body, nil for none.
//
// Facts that are too old for somebody deny the request, whatever the plan says about people without permission, and so does an
// obligation that nobody meets: see decide.Decide, whose outcome this is for the people that the body names.
func Request(p *decide.Plan, named []Person, doc Body, judge Judge) Sent {
	var t tally
	g := groups{plan: p}
	for _, one := range named {
		if v := t.judge(judge, one); v.Permit() {
			g.always |= switches(v)
		}
	}
	refusedByName := t.refused > 0
	if doc == nil {
		switch {
		case refusedByName:
			return Sent{Reason: t.reason()}
		case g.always != 0:
			return Sent{Reason: decide.ObligationUnmet} // there is nothing in which tracking could be turned off
		}
		return Sent{Bodies: [][]byte{nil}}
	}
	m := p.Endpoint.Request
	r, found := doc.Request(m, p.Category, func(one jsonfilter.Person) jsonfilter.Handling {
		v := t.judge(judge, person(one, decide.InBody))
		g.needs = append(g.needs, switches(v))
		if v.Permit() {
			return jsonfilter.Keep
		}
		return jsonfilter.Drop
	})
	addressees := len(m.Addressees) > 0
	switch {
	case found.NotCovered > 0:
		return Sent{Reason: decide.CategoryNotCovered}
	case t.behind, t.owed, refusedByName, addressees && found.People == 0, found.Kept < found.People && p.OnMissing != ir.OnMissingDropAddressee:
		return Sent{Reason: t.reason()}
	case addressees && found.Kept == 0 && p.OnEmpty == ir.OnEmptyAnswerAccepted:
		return Sent{Accepted: true}
	case addressees && found.Kept == 0:
		return Sent{Reason: decide.NotPermitted}
	}
	bodies, ok := g.bodies(r)
	if !ok {
		return Sent{Reason: decide.ObligationUnmet}
	}
	return Sent{Bodies: bodies}
}

func person(one jsonfilter.Person, at decide.Place) Person {
	return Person{
		Identifier: one.Identifier, Unresolved: one.Unresolved, Place: at,
		Collected: decide.Collected{Declared: one.Timed, At: one.Time},
	}
}

// tally remembers what the people of one exchange came to.
type tally struct {
	refused      int
	behind, owed bool
}

func (t *tally) judge(judge Judge, one Person) decide.Verdict {
	v := judge(one)
	t.note(&v)
	return v
}

// note notes a verdict, and tells whether it permits.
func (t *tally) note(v *decide.Verdict) bool {
	if v.Permit() {
		return true
	}
	t.refused++
	t.behind = t.behind || v.Reason == decide.LedgerBehind
	t.owed = t.owed || v.Reason == decide.ObligationUnmet
	return false
}

func (t *tally) reason() decide.Reason {
	switch {
	case t.behind:
		return decide.LedgerBehind
	case t.owed:
		return decide.ObligationUnmet
	default:
		return decide.NotPermitted
	}
}
