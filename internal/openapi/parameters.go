package openapi

import (
	"fmt"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/optup/optup/api/v1alpha1"
)

// How many query parameters an endpoint may have, and how long their names may be.
const (
	maxQuery     = 64
	maxParameter = 128
)

// query judges the parameters in the query. It reports whether all of them are known and not personal.
func (d *draftsman) query(parameters openapi3.Parameters) (out []v1alpha1.QueryParameter, guesses []Guess, sure bool) {
	sure = true
	for _, p := range in(parameters, "query") {
		n := d.parameter(p)
		g := Guess{Part: PartQuery, Pointer: clean(p.Name), What: WhatUndeclared, Confidence: Low}
		if n.parent == nil && n.leaf() && len(n.types) == 0 {
			n.opaque = "" // a parameter without a type is a text
		}
		v := classify(n, about{}, nil)
		if !n.leaf() {
			v = verdict{why: "a list or an object in a query"}
		}
		fits := len(p.Name) > 0 && len(p.Name) <= maxParameter && len(out) < maxQuery && writable(p.Name)
		id := identify(n)
		switch {
		case !fits:
			sure, g.Why = false, "its name cannot be declared, or there are too many"
		case id != nil && n.leaf():
			sure = false
			g.Value, g.Confidence, g.Why = id.String(), id.confidence, id.why
			if g.Declared = id.confidence.AtLeast(d.least); g.Declared {
				who := id.Identifies
				g.What = WhatParameter
				out = append(out, v1alpha1.QueryParameter{Name: p.Name, Person: &who})
			}
		case v.kind == notPersonal && v.confidence.AtLeast(floor(d.least)):
			g.What, g.Confidence, g.Why, g.Declared = WhatParameter, v.confidence, v.why, true
			out = append(out, v1alpha1.QueryParameter{Name: p.Name})
		default:
			sure = sure && v.kind == notPersonal
			g.Value, g.Confidence, g.Why = string(v.category), orLow(v.confidence), v.why
		}
		guesses = append(guesses, g)
	}
	return out, guesses, sure
}

// floor gives how sure a guess that lets something pass has to be.
func floor(least Confidence) Confidence {
	if least == Low {
		return Medium
	}
	return least
}

func orLow(c Confidence) Confidence {
	if c == "" {
		return Low
	}
	return c
}

func (d *draftsman) parameter(p *openapi3.Parameter) *node {
	n := &node{}
	if p.Schema != nil {
		n = d.unfold(p.Schema)
	}
	n.name, n.words, n.pointer = p.Name, split(p.Name), "/"+escape(p.Name)
	n.text += " " + p.Description
	return n
}

// in gives the parameters at one place; of those with one name the last, which is that of the operation.
func in(parameters openapi3.Parameters, place string) []*openapi3.Parameter {
	var out []*openapi3.Parameter
	for _, r := range parameters {
		if r == nil || r.Value == nil || r.Value.In != place {
			continue
		}
		p := r.Value
		out = slices.DeleteFunc(out, func(o *openapi3.Parameter) bool { return o.Name == p.Name })
		out = append(out, p)
	}
	return out
}

// inPath gives a note for each parameter in the path that seems to name a person.
func inPath(parameters openapi3.Parameters) []Guess {
	var out []Guess
	for _, p := range in(parameters, "path") {
		n := &node{name: p.Name, words: split(p.Name), text: p.Description}
		if id := identify(n); id != nil {
			out = append(out, Guess{
				Part: PartEndpoint, Pointer: clean(p.Name), What: WhatNote, Value: id.String(), Confidence: id.confidence,
				Why: fmt.Sprintf("%s: the path seems to name a person, and people in a path are not looked at", id.why),
			})
		}
	}
	return out
}
