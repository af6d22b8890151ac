package doors

import (
	"github.com/optup/optup/internal/ir"
	"github.com/optup/optup/internal/jsonfilter"
)

// The functions of this file read what is asked. Names are those of the specification to the letter, members that it does not know are left
// alone, and null is a member that is not there. They give false for a value of another type.

// several are some questions, and what all of them have.
type several struct {
	Question
	Evaluations []Question
	Semantic    string
}

// decode reads a body. What two readers could read in two ways is refused.
func decode(body []byte, read func(jsonfilter.Value) bool) bool {
	d, err := jsonfilter.Parse(body)
	return err == nil && read(d.Value())
}

func (s *several) read(v jsonfilter.Value) bool {
	return members(v, func(name string, v jsonfilter.Value) bool {
		switch name {
		case "evaluations":
			return list(v, &s.Evaluations, func(q *Question, v jsonfilter.Value) bool { return q.read(v) })
		case "options":
			return members(v, func(name string, v jsonfilter.Value) bool {
				return name != "evaluations_semantic" || text(&s.Semantic, v)
			})
		default:
			return s.member(name, v)
		}
	})
}

func (q *Question) read(v jsonfilter.Value) bool { return members(v, q.member) }

func (q *Question) member(name string, v jsonfilter.Value) bool {
	switch name {
	case "subject":
		return optional(&q.Subject, v, (*Subject).read)
	case "action":
		return optional(&q.Action, v, (*Action).read)
	case "resource":
		return optional(&q.Resource, v, (*Resource).read)
	case "context":
		return optional(&q.Context, v, (*Context).read)
	default:
		return true
	}
}

func (s *Subject) read(v jsonfilter.Value) bool {
	return members(v, func(name string, v jsonfilter.Value) bool {
		switch name {
		case "type":
			return text(&s.Type, v)
		case "id":
			return text(&s.ID, v)
		default:
			return true
		}
	})
}

func (a *Action) read(v jsonfilter.Value) bool {
	return members(v, func(name string, v jsonfilter.Value) bool { return name != "name" || text(&a.Name, v) })
}

func (r *Resource) read(v jsonfilter.Value) bool {
	return members(v, func(name string, v jsonfilter.Value) bool {
		switch name {
		case "type":
			return text(&r.Type, v)
		case "id":
			return text(&r.ID, v)
		case "properties":
			return members(v, r.Properties.member)
		default:
			return true
		}
	})
}

func (p *Properties) member(name string, v jsonfilter.Value) bool {
	switch name {
	case "form":
		return text(&p.Form, v)
	case "headers":
		if v.Kind() != 'n' {
			p.Headers = map[string]string{}
		}
		return members(v, func(name string, v jsonfilter.Value) bool {
			var value string
			ok := text(&value, v)
			p.Headers[name] = value
			return ok
		})
	case "body":
		return optional(&p.Body, v, func(s *string, v jsonfilter.Value) bool { return text(s, v) })
	default:
		return true
	}
}

func (c *Context) read(v jsonfilter.Value) bool {
	return members(v, func(name string, v jsonfilter.Value) bool {
		switch name {
		case "purpose":
			return text(&c.Purpose, v)
		case "channel":
			return text(&c.Channel, v)
		case "dataCategories":
			return list(v, &c.Categories, text[string])
		case "obligations":
			return list(v, &c.Obligations, text[ir.Obligation])
		case "recipient":
			return optional(&c.Recipient, v, (*Recipient).read)
		default:
			return true
		}
	})
}

func (r *Recipient) read(v jsonfilter.Value) bool {
	return members(v, func(name string, v jsonfilter.Value) bool {
		switch name {
		case "name":
			return text(&r.Name, v)
		case "role":
			return text(&r.Role, v)
		case "transfer":
			return optional(&r.Transfer, v, transfer)
		default:
			return true
		}
	})
}

func transfer(t *ir.Transfer, v jsonfilter.Value) bool {
	return members(v, func(name string, v jsonfilter.Value) bool {
		switch name {
		case "country":
			return text(&t.Country, v)
		case "basis":
			return text(&t.Basis, v)
		default:
			return true
		}
	})
}

// members reads an object member by member.
func members(v jsonfilter.Value, read func(name string, v jsonfilter.Value) bool) bool {
	for name, member := range v.Members() {
		if !read(name, member) {
			return false
		}
	}
	return v.Kind() == '{' || v.Kind() == 'n'
}

// list reads a list element by element.
func list[T any](v jsonfilter.Value, into *[]T, read func(*T, jsonfilter.Value) bool) bool {
	for element := range v.Elements() {
		var one T
		if !read(&one, element) {
			return false
		}
		*into = append(*into, one)
	}
	return v.Kind() == '[' || v.Kind() == 'n'
}

// optional reads what may be missing.
func optional[T any](into **T, v jsonfilter.Value, read func(*T, jsonfilter.Value) bool) bool {
	if v.Kind() == 'n' {
		return true
	}
	*into = new(T)
	return read(*into, v)
}

// text reads a string.
func text[T ~string](into *T, v jsonfilter.Value) bool {
	s, ok := v.Text()
	if ok {
		*into = T(s)
	}
	return ok || v.Kind() == 'n'
}
