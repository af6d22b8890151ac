package openapi

import (
	"fmt"
	"mime"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/optup/optup/api/v1alpha1"
)

// draftsman drafts endpoints, one after the other.
type draftsman struct {
	least Confidence
	unfolder
}

// contents are the schemas of a message, and what else it may be.
type contents struct {
	schemas []*openapi3.SchemaRef
	// other are media types that are no JSON; silent tells that JSON has no schema.
	other  []string
	silent bool
}

func (c *contents) add(content openapi3.Content) {
	for name, m := range content {
		switch {
		case !isJSON(name):
			c.other = append(c.other, clean(name))
		case m == nil || m.Schema == nil || m.Schema.Value == nil:
			c.silent = true
		default:
			c.schemas = append(c.schemas, m.Schema)
		}
	}
}

func isJSON(name string) bool {
	t, _, err := mime.ParseMediaType(name)
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json") || t == "*/*" || t == "application/*")
}

// endpoint drafts one endpoint.
func (d *draftsman) endpoint(o *operation, name string, op *openapi3.Operation, parameters openapi3.Parameters) (v1alpha1.Endpoint, []Guess) {
	e := v1alpha1.Endpoint{Name: v1alpha1.EndpointName(name), Methods: []v1alpha1.Method{v1alpha1.Method(o.method)}, Path: o.path}
	a := o.about()
	request := d.request(o, op, a)
	response := d.response(o, op, a)
	query, fromQuery, sureQuery := d.query(parameters)
	segments, fromPath := d.segments(o.path, parameters)
	var guesses []Guess
	if a.things && !a.person && !o.acts() && len(fromPath) == 0 && sureQuery && request.sure && response.sure {
		e.PersonalData, e.Query = v1alpha1.PersonalDataNone, query
		guesses = append(fromQuery, Guess{
			Part: PartEndpoint, What: WhatPersonalData, Value: string(e.PersonalData), Confidence: High, Declared: true,
			Why: "path, tags and every value that the document names are about things",
		})
		return e, guesses
	}
	p := process(o, request, len(response.people) > 0)
	e.Processing, e.Channel = []v1alpha1.Processing{p.processing}, p.channel
	guesses = append(guesses, Guess{Part: PartEndpoint, What: WhatProcessing, Value: string(p.processing), Confidence: p.confidence, Why: p.why, Declared: true})
	if p.channel != "" {
		guesses = append(guesses, Guess{Part: PartEndpoint, What: WhatChannel, Value: string(p.channel), Confidence: Medium, Why: p.channelWhy, Declared: true})
	}
	e.Query, e.Segments, e.Request, e.Response = query, segments, request.forRequest(), response.forResponse()
	return e, slices.Concat(guesses, fromPath, fromQuery, request.guesses, response.guesses)
}

// request looks at the body of a request; without one, everything about it is known.
func (d *draftsman) request(o *operation, op *openapi3.Operation, a about) *body {
	b := &body{part: PartRequest, a: a, least: d.least, sure: true}
	if op.RequestBody == nil || op.RequestBody.Value == nil {
		return b
	}
	var c contents
	c.add(op.RequestBody.Value.Content)
	if len(c.other) > 0 {
		b.sure = false
		b.guess(nil, WhatNote, strings.Join(sorted(c.other), ", "), High, "a body of this kind is not looked into; with personal data it is denied", false)
	}
	if len(c.schemas) == 0 {
		b.sure = b.sure && !c.silent
		return b
	}
	b.tree = d.unfold(c.schemas...)
	b.a.send = o.sends(b.tree)
	for _, f := range findAddressees(b.tree) {
		ok := f.id.confidence.AtLeast(d.least) && len(b.people) < maxAddressees && declarable(f.person) && (f.value == f.person || declarable(f.value))
		if ok {
			b.others = append(b.others, nestedPeople(&f)...)
			b.findTime(&f)
			b.people = append(b.people, f)
		} else {
			b.others = append(b.others, f)
		}
		b.guess(f.person, WhatAddressees, f.id.String(), f.id.confidence, f.id.why, ok)
	}
	b.judge()
	b.sure = b.sure && len(b.people)+len(b.others) == 0 && !c.silent
	return b
}

// response looks at the bodies of answers that tell of success.
func (d *draftsman) response(o *operation, op *openapi3.Operation, a about) *body {
	b := &body{part: PartResponse, a: a, least: d.least, sure: true}
	if o.method == "HEAD" || op.Responses == nil {
		b.sure = o.method == "HEAD"
		return b
	}
	var c contents
	empty := o.method == "DELETE"
	for code, r := range op.Responses.Map() {
		if !strings.HasPrefix(code, "2") || r == nil || r.Value == nil {
			continue
		}
		c.add(r.Value.Content)
		empty = empty || code == "204" || (len(r.Value.Content) == 0 && o.method != "GET")
	}
	if len(c.schemas) == 0 {
		b.sure = empty && !c.silent && len(c.other) == 0
	}
	if len(c.other) > 0 {
		b.guess(nil, WhatNote, strings.Join(sorted(c.other), ", "), High, "an answer of this kind is not looked into; with personal data it is withheld", false)
	}
	if len(c.schemas) == 0 {
		return b
	}
	b.tree = d.unfold(c.schemas...)
	chosen, others := findRecords(b.tree)
	b.others = others
	if chosen != nil {
		ok := chosen.id.confidence.AtLeast(d.least) && declarable(chosen.value) && (chosen.person == b.tree || declarable(chosen.person))
		b.guess(chosen.person, WhatRecords, chosen.id.String(), chosen.id.confidence, fmt.Sprintf("%s, at %s", chosen.id.why, clean(chosen.within(chosen.value))), ok)
		if ok {
			b.findTime(chosen)
			b.people = []found{*chosen}
		} else {
			b.others = append(b.others, *chosen)
		}
	}
	for _, f := range others {
		b.guess(f.person, WhatNote, f.id.String(), f.id.confidence, f.id.why+"; other people than those of the records, and an answer can say only where one kind is", false)
	}
	b.judge()
	b.sure = b.sure && len(b.people)+len(b.others) == 0 && len(c.other) == 0 && !c.silent
	return b
}

func sorted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

func (b *body) forRequest() *v1alpha1.RequestBody {
	r := v1alpha1.RequestBody{Fields: b.fields, NotPersonal: b.notPersonal, Totals: b.totals, Switches: b.switches}
	for _, f := range b.people {
		l := v1alpha1.AddresseeList{Identifies: f.id.Identifies, Each: v1alpha1.Pointer(f.each()), Identifier: v1alpha1.Pointer(f.within(f.value))}
		if f.time != nil {
			l.Time, l.TimeFormat = v1alpha1.Pointer(f.within(f.time)), f.timeFormat
		}
		if f.unit != nil {
			l.Unit = v1alpha1.Pointer(f.unit.pointer)
		}
		r.Addressees = append(r.Addressees, l)
	}
	if len(r.Addressees)+len(r.Fields)+len(r.NotPersonal)+len(r.Totals)+len(r.Switches) == 0 {
		return nil
	}
	return &r
}

func (b *body) forResponse() *v1alpha1.ResponseBody {
	r := v1alpha1.ResponseBody{Totals: b.totals}
	if len(b.people) == 0 {
		r.Fields = b.fields
		for _, p := range b.notPersonal {
			r.NotPersonal = append(r.NotPersonal, v1alpha1.BodyPointer(p))
		}
	} else {
		f := b.people[0]
		l := &v1alpha1.RecordList{Identifies: f.id.Identifies, Each: v1alpha1.Pointer(f.each()), Identifier: v1alpha1.Pointer(f.within(f.value))}
		if f.time != nil {
			l.Time, l.TimeFormat = v1alpha1.Pointer(f.within(f.time)), f.timeFormat
		}
		inside := func(p v1alpha1.Pointer) (v1alpha1.Pointer, bool) {
			rest, ok := strings.CutPrefix(string(p), f.each()+"/")
			return v1alpha1.Pointer("/" + rest), ok
		}
		for _, x := range b.fields {
			if p, ok := inside(x.Pointer); ok {
				l.Fields = append(l.Fields, v1alpha1.PersonalField{Pointer: p, Category: x.Category})
			}
		}
		for _, x := range b.notPersonal {
			if p, ok := inside(x); ok {
				l.NotPersonal = append(l.NotPersonal, p)
			} else {
				r.NotPersonal = append(r.NotPersonal, v1alpha1.BodyPointer(x))
			}
		}
		r.Records = l
	}
	if r.Records == nil && len(r.Fields)+len(r.NotPersonal)+len(r.Totals) == 0 {
		return nil
	}
	return &r
}
