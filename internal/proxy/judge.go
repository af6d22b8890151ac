package proxy

import (
	"sync"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/facts"
	"github.com/optup/optup/internal/jsonfilter"
	ledger "github.com/optup/optup/internal/ledger/client"
)

// Viewer are facts that know people by states (see decide.Plan.Recall), so that like people are decided about once.
type Viewer interface {
	Facts
	// View gives what look-ups see; nil before the first.
	View() *ledger.View
}

// view gives the view that all facts of a plan come from. It reports false where there is none, or where not all is told that the plan
// needs.
func view(p *decide.Plan, f Facts) (*ledger.View, bool) {
	viewer, ok := f.(Viewer)
	if !ok || !p.Remembers() {
		return nil, false
	}
	v := viewer.View()
	return v, v != nil && v.TellsAll(p.Needs())
}

// judged is what was decided about one person by state.
type judged struct {
	// found holds the tag that the record of the use names.
	found   ledger.Result
	verdict decide.Verdict
	// known is false where nothing could be decided; then the facts have to be asked one by one.
	known bool
}

// verdictOf decides about one person by state.
func verdictOf(p *decide.Plan, one enforce.Person, now decide.Now, f Facts) (j judged) {
	v, ok := view(p, f)
	if !ok || one.Unresolved {
		return j
	}
	asked := ledger.Asked{Type: one.Identifier.Type, Form: one.Identifier.Form, Value: []byte(one.Identifier.Value)}
	if j.found = v.Look(asked); j.found.Err == nil {
		if verdict := byState(p, v, &asked, j.found.State, &one.Collected, &now, &j.verdict); verdict != nil {
			j.verdict, j.known = *verdict, true
		}
	}
	return j
}

// byState gives the verdict about somebody who was found in a state, nil where nothing can be decided. One that is not remembered is
// written to own.
func byState(p *decide.Plan, v *ledger.View, asked *ledger.Asked, state facts.State, collected *decide.Collected, now *decide.Now, own *decide.Verdict) *decide.Verdict {
	for {
		if verdict := p.Judge(v.Table(), state, collected, now, own); verdict != nil {
			return verdict
		}
		var err error
		if state, err = v.State(*asked); err != nil { // what is known changed meanwhile
			return nil
		}
	}
}

// crowd is the room for deciding about many people at once.
type crowd struct {
	asked [jsonfilter.Batch]ledger.Asked
	found [jsonfilter.Batch]ledger.Result
	// verdicts are nil where nothing could be decided; then the facts have to be asked one by one. They are shared, but for those that
	// are nobody else's, which are in own.
	verdicts [jsonfilter.Batch]*decide.Verdict
	own      [jsonfilter.Batch]decide.Verdict
}

var crowds = sync.Pool{New: func() any { return &crowd{} }}

// clear forgets the first n people.
func (c *crowd) clear(n int) {
	clear(c.asked[:n])
	clear(c.found[:n])
	clear(c.verdicts[:n])
	clear(c.own[:n])
}

// judge decides about people at once, which is faster than one after the other, and allocates nothing for states that were decided about
// before. The moment is taken before. What was decided and found about each is good until clear.
func (c *crowd) judge(p *decide.Plan, f Facts, people []jsonfilter.Subject, now decide.Now) {
	v, ok := view(p, f)
	if !ok {
		return
	}
	who := &p.Endpoint.Response.Records.Identifies
	for i := range people {
		c.asked[i] = ledger.Asked{Type: who.Type, Form: who.Form, Value: people[i].Value}
	}
	v.States(c.asked[:len(people)], c.found[:])
	for i := range people {
		if !people[i].Unresolved && c.found[i].Err == nil {
			collected := decide.Collected{Declared: people[i].Timed, At: people[i].Time}
			c.verdicts[i] = byState(p, v, &c.asked[i], c.found[i].State, &collected, &now, &c.own[i])
		}
	}
}
