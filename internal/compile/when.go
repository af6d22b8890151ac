package compile

import (
	"cmp"
	"slices"
	"strings"

	"github.com/optup/optup/internal/ir"
)

// constraint is what all conditions of a rule about one constant come to: the values that it may have.
type constraint struct {
	source ir.Source
	name   string
	in     []string // sorted
	at     int      // the condition that it stands in
}

func compareConstants(a, b constraint) int {
	return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.name, b.name))
}

// constraints joins the conditions of a rule, sorted by constant. Contradiction is the index of a condition that cannot hold together
// with an earlier one; -1 if all can.
func constraints(when []ir.Condition) (out []constraint, contradiction int) {
	contradiction = -1
	for i, w := range when {
		c := constraint{source: w.Source, name: w.Name, in: sortedSet(w.In), at: i}
		if c.source == ir.SourceHeader {
			c.name = strings.ToLower(c.name) // names of headers are the same in any case
		}
		k := slices.IndexFunc(out, func(o constraint) bool { return compareConstants(o, c) == 0 })
		if k < 0 {
			out = append(out, c)
			continue
		}
		if out[k].in = both(out[k].in, c.in); len(out[k].in) == 0 && contradiction < 0 {
			contradiction = i
		}
	}
	for i, a := range out {
		for _, b := range out[:i] {
			if contradiction < 0 && nested(a, b) {
				contradiction = a.at
			}
		}
	}
	slices.SortFunc(out, compareConstants)
	return out, contradiction
}

// nested tells whether one constant of a body would have to be inside the other, which then is an object and no constant.
func nested(a, b constraint) bool {
	return a.source == ir.SourceBody && b.source == ir.SourceBody &&
		(strings.HasPrefix(a.name, b.name+"/") || strings.HasPrefix(b.name, a.name+"/"))
}

// compatible tells whether some request can meet the constraints of two rules. They exclude each other exactly where a constant of both
// has no value in common, or one's constant is inside the other's.
func compatible(a, b []constraint) bool {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch order := compareConstants(a[i], b[j]); {
		case order < 0:
			i++
		case order > 0:
			j++
		case !overlap(a[i].in, b[j].in):
			return false
		default:
			i, j = i+1, j+1
		}
	}
	for _, x := range a {
		if x.source != ir.SourceBody {
			break // Body comes first
		}
		for _, y := range b {
			if nested(x, y) {
				return false
			}
		}
	}
	return true
}

// overlap tells whether two sorted lists have a value in common.
func overlap(a, b []string) bool {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			return true
		}
	}
	return false
}

// asksNoMore tells whether a rule looks at no constant that the other does not look at.
func asksNoMore(a, b []constraint) bool {
	for _, x := range a {
		if _, ok := slices.BinarySearchFunc(b, x, compareConstants); !ok {
			return false
		}
	}
	return true
}

// implies tells whether every request that meets the first constraints meets the second, too.
func implies(a, b []constraint) bool {
	for _, y := range b {
		i, ok := slices.BinarySearchFunc(a, y, compareConstants)
		if !ok || !contains(y.in, a[i].in) {
			return false
		}
	}
	return true
}

// impossible says why no request to an endpoint that can be permitted has one of the values of a constraint, and which values those are;
// the sentence is empty if every value is possible.
func impossible(s *service, e *ir.Endpoint, c constraint) (values []string, sentence string) {
	switch c.source {
	case ir.SourcePath:
		return impossibleSegment(s, e, c)
	case ir.SourceQuery:
		if !slices.ContainsFunc(e.Query, func(q ir.QueryParam) bool { return q.Name == c.name }) {
			return c.in, "it declares no query parameter of that name, and undeclared ones are denied"
		}
	case ir.SourceBody:
		switch {
		case e.Request == nil:
			return c.in, "it takes no body"
		case !e.Request.Format.Fixed():
			return c.in, "its body is " + string(e.Request.Format) + ", in which no value has a place of its own; tell purposes apart by path, query or header"
		case e.Request.Format == ir.FormatForm && strings.Count(c.name, "/") != 1:
			return c.in, "its body is a form, in which a pointer has one segment"
		case !declares(e.Request, c.name):
			return c.in, "it declares nothing at that pointer, and undeclared values are denied"
		}
	case ir.SourceHeader:
	}
	return nil, ""
}

func impossibleSegment(s *service, e *ir.Endpoint, c constraint) (values []string, sentence string) {
	template := strings.Split(e.Path, "/")
	if !slices.Contains(template, "{"+c.name+"}") {
		return c.in, "its path has no such segment"
	}
	for _, v := range c.in {
		if v == "" || strings.Contains(v, "/") {
			values = append(values, v)
			continue
		}
		with := slices.Clone(template)
		for i, x := range with {
			if x == "{"+c.name+"}" {
				with[i] = v
			}
		}
		if taken(s, e, template, with) {
			values = append(values, v)
		}
	}
	return values, "another endpoint, or none, has such a path"
}

// taken tells whether other endpoints get all requests whose path is a template with one of its segments filled in.
func taken(s *service, e *ir.Endpoint, template, with []string) bool {
	for _, m := range e.Methods {
		if !slices.ContainsFunc(s.Endpoints, func(o ir.Endpoint) bool {
			if o.Name == e.Name || !slices.Contains(o.Methods, m) {
				return false
			}
			other := strings.Split(o.Path, "/")
			return matchesAll(other, with) && earlier(other, template)
		}) {
			return false
		}
	}
	return len(e.Methods) > 0
}

// matchesAll tells whether a template matches every path that another one matches.
func matchesAll(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !parameter(a[i]) && a[i] != b[i] {
			return false
		}
	}
	return true
}

// earlier tells whether the first of two templates has the earlier literal segment, and counts where both match.
func earlier(a, b []string) bool {
	for i := range a {
		if parameter(a[i]) != parameter(b[i]) {
			return parameter(b[i])
		}
	}
	return false
}

// declares tells whether a request says what stands at a pointer.
func declares(m *ir.Message, pointer string) bool {
	at := func(declared string) bool { return covers(strings.Split(declared, "/"), strings.Split(pointer, "/")) }
	return slices.ContainsFunc(m.NotPersonal, at) || slices.ContainsFunc(m.Totals, at) ||
		slices.ContainsFunc(m.Fields, func(f ir.Field) bool { return at(f.Pointer) }) ||
		slices.ContainsFunc(m.Switches, func(s ir.Switch) bool { return at(s.Pointer) })
}

// covers tells whether a declared pointer stands for what is found at another one: it is the same, or leads to a part around it.
func covers(declared, pointer []string) bool {
	if len(declared) > len(pointer) {
		return false
	}
	for i, x := range declared {
		if x != "*" && x != pointer[i] {
			return false
		}
	}
	return true
}
