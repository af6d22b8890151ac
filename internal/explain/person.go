package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// person explains the decision about one person.
func (s *scene) person(plan *decide.Plan, number int, one decide.Person) Person {
	if one.Unresolved {
		v := plan.Unresolved()
		m := v.Reason.Meaning()
		return Person{Number: number, Where: where[one.Place], Reason: v.Reason, Gates: []Answer{{Gate: decide.GateIdentity, Result: Failed, Reason: v.Reason, Says: m.Says, Law: m.Law}}}
	}
	facts := one.Facts
	if facts == nil {
		facts = func(consent.PurposeID) consent.Fact { return consent.Fact{} }
	}
	v, steps := plan.Explain(facts, one.Collected, s.now)
	out := Person{Number: number, Where: where[one.Place], Permitted: v.Permit(), Reason: v.Reason, Ground: v.Ground, Obligations: v.Obligations}
	// What comes before the person's restriction is said once, for the request.
	first := slices.IndexFunc(steps, func(x decide.Step) bool { return x.Gate == decide.GateRestriction })
	for _, x := range steps[max(first, 0):] {
		name := plan.Purpose.Name
		if x.Purpose != "" {
			name = x.Purpose
		}
		k := &known{scene: s, plan: plan, fact: facts(name), name: name, purpose: s.index.Purpose(name), collected: one.Collected}
		out.Gates = append(out.Gates, k.answer(x))
	}
	return out
}

var where = map[decide.Place]string{decide.InAddress: "address", decide.InBody: "body", decide.InAnswer: "answer"}

// known is one person, and the purpose that is asked about.
type known struct {
	*scene
	plan      *decide.Plan
	fact      consent.Fact
	name      consent.PurposeID
	purpose   *ir.Purpose
	collected decide.Collected
}

func (k *known) answer(x decide.Step) Answer {
	a := Answer{Gate: x.Gate, Result: Passed, Purpose: x.Purpose, Reason: x.Reason}
	if !x.Passed {
		a.Result, a.Law = Failed, x.Reason.Meaning().Law
		a.Says = x.Reason.Meaning().Says
	}
	switch x.Gate {
	case decide.GateGrant:
		k.grant(&a, x)
	case decide.GateGround:
		k.ground(&a, x)
	case decide.GateDevice, decide.GateTracking, decide.GateObligation:
		k.within(&a, x)
	default:
		a.Causes = k.causes(x)
		if x.Passed {
			a.Says = k.passed(x)
		}
	}
	return a
}

func (k *known) passed(x decide.Step) string {
	switch x.Gate {
	case decide.GateRestriction:
		return "The person's data is not restricted."
	case decide.GateSuppression:
		if k.fact.Suppressed != 0 {
			return "The person asked for erasure, which does not reach this purpose: it is no direct marketing."
		}
		return "The person has not asked for erasure."
	case decide.GateFreshness:
		return "What the ledger knows is fresh enough."
	case decide.GateIdentity:
		return "The identifier stands for one person."
	default:
		return "Nothing stands against it."
	}
}

// causes finds what a gate about a person looked at.
func (k *known) causes(x decide.Step) []Cause {
	switch x.Gate {
	case decide.GateRestriction:
		if k.fact.Restricted {
			return k.events(consent.EventRestricted)
		}
	case decide.GateSuppression:
		if k.fact.Suppressed != 0 {
			return []Cause{k.event(k.fact.Suppressed), k.scene.purpose(k.name, "spec.objection")}
		}
	case decide.GateFreshness:
		return k.policiesWithBound()
	case decide.GateAddressee:
		return []Cause{k.scene.purpose(k.name, "spec.addresseeKinds")}
	case decide.GateAge:
		return []Cause{k.scene.purpose(k.name, "spec.minimumAge")}
	case decide.GateObjection:
		return append(k.objections(), k.scene.purpose(k.name, "spec.objection"))
	case decide.GateInformation:
		return []Cause{k.scene.purpose(k.name, "spec.collectedFrom")}
	case decide.GateCategory:
		return []Cause{k.scene.purpose(k.name, "spec.dataCategories"), k.scene.purpose(k.name, "spec.legalGrounds")}
	case decide.GateChannel:
		return []Cause{k.endpoint(k.ep.IR.Name, "channel"), k.scene.purpose(k.name, "spec.legalGrounds")}
	case decide.GateParty:
		return []Cause{k.at(serviceRef(k.service.Name), "spec.party")}
	default:
	}
	return nil
}

func (k *known) objections() []Cause {
	var out []Cause
	for _, o := range k.fact.Objections {
		out = append(out, k.event(o.Position))
	}
	return out
}

// ground puts into words whether a ground carries.
func (k *known) ground(a *Answer, x decide.Step) {
	i := slices.Index(k.purpose.Grounds, ir.Ground(x.About))
	a.Causes = []Cause{k.scene.purpose(k.name, fmt.Sprintf("spec.legalGrounds[%d]", i))}
	m := x.Reason.Meaning()
	a.Law = m.Law
	if x.Passed {
		a.Says = fmt.Sprintf("The ground %q carries: %s", x.About, m.Says)
		return
	}
	a.Says = fmt.Sprintf("The ground %q does not carry: %s", x.About, m.Says)
}

// within puts questions within the question into words.
func (k *known) within(a *Answer, x decide.Step) {
	own := k.plan.Purpose.Name
	switch x.Gate {
	case decide.GateDevice:
		a.Causes = []Cause{k.scene.purpose(own, "spec.deviceAccess")}
		if x.Passed {
			a.Says = fmt.Sprintf("The person allowed access to the device, for the purpose %s.", x.About)
		} else {
			a.Says = fmt.Sprintf("%s The purpose of the access is %s.", a.Says, x.About)
		}
	case decide.GateTracking:
		a.Causes = append(k.rules("tracking"), k.endpoint(k.ep.IR.Name, "request.switches"))
		if x.Passed {
			a.Says = fmt.Sprintf("%s may stay on.", x.About)
		} else {
			a.Says = fmt.Sprintf("%s has to be off, or the person left out: %s", x.About, a.Says)
		}
	case decide.GateObligation:
		a.Causes = []Cause{k.endpoint(k.ep.IR.Name, "fulfils")}
		if x.Passed {
			a.Says = "The request does what the permission depends on, or whoever asks has promised to."
		}
	default:
	}
}

// grant puts into words whether one grant carries, or why there is none.
func (k *known) grant(a *Answer, x decide.Step) {
	if x.Grant == 0 {
		a.Causes = k.without(x.Reason)
		return
	}
	i := slices.IndexFunc(k.fact.Grants, func(g consent.Grant) bool { return g.Position == x.Grant })
	if i < 0 {
		return
	}
	g := &k.fact.Grants[i]
	when := fmt.Sprintf("What the person agreed to on %s under the wording %s", g.Since.Format("2 January 2006"), g.Notice)
	a.Causes = []Cause{k.event(g.Position)}
	if x.Passed {
		a.Says = when + " carries: it covers what is done, how, by whom and for how long."
		a.Causes = append(a.Causes, k.notice(g.Notice, "spec.covers"))
		return
	}
	a.Says = strings.TrimSpace(when + " does not carry: " + x.Reason.Meaning().Says + " " + k.detail(x.Reason, g))
	a.Causes = append(a.Causes, k.against(x.Reason, g)...)
}
