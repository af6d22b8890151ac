package openapi

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/optup/optup/api/v1alpha1"
)

// How many parameters an endpoint may have in its query and in its path, and how long their names may be.
const (
	maxQuery     = 64
	maxSegments  = 8
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

// segments gives the parameters of a path that identify people. They are declared from medium on, however sure the rest has to
// be: a segment that is left out lets calls pass without a look at the person.
func (d *draftsman) segments(path string, parameters openapi3.Parameters) (out []v1alpha1.PathSegment, guesses []Guess) {
	templates := segmentNames(path)
	described := map[string]*openapi3.Parameter{}
	for _, p := range in(parameters, "path") {
		described[segmentName(p.Name)] = p
	}
	for i, name := range templates {
		n := &node{name: name, words: split(name)}
		if p := described[name]; p != nil {
			n = d.parameter(p)
		}
		id := identify(n)
		if id == nil || slices.Contains(templates[:i], name) {
			continue
		}
		g := Guess{Part: PartEndpoint, Pointer: name, What: WhatSegment, Value: id.String(), Confidence: id.confidence, Why: id.why}
		switch {
		case !id.confidence.AtLeast(Medium):
			g.What, g.Why = WhatNote, id.why+": the path seems to name a person; not sure enough to be declared, so nobody's consent is looked at"
		case len(out) == maxSegments || len(name) > maxParameter || slices.Contains(templates[i+1:], name):
			g.What, g.Why = WhatNote, id.why+": the path seems to name a person, but this segment cannot be declared"
		default:
			g.Declared = true
			out = append(out, v1alpha1.PathSegment{Name: name, Person: id.Identifies})
		}
		guesses = append(guesses, g)
	}
	return out, guesses
}

// segmentNames gives the names in a path template, in their order.
func segmentNames(path string) []string {
	var out []string
	for s := range strings.SplitSeq(path, "/") {
		if len(s) > 2 && s[0] == '{' {
			out = append(out, s[1:len(s)-1])
		}
	}
	return out
}
