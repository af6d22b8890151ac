package formfilter

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// Request is a form whose addressees were judged.
type Request struct {
	jsonfilter.Outcome
	doc    *Document
	people []addressee
	// alone tells that each addressee may be sent to without the others.
	alone bool
}

type addressee struct {
	// pair is the place of the pair that goes with the addressee; -1 for the form itself.
	pair int
	kept bool
}

// Request reads a form. Fields that nobody declared, or whose category is not covered, are counted and left: the caller denies such a
// request.
func (d *Document) Request(m *ir.Message, covered func(category string) bool, judge jsonfilter.Judge) *Request {
	r := &Request{doc: d, alone: len(m.Addressees) == 1 && m.Addressees[0].Each != ""}
	for i := range d.pairs {
		if !allowed(m, d.pairs[i].name, covered) {
			r.NotCovered++
		}
	}
	for i := range m.Addressees {
		r.judge(&m.Addressees[i], judge)
	}
	if slices.ContainsFunc(r.people, func(one addressee) bool { return one.pair < 0 && !one.kept }) {
		for i := range r.people {
			r.people[i].kept = false // nothing of the form is left
		}
	}
	r.People = len(r.people)
	for _, one := range r.people {
		if one.kept {
			r.Kept++
		}
	}
	r.Changed = r.Kept < r.People
	return r
}

// judge has the people of one declaration judged.
func (r *Request) judge(a *ir.Addressees, judge jsonfilter.Judge) {
	person := func(value string) jsonfilter.Person {
		return jsonfilter.Person{Identifier: consent.Identifier{Type: a.Type, Form: a.Form, Value: value}, Timed: a.Time != ""}
	}
	if a.Each == "" {
		value, ok := r.doc.Constant(a.Identifier)
		p := person(value)
		p.Unresolved = !ok
		if when, ok := r.doc.Constant(a.Time); ok {
			p.Time = jsonfilter.Time(when, a.TimeFormat)
		}
		r.people = append(r.people, addressee{-1, judge(p) == jsonfilter.Keep})
		return
	}
	for i := range r.doc.pairs {
		if list(r.doc.pairs[i].name) == a.Each {
			r.people = append(r.people, addressee{i, judge(person(r.doc.pairs[i].value)) == jsonfilter.Keep})
		}
	}
}

// allowed tells whether a field is declared, and every category that it is declared with covered.
func allowed(m *ir.Message, name string, covered func(string) bool) bool {
	is := func(pointer string) bool { return pointer == field(name) || pointer == list(name) }
	found := slices.ContainsFunc(m.NotPersonal, is) || slices.ContainsFunc(m.Totals, is) ||
		slices.ContainsFunc(m.Switches, func(s ir.Switch) bool { return is(s.Pointer) })
	for _, f := range m.Fields {
		if is(f.Pointer) {
			if !covered(f.Category) {
				return false
			}
			found = true
		}
	}
	return found
}

// Stays tells whether a person, by their place in the order of judging, is left.
func (r *Request) Stays(person int) bool { return r.people[person].kept }

// Units numbers what cannot be sent apart: a form is one message, unless its only addressees are the values of one name.
func (r *Request) Units() []int {
	out := make([]int, len(r.people))
	for i := range out {
		if r.alone {
			out[i] = i
		}
	}
	return out
}

// Body writes the form for those of the kept people that only names by their place in the order of judging; nil means all of them. The
// pairs of the others go.
func (r *Request) Body(only func(person int) bool) []byte {
	gone := map[int]bool{}
	for i, one := range r.people {
		if !one.kept || (only != nil && !only(i)) {
			gone[one.pair] = true
		}
	}
	switch {
	case len(gone) == 0:
		return r.doc.body
	case gone[-1]:
		return []byte{}
	}
	out := make([]byte, 0, len(r.doc.body))
	for i, p := range r.doc.pairs {
		if gone[i] {
			continue
		}
		if len(out) > 0 {
			out = append(out, '&')
		}
		out = append(out, r.doc.body[p.start:p.end]...)
	}
	return out
}

// Set gives the form with a JSON string, number or boolean as the value of a field, which is added if it is missing. It reports false
// where there is no one such field.
func (d *Document) Set(pointer string, value []byte) ([]byte, bool) {
	text := string(value)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(value, &text); err != nil {
			return nil, false
		}
	}
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(strings.TrimPrefix(pointer, "/"))
	set := url.QueryEscape(name) + "=" + url.QueryEscape(text)
	if p := d.find(pointer); p != nil {
		return slices.Concat(d.body[:p.start], []byte(set), d.body[p.end:]), true
	}
	if slices.ContainsFunc(d.pairs, func(p pair) bool { return p.name == name }) {
		return nil, false // it stands more than once
	}
	return slices.Concat(d.body, []byte("&"+set)), true
}
