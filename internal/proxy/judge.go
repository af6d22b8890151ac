package proxy

import (
	"sync"

	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/enforce"
	"github.com/optup/optup/internal/facts"
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

// verdictOf decides about one person by state. It reports false where that is not possible; then the facts have to be asked one by one.
func verdictOf(p *decide.Plan, one enforce.Person, now decide.Now, f Facts) (decide.Verdict, bool) {
	v, ok := view(p, f)
	if !ok || one.Unresolved {
		return decide.Verdict{}, false
	}
	asked := ledger.Asked{Type: one.Identifier.Type, Form: one.Identifier.Form, Value: []byte(one.Identifier.Value)}
	state, err := v.State(asked)
	if err != nil {
		return decide.Verdict{}, false
	}
	return byState(p, v, asked, state, one.Collected, now)
}

func byState(p *decide.Plan, v *ledger.View, asked ledger.Asked, state facts.State, collected decide.Collected, now decide.Now) (decide.Verdict, bool) {
	for {
		var own decide.Verdict
		if verdict := p.Judge(v.Table(), state, &collected, &now, &own); verdict != nil {
			return *verdict, true
		}
		var err error
		if state, err = v.State(asked); err != nil { // what is known changed meanwhile
			return decide.Verdict{}, false
		}
	}
}

var results = sync.Pool{New: func() any { return new([]ledger.Result) }}

// Judge decides about many people at once, which is faster than one after the other, and allocates nothing for states that were decided
// about before. Out is at least as long as asked; collected is nil where no time is declared. It reports false for facts that know no
// states, and false in done for people who have to be decided about one by one. The moment is taken before.
func Judge(p *decide.Plan, f Facts, asked []ledger.Asked, collected []decide.Collected, now decide.Now, out []decide.Verdict, done []bool) bool {
	v, ok := view(p, f)
	if !ok {
		return false
	}
	found := results.Get().(*[]ledger.Result)
	defer results.Put(found)
	if cap(*found) < len(asked) {
		*found = make([]ledger.Result, len(asked))
	}
	r := (*found)[:len(asked)]
	v.States(asked, r)
	for i := range asked {
		if done[i] = r[i].Err == nil; !done[i] {
			continue
		}
		var when decide.Collected
		if collected != nil {
			when = collected[i]
		}
		out[i], done[i] = byState(p, v, asked[i], r[i].State, when, now)
	}
	return true
}
