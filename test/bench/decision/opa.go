package decision

import (
	"context"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/optup/optup/test/bench/people"
)

const opaModule = `package optup

default allow := false

allow if data.people[input.person][input.purpose]
`

// OPAPeer is a prepared query over data in memory.
type OPAPeer struct {
	query    rego.PreparedEvalQuery
	subjects []string
}

// OPAData is a population as OPA's data: for each person the purposes that they may be used for. Values are kept as OPA evaluates them, so
// that no query converts any.
func OPAData(p people.Population, subjects []string) storage.Store {
	all := make(map[string]any, p.Count)
	for i := range p.Count {
		x := p.Person(i)
		purposes := map[string]any{}
		for n := range people.Purposes {
			if x.Allowed(n) {
				purposes[string(people.Purpose(n))] = true
			}
		}
		all[subjects[i]] = purposes
	}
	return inmem.NewFromObjectWithOpts(map[string]any{"people": all}, inmem.OptRoundTripOnWrite(false), inmem.OptReturnASTValuesOnRead(true))
}

// NewOPA prepares the query.
func NewOPA(ctx context.Context, p people.Population, subjects []string) (*OPAPeer, error) {
	q, err := rego.New(rego.Query("data.optup.allow"), rego.Module("optup.rego", opaModule), rego.Store(OPAData(p, subjects))).PrepareForEval(ctx)
	return &OPAPeer{query: q, subjects: subjects}, err
}

// input is a question as OPA's evaluator takes it.
func (o *OPAPeer) input(q people.Question) ast.Value {
	return ast.NewObject(
		[2]*ast.Term{ast.StringTerm("person"), ast.StringTerm(o.subjects[q.Person])},
		[2]*ast.Term{ast.StringTerm("purpose"), ast.StringTerm(string(people.Purpose(q.Purpose)))},
	)
}

func (o *OPAPeer) allowed(ctx context.Context, input ast.Value) (bool, error) {
	results, err := o.query.Eval(ctx, rego.EvalParsedInput(input))
	if err != nil {
		return false, err
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return false, fmt.Errorf("OPA gave %d results", len(results))
	}
	allowed, ok := results[0].Expressions[0].Value.(bool)
	if !ok {
		return false, fmt.Errorf("OPA gave a %T", results[0].Expressions[0].Value)
	}
	return allowed, nil
}
