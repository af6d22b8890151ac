package jsonfilter

import (
	"slices"
	"strings"

	"github.com/optup/optup/internal/defence"
	"github.com/optup/optup/internal/ir"
)

// Request is a request body whose addressees were judged.
type Request struct {
	Outcome
	f      *filter
	people []addressee
	units  []*unit
	// alone tells that each addressee may be sent to without the others.
	alone bool
}

type addressee struct {
	chain []*node
	unit  *unit
	// list is the place of the list among those declared.
	list int
	kept bool
}

// unit is the part that goes when its last addressee went.
type unit struct{ chain []*node }

// Request reads a request body. Values that nobody declared, or whose category is not covered, are counted and left: the caller denies
// such a request, because an application is not to be misled about what it sent.
func (d *Document) Request(m *ir.Message, covered func(category string) bool, judge Judge) *Request {
	r := &Request{f: newFilter(d)}
	tree := &declared{}
	declare(tree, m.Fields, m.NotPersonal, m.Totals)
	for _, s := range m.Switches {
		if n := d.root.at(split(s.Pointer)); n != nil && n.kind != '{' && n.kind != '[' && n.kind != '"' {
			tree.plain(s.Pointer)
		}
	}
	for i := range m.Addressees {
		if a := &m.Addressees[i]; r.f.table(a.Columns, a.Each) {
			tree.plain(a.Columns)
		}
	}
	r.f.check([]*node{&d.root}, tree, false, covered, false)
	r.addressees(m, judge)
	r.lead()
	r.whole(m)
	r.Outcome = r.f.outcome
	r.Changed = r.Kept < r.People
	return r
}

// addressees judges everybody in the declared lists.
func (r *Request) addressees(m *ir.Message, judge Judge) {
	units := map[*node]*unit{}
	r.alone = len(m.Addressees) == 1 && m.Addressees[0].Unit == "" && strings.Count(m.Addressees[0].Each, "*") == 1
	for i := range m.Addressees {
		if i > 0 && !defence.Lists {
			break
		}
		a := &m.Addressees[i]
		depth := len(split(a.Unit))
		r.f.doc.root.each(split(a.Each), nil, func(chain []*node) {
			one := addressee{chain: clone(chain), list: i}
			if depth > 0 {
				at := chain[depth]
				if one.unit = units[at]; one.unit == nil {
					one.unit = &unit{chain: clone(chain[:depth+1])}
					units[at], r.units = one.unit, append(r.units, one.unit)
				}
			}
			r.f.outcome.People++
			if one.kept = judge(r.f.person(chain[len(chain)-1], a.Identifier, a.Identifies, a.Time, a.TimeFormat)) == Keep; one.kept {
				r.f.outcome.Kept++
			}
			r.people = append(r.people, one)
		})
	}
}

// lead takes everybody out of the units that nobody is left to lead: of several lists in a unit, the one declared first is whom the message
// is to, and the others only get a copy.
func (r *Request) lead() {
	first, left := map[*unit]int{}, map[*unit]bool{}
	for _, one := range r.people {
		if f, ok := first[one.unit]; one.unit != nil && (!ok || one.list < f) {
			first[one.unit] = one.list
		}
	}
	for _, one := range r.people {
		if one.unit != nil && one.list == first[one.unit] {
			left[one.unit] = left[one.unit] || one.kept
		}
	}
	for i := range r.people {
		if one := &r.people[i]; one.kept && one.unit != nil && !left[one.unit] {
			one.kept = false
			r.f.outcome.Kept--
		}
	}
}

// whole takes everybody out if the body itself is an addressee that is not kept: nothing of it is left.
func (r *Request) whole(m *ir.Message) {
	if !slices.ContainsFunc(r.people, func(one addressee) bool { return !one.kept && m.Addressees[one.list].Each == "" }) {
		return
	}
	for i := range r.people {
		r.people[i].kept = false
	}
	r.f.outcome.Kept = 0
}

// Stays tells whether a person, by their place in the order of judging, is left.
func (r *Request) Stays(person int) bool { return r.people[person].kept }

func clone(chain []*node) []*node { return append([]*node(nil), chain...) }

// Body writes the body for those of the kept people that only names by their place in the order of judging; nil means all of them. The
// others go, and with the last of a unit the unit.
func (r *Request) Body(only func(person int) bool) []byte {
	c := changes{}
	left := map[*unit]int{}
	for i, one := range r.people {
		if one.kept && (only == nil || only(i)) {
			left[one.unit]++
		} else {
			c.set(one.chain, r.f.removed(one.chain))
		}
	}
	for _, u := range r.units {
		if left[u] == 0 {
			c.set(u.chain, change{kind: gone})
		}
	}
	return c.write(r.f.doc)
}

// Units numbers what cannot be sent apart: people with the same number stay in one request. A unit is one message, so whoever is in it
// stays together, on whatever list; units that lie within each other are one. Without units the request is one message, unless it is
// nothing but one plain list.
func (r *Request) Units() []int {
	out := make([]int, len(r.people))
	is := make(map[*node]bool, len(r.units))
	for _, u := range r.units {
		is[u.chain[len(u.chain)-1]] = true
	}
	numbers := map[*node]int{}
	for i, one := range r.people {
		switch {
		case r.alone:
			out[i] = i
		case one.unit == nil:
			return make([]int, len(r.people)) // on a list beside the units: belongs to all of them
		default:
			outermost := one.unit.chain[slices.IndexFunc(one.unit.chain, func(n *node) bool { return is[n] })]
			if _, ok := numbers[outermost]; !ok {
				numbers[outermost] = len(numbers)
			}
			out[i] = numbers[outermost]
		}
	}
	return out
}
