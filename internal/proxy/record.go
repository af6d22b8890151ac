package proxy

import (
	"errors"
	"log/slog"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/uses"
)

// DecisionHeader carries the id of the decision on answers that are passed on. Denials have it in their body, too.
const DecisionHeader = "Optup-Decision"

// tagger gives the tags that facts are found by. Facts that have none leave people out of the records.
type tagger interface {
	Tag(id consent.Identifier) (consent.Tag, error)
}

// planned says in the record what the request is about. Now is the moment of the facts that it is decided with.
func (x *exchange) planned(now decide.Now) {
	a := x.about()
	a.Position, a.At = now.Position, now.Ledger
	x.use.About(a)
	x.w.decision = x.use.ID().String()
}

func (x *exchange) about() uses.About {
	var a uses.About
	if x.state != nil {
		a.Generation, a.Controller = x.state.Generation, x.state.first()
		if x.observing() {
			a.Mode = "Observe"
		} else {
			a.Mode = "Enforce"
		}
	}
	if x.endpoint != nil {
		a.Service, a.Endpoint, a.Party = x.endpoint.Service.Name, x.endpoint.IR.Name, x.endpoint.Service.Party.Name
	}
	if x.plan != nil {
		a.Controller, a.Purpose, a.Policies = x.plan.Purpose.Controller, x.plan.Purpose.Name, x.plan.Policies
	}
	return a
}

// first is the controller whose ledger keeps the decisions that came to no purpose.
func (s *State) first() string {
	b := s.Index.Bundle()
	for _, l := range b.Ledgers {
		return l.Controller
	}
	for i := range b.Purposes {
		if b.Purposes[i].Controller != "" {
			return b.Purposes[i].Controller
		}
	}
	return ""
}

// used records one verdict. Only the tag leaves the sidecar. A person whose tag nobody can make is recorded without.
func (x *exchange) used(one enforce.Person, facts Facts, v *decide.Verdict) {
	var tag consent.Tag
	err := errNoTag
	if t, ok := facts.(tagger); ok && !one.Unresolved && x.proxy.Uses != nil {
		tag, err = t.Tag(one.Identifier)
	}
	x.use.Person(tag, err == nil, v)
}

var errNoTag = errors.New("no tag")

// recorded ends the record. A denied request that came to no plan is described by what is known of it; a permitted one uses nobody's
// data and leaves no record. Nor is there one where no ledger could take it.
func (x *exchange) recorded(effect decide.Effect, reason decide.Reason, unanswered bool) {
	if reason == busy {
		reason = decide.InternalError
	}
	if x.plan == nil {
		a := x.about()
		if effect == decide.Permit || a.Controller == "" {
			return
		}
		x.use.About(a)
	}
	x.use.End(effect, reason, unanswered)
	if l := x.proxy.Logger; l.Enabled(x.r.Context(), slog.LevelDebug) {
		a := x.about()
		l.Debug("decided", "decision", x.use.ID().String(), "effect", effect, "reason", shown(reason), "purpose", a.Purpose, "service", a.Service,
			"endpoint", a.Endpoint, "permitted", x.people.permitted, "refused", x.people.refused)
	}
}

// unanswered ends the record of a request that was permitted and whose service did not answer: nobody knows whether it got the data.
func (x *exchange) unanswered() {
	effect, reason := x.outcome()
	x.recorded(effect, reason, true)
}

// refusal records a connection that was refused before it said more, and gives the id.
func (p *Proxy) refusal(s *State, reason decide.Reason) string {
	u := p.Uses.Begin(time.Now())
	if c := s.first(); c != "" {
		u.About(uses.About{Controller: c, Generation: s.Generation, Mode: "Enforce"})
		u.End(decide.Deny, reason, false)
	}
	return u.ID().String()
}
