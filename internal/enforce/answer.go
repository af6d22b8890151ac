package enforce

import (
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// Returned is what becomes of an answer.
type Returned struct {
	// Reason why it is withheld; empty if it is not. An answer about one person who may not be seen is withheld as NotPermitted, as is
	// one about a person who is not there.
	Reason decide.Reason
	// Absent tells that the answer was about one person and has nothing left.
	Absent bool
	Body   []byte
}

// Answer decides about the body of an answer, whose endpoint declares one.
func Answer(p *decide.Plan, body Body, judge Judge) Returned {
	a := answering{plan: p, judge: judge}
	m := p.Endpoint.Response
	out, _ := body.Response(m, p.Category, p.Redaction, a.handle)
	switch {
	case a.withheld():
		return Returned{Reason: a.reason()}
	case one(m) && string(out) == "null":
		return Returned{Reason: decide.NotPermitted, Absent: true}
	}
	return Returned{Body: out}
}

// one tells whether an answer is one record about one person.
func one(m *ir.Message) bool { return m.Records != nil && m.Records.Each == "" }

// answering is one answer while its people are judged.
type answering struct {
	tally
	plan  *decide.Plan
	judge Judge
}

func (a *answering) handle(who jsonfilter.Person) jsonfilter.Handling {
	switch {
	case a.tally.judge(a.judge, person(who, decide.InAnswer)).Permit():
		return jsonfilter.Keep
	case a.plan.OnMissing == ir.OnMissingRedactField:
		return jsonfilter.Redact
	default:
		return jsonfilter.Drop
	}
}

// withheld tells whether somebody was found for whom the whole answer is withheld.
func (a *answering) withheld() bool {
	return a.behind || a.owed || (a.refused > 0 && a.plan.OnMissing == ir.OnMissingDeny && !one(a.plan.Endpoint.Response))
}
