package decide

import (
	"slices"

	"github.com/optup/optup/internal/ir"
)

// Considered is one rule for the endpoint of a request.
type Considered struct {
	Rule       *ir.Rule
	Conditions []Compared
}

// Matched tells whether every condition holds.
func (c Considered) Matched() bool {
	return !slices.ContainsFunc(c.Conditions, func(c Compared) bool { return !c.Holds })
}

// Compared is one condition of a rule and what the request says to it.
type Compared struct {
	ir.Condition
	// Given tells that the request has the constant; Value is it. Holds that it is one of those that the condition names.
	Given bool
	Value string
	Holds bool
}

// Why tells how a request comes to its purpose, or why it comes to none, as Plan decides it: every rule for the endpoint, and the
// gates that do not depend on people. The gates are none where no single purpose results.
func (x *Index) Why(e *Endpoint, constant Constants) ([]Considered, []Step) {
	var rules []Considered
	for _, r := range e.match.rules {
		one := Considered{Rule: r}
		for _, c := range r.When {
			v, ok := given(c, e, constant)
			one.Conditions = append(one.Conditions, Compared{Condition: c, Given: ok, Value: v, Holds: ok && slices.Contains(c.In, v)})
		}
		rules = append(rules, one)
	}
	p, reason := x.match(e, constant)
	if reason != "" {
		return rules, nil
	}
	t := &Trace{}
	for _, g := range p.gates() {
		t.gate(g.gate, g.reason, g.about)
	}
	if p.blocked() != "" {
		return rules, t.Steps
	}
	if p.NeedsFacts() {
		t.gate(GateIdentity, when(!names(e.IR), PersonUnresolved), "")
	}
	if e.IR.Replaces != "" {
		t.gate(GateCategory, when(e.match.partial, CategoryNotCovered), e.IR.Replaces)
	}
	return rules, t.Steps
}

func when(so bool, r Reason) Reason {
	if so {
		return r
	}
	return ""
}
