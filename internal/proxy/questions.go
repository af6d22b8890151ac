package proxy

import (
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/ir"
	ledger "github.com/optup/optup/internal/ledger/client"
)

// Questions are about uses of people's data, apart from requests to services: those that are asked together, decided by one state. They
// are for one goroutine. Close them.
type Questions struct {
	proxy *Proxy
	state *State
	alike map[string]*question
	// last is what was asked last, and of what kind it was.
	last   *decide.Use
	ofLast *question
	// value and own are room for what is asked and decided about one person.
	value []byte
	own   decide.Verdict
}

// question is what is asked about several people alike. It is recorded as one decision.
type question struct {
	x      *exchange
	id     string
	facts  Facts
	now    decide.Now
	reason decide.Reason
	// view is where people are found by state; nil where facts have to be asked one by one.
	view *ledger.View
	// ofAnybody is why somebody of whom nothing is known may not be used.
	ofAnybody decide.Reason
}

// Used is what was decided about one person.
type Used struct {
	Permit bool
	// Reason is why not, as far as the caller may learn.
	Reason decide.Reason
	// Obligations have to be met for the permission to hold. They are shared and must not be changed.
	Obligations []decide.Obligation
	// ID names the decision; Observed tells that it is only to be shown.
	ID       string
	Observed bool
}

// Questions begins to answer. It is nil while no bundle is in force.
func (p *Proxy) Questions() *Questions {
	p.setup()
	s := p.Current.Load()
	if s == nil {
		return nil
	}
	return &Questions{proxy: p, state: s, alike: map[string]*question{}}
}

// Ask decides about the use of one person's data, for the purposes that the workload's policies have. The party of u is a name only: what
// counts of it is what the services of the bundle declare. What u says must not be changed; asking with the same u again is cheaper.
func (q *Questions) Ask(u *decide.Use, who consent.Identifier) Used {
	if u != q.last {
		q.last, q.ofLast = u, q.about(u)
	}
	one := q.ofLast
	out := Used{ID: one.id, Observed: one.x.observing()}
	if one.reason != "" {
		out.Reason = shown(one.reason)
		return out
	}
	v := q.judge(one, who)
	switch {
	case v.Permit():
		out.Permit, out.Obligations = true, v.Obligations
	case v.Reason == decide.ObligationUnmet:
		out.Reason = v.Reason
	default:
		out.Reason = one.ofAnybody
	}
	return out
}

// judge decides about one person: by state, which takes one tag, or else by what is asked for each purpose.
func (q *Questions) judge(one *question, who consent.Identifier) decide.Verdict {
	if one.view != nil {
		q.value = append(q.value[:0], who.Value...)
		asked := ledger.Asked{Type: who.Type, Form: who.Form, Value: q.value}
		found := one.view.Look(asked)
		if found.Err == nil {
			if v := byState(one.x.plan, one.view, &asked, found.State, &decide.Collected{}, &one.now, &q.own); v != nil {
				one.x.use.Person(found.Tag, true, v)
				one.x.count(decide.InAddress, v)
				return *v
			}
		}
	}
	return one.x.judge(enforce.Person{Identifier: who, Place: decide.InAddress}, one.now, one.facts)
}

// Close records what was decided.
func (q *Questions) Close() {
	for _, one := range q.alike {
		effect, reason := one.x.outcome()
		switch {
		case one.reason != "":
			effect, reason = decide.Deny, one.reason
		case one.x.people.permitted == 0:
			effect, reason = decide.Deny, one.ofAnybody
		}
		q.proxy.Metrics.decision(one.x, effect, reason)
		one.x.finish()
	}
}

func (q *Questions) about(u *decide.Use) *question {
	var b strings.Builder
	for _, word := range []string{string(u.Purpose), string(u.Channel), u.Party.Name, string(u.Party.Role)} {
		b.WriteString(word)
		b.WriteByte(0)
	}
	if t := u.Party.Transfer; t != nil {
		words(&b, []string{t.Country, string(t.Basis)})
	}
	b.WriteByte(0)
	words(&b, u.Processing)
	words(&b, u.Categories)
	words(&b, u.Honours)
	key := b.String()
	one := q.alike[key]
	if one == nil {
		one = q.begin(*u)
		q.alike[key] = one
	}
	return one
}

func words[T ~string](b *strings.Builder, all []T) {
	for _, s := range all {
		b.WriteString(string(s))
		b.WriteByte(1)
	}
	b.WriteByte(0)
}

// begin finds the plan for uses that are alike.
func (q *Questions) begin(u decide.Use) *question {
	x := &exchange{proxy: q.proxy, state: q.state, r: (&Asked{}).request(background), w: &once{ResponseWriter: nowhere{}}}
	x.begin()
	one := &question{x: x, id: x.use.ID().String()}
	mode, ours := q.mode(u.Purpose)
	if !ours {
		one.reason = decide.PurposeUndeclared // as if it did not exist, which for this workload it does not
		return one
	}
	if u.Party != (ir.Party{}) {
		party := q.party(&u.Party)
		if party == nil {
			one.reason = decide.PartyNotCovered
			return one
		}
		u.Party = *party
	}
	plan, reason := q.state.Index.Use(u)
	if reason != "" {
		one.reason = reason
		return one
	}
	plan.Mode = mode
	x.plan, x.endpoint = plan, &decide.Endpoint{Service: plan.Service, IR: plan.Endpoint}
	one.facts = q.state.facts(plan.Purpose)
	one.now = one.facts.Now()
	if viewer, ok := one.facts.(Viewer); ok && len(plan.Needs()) > 0 {
		if v := viewer.View(); v != nil && v.TellsAll(plan.Needs()) {
			one.view = v
		}
	}
	x.planned(one.now)
	one.ofAnybody = x.ofAnybody()
	return one
}

// mode is that of the rules for a purpose; false if the workload's policies have none.
func (q *Questions) mode(purpose consent.PurposeID) (mode ir.Mode, found bool) {
	mode = ir.ModeObserve
	for i := range q.state.Index.Bundle().Rules {
		r := &q.state.Index.Bundle().Rules[i]
		if r.Purpose != purpose && !slices.ContainsFunc(r.Tracking, func(t ir.TrackingRule) bool { return t.Purpose == purpose }) {
			continue
		}
		if found = true; r.Mode != ir.ModeObserve {
			mode = ir.ModeEnforce
		}
	}
	return mode, found
}

// party is what the services of the bundle declare about a party.
func (q *Questions) party(named *ir.Party) *ir.Party {
	for i := range q.state.Index.Bundle().Services {
		p := &q.state.Index.Bundle().Services[i].Party
		if p.Name == named.Name && (named.Role == "" || named.Role == p.Role) && (named.Transfer == nil || p.Transfer != nil && *p.Transfer == *named.Transfer) {
			return p
		}
	}
	return nil
}
