package scenario

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// Outcome is what became of one decision.
type Outcome struct {
	Decision Decision
	Got      decide.Decision
	// Differences are sentences about what is not as expected; none if the decision is as it should be.
	Differences []string
}

// Run decides everything that a case asks. The error is about the case as a whole.
func (c Case) Run() ([]Outcome, error) {
	b, err := c.Bundle()
	if err != nil {
		return nil, err
	}
	bundle, err := ir.Decode(b.Encoded)
	if err != nil {
		return nil, err
	}
	x := decide.NewIndex(bundle)
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

func (c Case) run(x *decide.Index, d Decision) (Outcome, error) {
	now, err := d.Moment()
	if err != nil {
		return Outcome{}, err
	}
	sent, err := parse(d.Request.Body)
	if err != nil {
		return Outcome{}, fmt.Errorf("request.body: %w", err)
	}
	answer, err := parse(d.Answer)
	if err != nil {
		return Outcome{}, fmt.Errorf("answer: %w", err)
	}
	o := Outcome{Decision: d, Got: decide.Decide(x, c.request(x, d, sent, answer), now)}
	want := d.Expect
	o.compare("effect", o.Got.Effect, want.Effect)
	o.compare("purpose", o.Got.Purpose, want.Purpose)
	o.compare("reasons", o.Got.Reasons, want.Reasons)
	o.compare("people", o.Got.People, want.People)
	o.compare("obligations", o.Got.Obligations, want.Obligations)
	if len(o.Differences) > 0 {
		return o, nil // bodies of another decision tell nothing
	}
	forwarded, returned, err := c.bodies(x, d, now, sent, answer)
	if err != nil {
		return Outcome{}, err
	}
	if want.Forwarded.Given {
		o.compare("forwarded", forwarded, want.Forwarded.Value)
	}
	if want.Returned.Given {
		o.compare("returned", returned, want.Returned.Value)
	}
	return o, nil
}

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

func parse(v any) (*jsonfilter.Document, error) {
	if v == nil {
		return nil, nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsonfilter.Parse(data)
}

// request describes a request as the data plane would: who is in it, and which categories it carries.
func (c Case) request(x *decide.Index, d Decision, sent, answer *jsonfilter.Document) decide.Request {
	r := decide.Request{
		Method: d.Request.Method, Host: d.Request.Host, Port: d.Request.Port, Path: d.Request.Path, Constant: constant(sent),
	}
	e, reason := x.Endpoint(r.Method, r.Host, r.Port, r.Path)
	if reason != "" || e.IR.NoPersonalData {
		return r
	}
	collect := func(p jsonfilter.Person) jsonfilter.Handling {
		r.People = append(r.People, decide.Person{
			Unresolved: !resolved(p), Collected: decide.Collected{Declared: p.Timed, At: p.Time},
			Facts: c.facts(p.Identifier, d),
		})
		return jsonfilter.Keep
	}
	category := func(name string) bool { r.Categories = append(r.Categories, name); return true }
	if sent != nil && e.IR.Request != nil {
		if _, o := sent.Request(e.IR.Request, category, collect); o.NotCovered > 0 {
			r.Categories = append(r.Categories, "")
		}
	}
	if answer != nil && e.IR.Response != nil {
		answer.Response(e.IR.Response, category, collect)
		r.Categories = nil // what is not covered in an answer is taken out, it denies nothing
	}
	return r
}

func constant(sent *jsonfilter.Document) func(ir.Source, string) (string, bool) {
	return func(s ir.Source, name string) (string, bool) {
		if s != ir.SourceBody || sent == nil {
			return "", false
		}
		return sent.Constant(name)
	}
}

// bodies gives what reaches the service and what comes back, nil for nothing.
func (c Case) bodies(x *decide.Index, d Decision, now decide.Now, sent, answer *jsonfilter.Document) (forwarded, returned any, err error) {
	e, reason := x.Endpoint(d.Request.Method, d.Request.Host, d.Request.Port, d.Request.Path)
	if reason != "" || d.Expect.Effect == decide.Deny {
		return nil, nil, nil
	}
	p, reason := x.Plan(e, constant(sent))
	if reason != "" {
		return d.Request.Body, d.Answer, nil // an endpoint without personal data
	}
	judge := func(who jsonfilter.Person) jsonfilter.Handling {
		if resolved(who) && p.Person(c.facts(who.Identifier, d), decide.Collected{Declared: who.Timed, At: who.Time}, now).Permit() {
			return jsonfilter.Keep
		}
		return jsonfilter.Drop
	}
	if sent != nil && e.IR.Request != nil {
		out, o := sent.Request(e.IR.Request, p.Category, judge)
		if len(e.IR.Request.Addressees) == 0 || o.Kept > 0 {
			err = json.Unmarshal(out, &forwarded)
		}
	}
	if answer != nil && e.IR.Response != nil && err == nil {
		out, _ := answer.Response(e.IR.Response, p.Category, judge)
		err = json.Unmarshal(out, &returned)
	}
	return forwarded, returned, err
}

func resolved(p jsonfilter.Person) bool {
	_, err := consent.Normalize(p.Identifier)
	return err == nil && !p.Unresolved
}

func (c Case) facts(i consent.Identifier, d Decision) decide.Facts {
	return func(purpose consent.PurposeID) consent.Fact { return c.Fact(i, purpose, d.At()) }
}
