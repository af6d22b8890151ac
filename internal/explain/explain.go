package explain

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/scenario"
)

// Explanation is how one decision came about.
type Explanation struct {
	// Case and Decision name what was asked; empty for a single request.
	Case     string `json:"case,omitempty"`
	Decision string `json:"decision,omitempty"`
	// Request is the method, host, port and path that were asked for; of an endpoint the path's template, because a path can name people.
	Request  string        `json:"request"`
	Workload string        `json:"workload"`
	Effect   decide.Effect `json:"effect"`
	// Mode tells whether the decision is in force, or only seen.
	Mode        ir.Mode             `json:"mode"`
	Purpose     consent.PurposeID   `json:"purpose,omitempty"`
	Reasons     []decide.Reason     `json:"reasons"`
	Obligations []decide.Obligation `json:"obligations,omitempty"`
	// Sent is how many requests reach the service: none, the request, or the groups that it is split into. Forwarded is the body that does, a
	// list where there are several, and Returned what comes back.
	Sent      int `json:"sent"`
	Forwarded any `json:"forwarded,omitempty"`
	Returned  any `json:"returned,omitempty"`
	// Gates are those of the request as a whole.
	Gates []Answer `json:"gates"`
	// People are those that the request and the answer name, in their order.
	People []Person `json:"people,omitempty"`
}

// Person is the decision about one person.
type Person struct {
	// Number counts the people of the request from 1. People are never named.
	Number int `json:"number"`
	// Where tells where they are named: address (path or query), body or answer.
	Where       string              `json:"where"`
	Permitted   bool                `json:"permitted"`
	Reason      decide.Reason       `json:"reason"`
	Ground      ir.Ground           `json:"ground,omitempty"`
	Obligations []decide.Obligation `json:"obligations,omitempty"`
	Gates       []Answer            `json:"gates"`
}

// Result is how a gate was answered.
type Result string

// Results.
const (
	Passed Result = "passed"
	Failed Result = "failed"
	// NotMatched is the result of a rule that is not about the request, which by itself denies nothing.
	NotMatched Result = "notMatched"
)

// Gates that a request passes before package decide asks its own: how it is written, its host, its endpoint, and the rules for that.
const (
	GateForm     decide.Gate = "form"
	GateHost     decide.Gate = "host"
	GateEndpoint decide.Gate = "endpoint"
	GateRule     decide.Gate = "rule"
)

// Answer is how one gate was answered.
type Answer struct {
	Gate   decide.Gate   `json:"gate"`
	Result Result        `json:"result"`
	Reason decide.Reason `json:"reason,omitempty"`
	// Says is a sentence; Law is where the rule is written down.
	Says string `json:"says"`
	Law  string `json:"law,omitempty"`
	// Purpose is set where a question within the question is about another purpose: access to the device, or tracking.
	Purpose consent.PurposeID `json:"purpose,omitempty"`
	Causes  []Cause           `json:"causes,omitempty"`
}

// Cause is a part of a resource, or an event of the ledger, on which an answer rests.
type Cause struct {
	// Resource is "Kind name" or "Kind namespace/name"; "ledger" for an event.
	Resource string `json:"resource"`
	// Field is the path of the member, for example "spec.proof"; for an event what it is.
	Field string `json:"field,omitempty"`
	// File and Line are where it stands, or where it would have to stand; empty and 0 where that is not known.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Explain decides as the case does, and tells how it came about.
func Explain(c scenario.Case, d scenario.Decision) (Explanation, error) {
	x, err := c.Index()
	if err != nil {
		return Explanation{}, err
	}
	o, err := c.Decide(x, d)
	if err != nil {
		return Explanation{}, err
	}
	out := Explanation{
		Case: c.Name, Decision: d.Name,
		Workload: c.Workload, Effect: o.Got.Effect, Mode: ir.ModeEnforce, Purpose: o.Got.Purpose, Reasons: o.Got.Reasons,
		Obligations: o.Got.Obligations, Sent: o.Sent, Forwarded: o.Forwarded, Returned: o.Returned,
	}
	if o.Observed {
		out.Mode = ir.ModeObserve
	}
	s := &scene{c: c, index: x, request: o.Asked, now: o.Now}
	var plan *decide.Plan
	if o.Asked.Method != "" {
		plan = s.gates()
	}
	if plan != nil {
		for i, one := range o.Asked.People {
			out.People = append(out.People, s.person(plan, i+1, one))
		}
	}
	if out.Effect == decide.Deny && !out.failed(s.answers) {
		s.form(o.Got.Reasons)
	}
	out.Gates, out.Request = s.answers, s.title(d.Request)
	return out, nil
}

func (s *scene) title(r scenario.Request) string {
	path, _, _ := strings.Cut(r.Path, "?")
	if s.ep != nil {
		path = s.ep.IR.Path
	}
	return fmt.Sprintf("%s %s:%d%s", r.Method, r.Host, r.Port, path)
}

// failed tells whether some gate says why the request is denied.
func (e *Explanation) failed(gates []Answer) bool {
	fails := func(a Answer) bool { return a.Result == Failed }
	return slices.ContainsFunc(gates, fails) || slices.ContainsFunc(e.People, func(p Person) bool { return !p.Permitted })
}

// Below gives the explanation with files named from where the folder is seen that they are in.
func (e Explanation) Below(folder string) Explanation {
	below := func(answers []Answer) {
		for i := range answers {
			for j := range answers[i].Causes {
				if c := &answers[i].Causes[j]; c.File != "" {
					c.File = filepath.Join(folder, c.File)
				}
			}
		}
	}
	below(e.Gates)
	for i := range e.People {
		below(e.People[i].Gates)
	}
	return e
}
