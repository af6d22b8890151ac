package enforce

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// Batch decides about some people of an answer that is filtered while it arrives, as Answer does about those of a whole one. A reason
// tells why nothing more of the answer may be passed on; then every part of the batch stops it.
func Batch(p *decide.Plan, people []jsonfilter.Subject, out []jsonfilter.Handling, judge Judge) decide.Reason {
	var t tally
	who := p.Endpoint.Response.Records.Identifies
	for i := range people {
		s := &people[i]
		one := Person{
			Identifier: consent.Identifier{Type: who.Type, Form: who.Form, Value: string(s.Value)}, Unresolved: s.Unresolved,
			Collected: decide.Collected{Declared: s.Timed, At: s.Time}, Place: decide.InAnswer,
		}
		switch {
		case t.judge(judge, one).Permit():
			out[i] = jsonfilter.Keep
		case p.OnMissing == ir.OnMissingRedactField:
			out[i] = jsonfilter.Redact
		default:
			out[i] = jsonfilter.Drop
		}
	}
	if !t.behind && !t.owed && (t.refused == 0 || p.OnMissing != ir.OnMissingDeny) {
		return ""
	}
	for i := range out {
		out[i] = jsonfilter.Stop
	}
	return t.reason()
}
