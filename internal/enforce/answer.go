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
func Answer(p *decide.Plan, doc *jsonfilter.Document, judge Judge) Returned {
	var t tally
	m := p.Endpoint.Response
	body, _ := doc.Response(m, p.Category, p.Redaction, func(one jsonfilter.Person) jsonfilter.Handling {
		switch {
		case t.judge(judge, person(one, decide.InAnswer)).Permit():
			return jsonfilter.Keep
		case p.OnMissing == ir.OnMissingRedactField:
			return jsonfilter.Redact
		default:
			return jsonfilter.Drop
		}
	})
	one := m.Records != nil && m.Records.Each == ""
	switch {
	case t.behind, t.owed, t.refused > 0 && p.OnMissing == ir.OnMissingDeny && !one:
		return Returned{Reason: t.reason()}
	case one && string(body) == "null":
		return Returned{Reason: decide.NotPermitted, Absent: true}
	}
	return Returned{Body: body}
}
