package touchpoint

import (
	_ "embed"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
)

// askingData says where asking is lawful, with statute and dates. It is data, so that a lawyer can read it and a change of the law is a
// change of the data.
//
//go:embed asking.json
var askingData []byte

// approach is who begins the conversation.
type approach string

const (
	byPerson     approach = "Person"     // the person opened the form, or came to the counter
	byController approach = "Controller" // the controller wrote or called
	byNobody     approach = "Nobody"     // nobody is there to be asked
)

// place is how people are met somewhere, and by which channel the controller approaches them.
type place struct {
	Approach approach        `json:"approach"`
	Channel  consent.Channel `json:"channel,omitempty"`
}

// state is something about a person, or a wording, that forbids asking.
type state string

const (
	stateRestricted      state = "Restricted"
	stateSuppressed      state = "Suppressed"
	stateAmbiguous       state = "Ambiguous"
	stateTooYoung        state = "TooYoung"
	stateSpecialTogether state = "SpecialTogether"
	stateObjected        state = "Objected"
	stateSaidNo          state = "SaidNo"
	stateNotPermitted    state = "NotPermitted"
)

// rule says when nobody may be asked. Members that are not given hold for everything.
type rule struct {
	Reason    Reason               `json:"reason"`
	Approach  approach             `json:"approach,omitempty"`
	Channels  []consent.Channel    `json:"channels,omitempty"`
	State     state                `json:"state"`
	Objection []ir.ObjectionEffect `json:"objection,omitempty"`
	Says      string               `json:"says"`
	Statute   string               `json:"statute"`
	From      string               `json:"from"`
	Until     string               `json:"until,omitempty"`
}

type asking struct {
	Places map[ir.Place]place `json:"places"`
	Rules  []rule             `json:"rules"`
}

// law is the law of all days. A test holds the data to its form, so an error cannot happen in what was built.
var law = sync.OnceValue(func() asking {
	var a asking
	if err := json.Unmarshal(askingData, &a); err != nil {
		return asking{} // no place known: nobody is asked anywhere
	}
	return a
})

func (r *rule) holds(at place, p *ir.Purpose, now time.Time) bool {
	day := now.UTC().Format(time.DateOnly)
	return (r.Approach == "" || r.Approach == at.Approach) && (len(r.Channels) == 0 || slices.Contains(r.Channels, at.Channel)) &&
		(len(r.Objection) == 0 || slices.Contains(r.Objection, p.Objection)) && r.From <= day && (r.Until == "" || day <= r.Until)
}

// forbidden gives the first rule that forbids asking somebody for a purpose of a wording at a place; nil if none does.
func (a *Asker) forbidden(at place, n *ir.Notice, p *ir.Purpose, r *consent.Record, now time.Time) *rule {
	all := law().Rules
	for i := range all {
		if all[i].holds(at, p, now) && a.is(all[i].State, at, n, p, r, now) {
			return &all[i]
		}
	}
	return nil
}

// is tells whether a person, or a wording, is in a state.
func (a *Asker) is(s state, at place, n *ir.Notice, p *ir.Purpose, r *consent.Record, now time.Time) bool {
	switch s {
	case stateRestricted:
		return r.Restricted
	case stateSuppressed:
		return r.Suppressed != 0
	case stateAmbiguous:
		return r.Ambiguous
	case stateTooYoung:
		return p.MinimumAge > 0 && r.AgeYears > 0 && r.AgeYears < p.MinimumAge
	case stateSpecialTogether:
		return a.specialTogether(n)
	case stateObjected:
		return objected(at, p, r)
	case stateSaidNo:
		return saidNo(p.Name, r)
	case stateNotPermitted:
		return !a.advertisedTo(at.Channel, r, now)
	default:
		return true // a state that this version cannot read forbids
	}
}

// specialTogether tells whether a wording names special categories of data beside a purpose that has none.
func (a *Asker) specialTogether(n *ir.Notice) bool {
	special, other := false, false
	for _, name := range n.Purposes {
		if p := a.purposes[name]; p != nil {
			special, other = special || len(p.Special) > 0, other || len(p.Special) == 0
		}
	}
	return special && other
}

func objected(at place, p *ir.Purpose, r *consent.Record) bool {
	marketing := p.Objection == ir.ObjectionDirectMarketing
	return slices.ContainsFunc(r.Objections, func(o consent.Objection) bool {
		switch o.Scope {
		case consent.ScopeAll:
			return marketing
		case consent.ScopeChannel:
			return marketing && (o.Channel == at.Channel || slices.Contains(p.Channels, o.Channel))
		default:
			return o.Purpose == p.Name
		}
	})
}

// saidNo tells whether a person withdrew consent to a purpose, or refused it under another identifier, and has not agreed since.
func saidNo(purpose consent.PurposeID, r *consent.Record) bool {
	var no, yes consent.Position
	for _, n := range r.Noes {
		if n.Purpose == purpose && !n.Refusal {
			no = max(no, n.Position)
		}
	}
	for _, n := range r.Inherited {
		if n.Purpose == purpose {
			no = max(no, n.Position)
		}
	}
	for _, g := range r.Grants {
		if g.Purpose == purpose && (g.Status == consent.StatusGiven || g.Status == consent.StatusRenewed) {
			yes = max(yes, g.Position, g.Confirmed)
		}
	}
	return no > yes
}
