package enforce

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/defence"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// Subject is the person whom a record of a filtered answer is about, as Judge is asked about it.
func Subject(p *decide.Plan, s *jsonfilter.Subject) Person {
	who := &p.Endpoint.Response.Records.Identifies
	return Person{
		Identifier: consent.Identifier{Type: who.Type, Form: who.Form, Value: string(s.Value)}, Unresolved: s.Unresolved,
		Collected: decide.Collected{Declared: s.Timed, At: s.Time}, Place: decide.InAnswer,
	}
}

// Batch decides about some people of an answer that is filtered while it arrives, as Answer does about those of a whole one; judge gives the
// verdict about one of them, by number, and is called once for each. A reason tells why nothing more of the answer may be passed on; then every part of the batch stops it.
func Batch(p *decide.Plan, people []jsonfilter.Subject, out []jsonfilter.Handling, judge func(i int) *decide.Verdict) decide.Reason {
	var t tally
	var v *decide.Verdict
	for i := range people {
		if defence.Each || i == 0 {
			v = judge(i)
		}
		switch {
		case !defence.Nameless && people[i].Unresolved, t.note(v):
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
