package scenario

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// Outcome is what became of one decision.
type Outcome struct {
	Decision Decision
	Got      decide.Decision
	// Observed tells that the decision is only shown: everything passes as it is.
	Observed bool
	// Sent is how many requests reach the service. Forwarded is the body that does, a list of bodies where there are several, and Returned
	// what comes back; nil for none.
	Sent                int
	Forwarded, Returned any
	// Asked and Now are what package decide was asked; Asked is the zero value for a request that has no canonical form. Named are its people
	// in their order, as the request names them, and Plan is what was decided about them with; nil where there is none.
	Asked decide.Request
	Now   decide.Now
	Named []consent.Identifier
	Plan  *decide.Plan
	// Differences are sentences about what is not as expected; none if the decision is as it should be.
	Differences []string
}

// Run decides everything that a case asks. The error is about the case as a whole.
func (c Case) Run() ([]Outcome, error) {
	x, err := c.Index()
	if err != nil {
		return nil, err
	}
	var out []Outcome
	for _, d := range c.Decisions {
		o, err := c.run(x, d)
		if err != nil {
			return nil, fmt.Errorf("decision %q: %w", d.Name, err)
		}
		out = append(out, o)
	}
	return out, nil
}

// Index is that of the bundle of the case's workload.
func (c Case) Index() (*decide.Index, error) {
	b, err := c.Bundle()
	if err != nil {
		return nil, err
	}
	bundle, err := ir.Decode(b.Encoded)
	if err != nil {
		return nil, err
	}
	return decide.NewIndex(bundle), nil
}

// Decide decides one request, whatever is expected of it.
func (c Case) Decide(x *decide.Index, d Decision) (Outcome, error) {
	t, err := c.try(x, d)
	if err != nil {
		return Outcome{}, err
	}
	return t.outcome(), nil
}

func (t *attempt) outcome() Outcome {
	o := Outcome{
		Decision: t.d, Got: t.got, Observed: t.observed(), Sent: len(t.sent), Forwarded: t.forwarded(), Returned: t.returned,
		Asked: t.request, Now: t.now, Named: t.named, Plan: t.plan,
	}
	if _, none := o.Forwarded.(nothing); none {
		o.Forwarded = nil
	}
	return o
}

func (c Case) run(x *decide.Index, d Decision) (Outcome, error) {
	t, err := c.try(x, d)
	if err != nil {
		return Outcome{}, err
	}
	o, want := t.outcome(), d.Expect
	o.compare("effect", o.Got.Effect, want.Effect)
	o.compare("purpose", o.Got.Purpose, want.Purpose)
	o.compare("reasons", o.Got.Reasons, want.Reasons)
	o.compare("people", o.Got.People, want.People)
	o.compare("obligations", sorted(o.Got.Obligations), sorted(want.Obligations)) // they have no order
	if len(o.Differences) > 0 {
		return o, nil // bodies of another decision tell nothing
	}
	if want.Forwarded.Given {
		o.compare("forwarded", t.forwarded(), want.Forwarded.Value)
	}
	if want.ForwardedAll.Given {
		o.compare("forwardedAll", t.sent, want.ForwardedAll.Value)
	}
	if want.Returned.Given {
		o.compare("returned", t.returned, want.Returned.Value)
	}
	return o, nil
}

func sorted[T ~string](in []T) []T { return slices.Sorted(slices.Values(in)) }

func (o *Outcome) compare(what string, got, want any) {
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	if g.Kind() == reflect.Slice && w.Kind() == reflect.Slice && g.Len() == 0 && w.Len() == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		o.Differences = append(o.Differences, fmt.Sprintf("%s is %s, expected %s", what, text(got), text(want)))
	}
}

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
